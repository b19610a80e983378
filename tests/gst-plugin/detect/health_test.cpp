// SPDX-License-Identifier: Apache-2.0
// Tests which events of camera health the element reports.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "gst-plugin/detect/uniaddetect.h"
#include "tests/gst-plugin/detect/fake_detector.h"
#include "tests/support/gst_test.h"

namespace uniad::test {
namespace {

constexpr guint rate = 10;  // frames per second
constexpr GstClockTime frame_duration = GST_SECOND / rate;
constexpr int side = 32;
constexpr const char *any_file = UNIAD_SOURCE_ROOT "/meson.build";

// The picture that the network receives: noise around the frame's level, so that it neither freezes nor shows
// edges.
Detection seen(const FrameView &frame, guint &number) {
  Detection detection = FakeNetwork::first_byte(frame);
  detection.luma = {side, side, std::vector<std::uint8_t>(std::size_t{side} * side)};
  std::uint32_t state = ++number * 2654435761U;
  for (std::uint8_t &value : detection.luma.values) {
    state = state * 1664525U + 1013904223U;
    value = static_cast<std::uint8_t>(*frame.planes[0].data / 2U + (state >> 28));
  }
  return detection;
}

class CameraHealth : public GstTest {
 protected:
  static void SetUpTestSuite() {
    GstTest::SetUpTestSuite();
    GST_ELEMENT_REGISTER(uniaddetect, nullptr);
  }

  void start(const std::string &properties = "") {
    fake_network().judge = [this](const FrameView &frame) { return seen(frame, number_); };
    const std::string launch =
        std::string("uniaddetect name=detect source=gate mode=sync event-confirm=1/1 ") +
        "threshold=0.9 model=" + any_file + " " + properties;
    const Ref<GstElement> detect(GST_ELEMENT(gst_object_ref_sink(
        gst_parse_launch_full(launch.c_str(), nullptr, GST_PARSE_FLAG_NO_SINGLE_ELEMENT_BINS, nullptr))));
    harness_.reset(gst_harness_new_with_element(detect.get(), "sink", "src"));
    bus_.reset(gst_bus_new());
    gst_element_set_bus(harness_->element, bus_.get());
    gst_harness_set_src_caps_str(harness_.get(), "video/x-raw,format=GRAY8,width=8,height=8,framerate=10/1");
  }

  void TearDown() override {
    harness_.reset();
    if (bus_) gst_bus_set_flushing(bus_.get(), TRUE);
    bus_.reset();
    fake_network().reset();
  }

  // Shows this many frames of that brightness, a tenth of a second each.
  void show(guint8 value, guint frames) {
    for (guint i = 0; i < frames; ++i, ++index_) {
      GstBuffer *buffer = gst_buffer_new_allocate(nullptr, 64, nullptr);
      gst_buffer_memset(buffer, 0, value, 64);
      GST_BUFFER_PTS(buffer) = index_ * frame_duration;
      GST_BUFFER_DURATION(buffer) = frame_duration;
      ASSERT_EQ(gst_harness_push(harness_.get(), buffer), GST_FLOW_OK);
      gst_buffer_unref(gst_harness_pull(harness_.get()));
    }
  }

  // "black begin" and so on, for all messages since the last call.
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
  std::unique_ptr<GstHarness, HarnessTeardown> harness_;
  Ref<GstBus> bus_;
  guint number_ = 0;
  guint index_ = 0;
};

using Events = std::vector<std::string>;

constexpr guint8 street = 200;   // score 0.78
constexpr guint8 anomaly = 250;  // score 0.98
constexpr guint8 dark = 0;

TEST_F(CameraHealth, ABlackPictureIsOneEvent) {
  start();
  show(street, 20);
  show(dark, 30);
  EXPECT_EQ(events(), Events{"black begin"});
  show(street, 20);
  EXPECT_EQ(events(), Events{"black end"});
}

TEST_F(CameraHealth, AKindCanBeSwitchedOffWhilePlaying) {
  start("health=frozen,light-change");
  show(dark, 30);
  EXPECT_EQ(events(), Events{});
  g_object_set(harness_->element, "health", "all", nullptr);
  show(dark, 30);
  EXPECT_EQ(events(), Events{"black begin"});
  g_object_set(harness_->element, "health", "none", nullptr);
  show(dark, 1);
  EXPECT_EQ(events(), Events{"black end"});
}

TEST_F(CameraHealth, AnUnknownKindLeavesTheOldOnes) {
  start();
  g_object_set(harness_->element, "health", "black,rain", nullptr);
  gchar *kinds = nullptr;
  g_object_get(harness_->element, "health", &kinds, nullptr);
  EXPECT_STREQ(kinds, "all");
  g_free(kinds);
}

TEST_F(CameraHealth, AnomaliesOfABlackPictureAreItsOwnEventAlone) {
  fake_network().reset();
  start("threshold=0");  // everything is anomalous
  show(dark, 30);
  EXPECT_EQ(events(), Events{"black begin"});
}

TEST_F(CameraHealth, AnAnomalyIsTold) {
  start();
  show(street, 20);
  show(anomaly, 3);
  EXPECT_EQ(events(), Events{"anomaly begin"});
}

TEST_F(CameraHealth, AFrozenPictureIsToldAfterFreezeTime) {
  start("freeze-time=1000000000");
  show(street, 5);
  fake_network().judge = [this](const FrameView &frame) {
    guint same = 7;
    return seen(frame, same);
  };
  show(street, 9);
  EXPECT_EQ(events(), Events{});
  show(street, 4);
  EXPECT_EQ(events(), Events{"frozen begin"});
  fake_network().judge = [this](const FrameView &frame) { return seen(frame, number_); };
  show(street, 2);
  EXPECT_EQ(events(), Events{"frozen end"});
}

TEST_F(CameraHealth, AnOpenEventEndsWithTheStream) {
  start();
  show(dark, 30);
  gst_harness_push_event(harness_.get(), gst_event_new_eos());
  EXPECT_EQ(events(), (Events{"black begin", "black end"}));
}

TEST_F(CameraHealth, AFlushForgetsWhatWasSeen) {
  start();
  show(dark, 15);
  gst_harness_push_event(harness_.get(), gst_event_new_flush_start());
  gst_harness_push_event(harness_.get(), gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(harness_.get(), gst_event_new_segment(&segment));
  show(dark, 10);
  EXPECT_EQ(events(), Events{});
}

}  // namespace
}  // namespace uniad::test
