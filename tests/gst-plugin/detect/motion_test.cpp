// SPDX-License-Identifier: Apache-2.0
// Tests which motion the element reports.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "gst-plugin/detect/uniaddetect.h"
#include "gst-plugin/meta/gstanomalymeta.h"
#include "model/engine/motion_judge.h"
#include "tests/gst-plugin/detect/fake_detector.h"
#include "tests/model/motion/scenes.h"
#include "tests/support/gst_test.h"

namespace uniad::test {
namespace {

constexpr const char *any_file = UNIAD_SOURCE_ROOT "/meson.build";
constexpr double walking = 1;  // pixels a frame
constexpr double running = 5;

// The square walks to and fro for this time.
MotionReference learned(double seconds) {
  SquareScene scene;
  MotionJudge judge;
  MotionLearner learner;
  for (int i = 0; i < seconds * 25; ++i) {
    const double place = 40 + std::abs(200 - i % 400) * walking;
    const auto motion = judge.measure(scene.at(place, 120), at_frame(i), nullptr, nullptr);
    if (motion) learner.add(motion->map, motion->step, at_frame(i), i / 80 % MotionLearner::folds);
  }
  return learner.finish({}, MotionUse::Auto);
}

class MotionInStream : public GstTest {
 protected:
  static void SetUpTestSuite() {
    GstTest::SetUpTestSuite();
    GST_ELEMENT_REGISTER(uniaddetect, nullptr);
    long_ = std::make_shared<MotionReference>(learned(64));
    short_ = std::make_shared<MotionReference>(learned(30));
  }
  static void TearDownTestSuite() {
    long_.reset();
    short_.reset();
  }

  void start(const std::shared_ptr<const MotionReference> &reference, const std::string &properties = "") {
    fake_network().judge = FakeNetwork::first_byte;
    fake_network().motion = reference;
    const std::string launch =
        std::string("uniaddetect source=gate mode=sync health=none threshold=2 model=") + any_file + " " +
        properties;
    const Ref<GstElement> detect(GST_ELEMENT(gst_object_ref_sink(
        gst_parse_launch_full(launch.c_str(), nullptr, GST_PARSE_FLAG_NO_SINGLE_ELEMENT_BINS, nullptr))));
    harness_.reset(gst_harness_new_with_element(detect.get(), "sink", "src"));
    bus_.reset(gst_bus_new());
    gst_element_set_bus(harness_->element, bus_.get());
    gst_harness_set_src_caps_str(harness_.get(),
                                 "video/x-raw,format=GRAY8,width=360,height=240,framerate=25/1");
  }

  void TearDown() override {
    harness_.reset();
    if (bus_) gst_bus_set_flushing(bus_.get(), TRUE);
    bus_.reset();
    fake_network().reset();
  }

  // Moves the square for so many frames. Returns the last one.
  Ref<GstBuffer> move(double speed, int frames) {
    Ref<GstBuffer> last;
    for (int i = 0; i < frames; ++i, ++index_) {
      place_ += speed * direction_;
      if (place_ < 40 || place_ > 280) direction_ = -direction_;
      const FrameView view = scene_.at(place_, 120);
      constexpr gsize size = gsize{scene_width} * scene_height;
      GstBuffer *buffer = gst_buffer_new_memdup(view.planes[0].data, size);
      GST_BUFFER_PTS(buffer) = static_cast<GstClockTime>(at_frame(index_).count());
      EXPECT_EQ(gst_harness_push(harness_.get(), buffer), GST_FLOW_OK);
      last.reset(gst_harness_pull(harness_.get()));
    }
    return last;
  }

  // "motion begin" and so on, for all messages since the last call.
  std::vector<std::string> events() const {
    std::vector<std::string> all;
    while (const Ref<GstMessage> message{gst_bus_pop_filtered(bus_.get(), GST_MESSAGE_ELEMENT)}) {
      const GstStructure *event = gst_message_get_structure(message.get());
      if (!gst_structure_has_name(event, "uniad-event")) continue;
      const std::string state = gst_structure_get_string(event, "state");
      if (state != "update") all.push_back(gst_structure_get_string(event, "kind") + (" " + state));
    }
    return all;
  }

  struct HarnessTeardown {
    void operator()(GstHarness *harness) const { gst_harness_teardown(harness); }
  };
  static inline std::shared_ptr<const MotionReference> long_, short_;
  std::unique_ptr<GstHarness, HarnessTeardown> harness_;
  Ref<GstBus> bus_;
  SquareScene scene_;
  int index_ = 0;
  double place_ = 40;
  double direction_ = 1;
};

using Events = std::vector<std::string>;

TEST_F(MotionInStream, WhoRunsIsOneEvent) {
  start(long_);
  move(walking, 60);
  EXPECT_EQ(events(), Events{});
  const Ref<GstBuffer> frame = move(running, 25);
  EXPECT_EQ(events(), Events{"motion begin"});
  const GstAnomalyMeta *meta = gst_buffer_get_anomaly_meta(frame.get());
  ASSERT_NE(meta, nullptr);
  EXPECT_TRUE(meta->has_motion);
  EXPECT_DOUBLE_EQ(meta->motion_threshold, long_->normal->threshold);
  EXPECT_GT(meta->motion_score, meta->motion_threshold);
  EXPECT_TRUE(meta->anomalous);
  EXPECT_LT(meta->score, meta->threshold) << "it looks as usual";
  ASSERT_GT(meta->n_regions, 0U);
  EXPECT_STREQ(meta->regions[0].kind, "motion");
  EXPECT_STREQ(meta->event_kind, "motion");
  move(walking, 60);
  EXPECT_EQ(events(), Events{"motion end"});
}

TEST_F(MotionInStream, AutoNeedsAMinuteOfIt) {
  start(short_);
  const Ref<GstBuffer> frame = move(running, 25);
  EXPECT_FALSE(gst_buffer_get_anomaly_meta(frame.get())->has_motion);
  EXPECT_EQ(events(), Events{});
  g_object_set(harness_->element, "motion", GST_UNIAD_DETECT_MOTION_ON, nullptr);
  move(running, 25);
  EXPECT_EQ(events(), Events{"motion begin"});
  g_object_set(harness_->element, "motion", GST_UNIAD_DETECT_MOTION_OFF, nullptr);
  move(running, 5);
  EXPECT_EQ(events(), Events{"motion end"});
}

TEST_F(MotionInStream, TheThresholdCanBeSet) {
  start(long_, "motion-threshold=100000");
  const Ref<GstBuffer> frame = move(running, 25);
  EXPECT_EQ(events(), Events{});
  EXPECT_EQ(gst_buffer_get_anomaly_meta(frame.get())->motion_threshold, 100000);
}

TEST_F(MotionInStream, FramesThatAreNotJudgedCount) {
  start(long_, "interval=10");
  move(walking, 41);
  move(running, 9);  // between two judged frames
  EXPECT_EQ(events(), Events{});
  move(walking, 11);
  EXPECT_EQ(events(), Events{"motion begin"});
}

TEST_F(MotionInStream, AJumpOfTheStreamIsNoMotion) {
  start(long_);
  move(walking, 30);
  index_ += 100;
  place_ = 200;
  move(walking, 30);
  EXPECT_EQ(events(), Events{});
}

// A part of a machine that goes to and fro over 30 pixels, once in a second and a half.
double machine_at(int frame) {
  return 100 + 1.5 * std::abs(20 - frame % 40);
}

MotionReference learned_machine(double seconds) {
  SquareScene scene;
  MotionJudge judge;
  MotionLearner learner;
  for (int i = 0; i < seconds * 25; ++i) {
    const auto motion = judge.measure(scene.at(machine_at(i), 120), at_frame(i), nullptr, nullptr);
    if (motion) learner.add(motion->map, motion->step, at_frame(i), i / 80 % MotionLearner::folds);
  }
  return learner.finish({}, MotionUse::Auto);
}

TEST_F(MotionInStream, AMachineThatStopsIsOneEvent) {
  const auto machine = std::make_shared<const MotionReference>(learned_machine(70));
  int frame = 0;
  const auto run = [&](int frames, bool works) {
    Ref<GstBuffer> last;
    for (int i = 0; i < frames; ++i, ++index_) {
      frame += works ? 1 : 0;
      const FrameView view = scene_.at(machine_at(frame), 120);
      GstBuffer *buffer = gst_buffer_new_memdup(view.planes[0].data, gsize{scene_width} * scene_height);
      GstMapInfo map;
      EXPECT_TRUE(gst_buffer_map(buffer, &map, GST_MAP_WRITE));
      for (int noise = 0; noise < 500; ++noise) map.data[(index_ * 7919 + noise * 173) % map.size] ^= 8;
      gst_buffer_unmap(buffer, &map);
      GST_BUFFER_PTS(buffer) = static_cast<GstClockTime>(at_frame(index_).count());
      EXPECT_EQ(gst_harness_push(harness_.get(), buffer), GST_FLOW_OK);
      last.reset(gst_harness_pull(harness_.get()));
    }
    return last;
  };
  start(machine, "stopped=true motion=off");
  run(100, true);
  run(110, false);
  EXPECT_EQ(events(), Events{}) << "a stop of 4.4 s";
  const Ref<GstBuffer> stopped = run(50, false);
  EXPECT_EQ(events(), Events{"stopped begin"});
  const GstAnomalyMeta *meta = gst_buffer_get_anomaly_meta(stopped.get());
  EXPECT_TRUE(meta->anomalous);
  EXPECT_FALSE(meta->has_motion);
  ASSERT_EQ(meta->n_regions, 1U);
  const GstAnomalyRegion &region = meta->regions[0];
  EXPECT_STREQ(region.kind, "stopped");
  // The square covers 100..170 of 360 pixels and 120..160 of 240.
  EXPECT_LT(region.x, 120.0F / 360);
  EXPECT_GT(region.x + region.w, 150.0F / 360);
  EXPECT_LT(region.y, 130.0F / 240);
  EXPECT_GT(region.y + region.h, 150.0F / 240);
  EXPECT_LT(region.w, 0.5F);
  run(25, true);
  EXPECT_EQ(events(), Events{"stopped end"});
  g_object_set(harness_->element, "stopped", FALSE, nullptr);
  run(300, false);
  EXPECT_EQ(events(), Events{});
}

TEST_F(MotionInStream, APlaceThatPeopleLeaveHasNotStopped) {
  start(long_, "stopped=true motion=off");
  move(walking, 60);
  move(0, 300);
  EXPECT_EQ(events(), Events{});
}

TEST_F(MotionInStream, LearningSeesIt) {
  start(nullptr);
  move(walking, 10);
  EXPECT_EQ(fake_network().frames_with_motion, 0) << "it is neither judged nor learned";
  g_object_set(harness_->element, "learn", 20U, nullptr);
  move(walking, 20);
  EXPECT_GE(fake_network().frames_with_motion, 17);
}

}  // namespace
}  // namespace uniad::test
