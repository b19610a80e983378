// SPDX-License-Identifier: Apache-2.0
#include "pipelines/uniad-rtsp/relay.h"

#include <gst/check/gsttestclock.h>

#include <chrono>
#include <thread>

#include "tests/support/gst_test.h"

namespace uniad::rtsp {
namespace {

// A picture whose own time means nothing to the viewers.
Ref<GstSample> picture(const char *format = "video/x-raw,format=RGB,width=8,height=2,framerate=5/1") {
  const Ref<GstCaps> caps(gst_caps_from_string(format));
  const Ref<GstBuffer> buffer(gst_buffer_new_allocate(nullptr, 48, nullptr));
  GST_BUFFER_PTS(buffer.get()) = 7 * GST_SECOND;
  return Ref<GstSample>(gst_sample_new(buffer.get(), caps.get(), nullptr, nullptr));
}

// What stands in for a viewers' media: its source, at a time of day that the test sets.
class RelayTest : public test::GstTest {
 protected:
  void SetUp() override {
    test::GstTest::SetUp();
    pipeline_ = gst_parse_launch(
        "appsrc name=frames is-live=true do-timestamp=true format=time max-buffers=2 max-bytes=0 "
        "leaky-type=downstream ! appsink name=sink sync=false async=false",
        nullptr);
    source_ = gst_bin_get_by_name(GST_BIN(pipeline_), "frames");
    sink_ = gst_bin_get_by_name(GST_BIN(pipeline_), "sink");
    clock_ = gst_test_clock_new_with_start_time(boot);
    gst_pipeline_use_clock(GST_PIPELINE(pipeline_), clock_);
    relay_.set_viewers(GST_APP_SRC(source_));
  }

  void TearDown() override {
    gst_element_set_state(pipeline_, GST_STATE_NULL);
    for (gpointer object : {gpointer(pipeline_), gpointer(source_), gpointer(sink_), gpointer(clock_)})
      gst_object_unref(object);
    test::GstTest::TearDown();
  }

  void set_state(GstState state) {
    gst_element_set_state(pipeline_, state);
    gst_element_get_state(pipeline_, nullptr, nullptr, GST_CLOCK_TIME_NONE);
  }

  void wait(GstClockTime time) { gst_test_clock_advance_time(GST_TEST_CLOCK(clock_), time); }

  void push() { relay_.push(picture().get()); }

  GstClockTime next_time() {
    const Ref<GstSample> sample(gst_app_sink_pull_sample(GST_APP_SINK(sink_)));
    return GST_BUFFER_PTS(gst_sample_get_buffer(sample.get()));
  }

  static constexpr GstClockTime boot = 3600 * GST_SECOND;

  Relay relay_;
  GstElement *pipeline_ = nullptr;
  GstElement *source_ = nullptr;
  GstElement *sink_ = nullptr;
  GstClock *clock_ = nullptr;
};

TEST_F(RelayTest, StampsWithTheTimeOfArrival) {
  set_state(GST_STATE_PLAYING);
  wait(40 * GST_MSECOND);
  push();
  EXPECT_EQ(next_time(), 40 * GST_MSECOND);
  wait(100 * GST_MSECOND);
  push();
  EXPECT_EQ(next_time(), 140 * GST_MSECOND);
}

// A pipeline that starts gives its elements the clock before it gives them the base time.
TEST_F(RelayTest, AFrameThatComesWhileViewersStartIsNotStampedHoursAhead) {
  push();
  set_state(GST_STATE_PAUSED);
  push();
  gst_element_set_clock(source_, clock_);
  push();
  set_state(GST_STATE_PLAYING);
  wait(40 * GST_MSECOND);
  push();
  EXPECT_EQ(next_time(), 40 * GST_MSECOND);
}

TEST_F(RelayTest, AFrameThatComesWhileViewersPauseDoesNotHoldUpTheNext) {
  set_state(GST_STATE_PLAYING);
  wait(40 * GST_MSECOND);
  push();
  EXPECT_EQ(next_time(), 40 * GST_MSECOND);
  set_state(GST_STATE_PAUSED);
  wait(1800 * GST_SECOND);
  push();
  set_state(GST_STATE_PLAYING);
  wait(40 * GST_MSECOND);
  push();
  EXPECT_EQ(next_time(), 80 * GST_MSECOND);
}

TEST_F(RelayTest, OutlivesItsViewers) {
  Relay relay;
  {
    const Ref<GstElement> source(gst_element_factory_make("appsrc", nullptr));
    relay.set_viewers(GST_APP_SRC(gst_object_ref_sink(source.get())));
  }
  EXPECT_FALSE(relay.is_live());
  relay.push(picture().get());
  EXPECT_TRUE(relay.is_live());
  EXPECT_EQ(relay.format().width, 8);
  EXPECT_EQ(relay.format().fps_n, 5);
}

TEST_F(RelayTest, ShowsThePlaceholderOnlyWhileTheCameraIsAway) {
  set_state(GST_STATE_PLAYING);
  wait(GST_MSECOND);
  relay_.push_placeholder(picture().get());
  EXPECT_EQ(next_time(), GST_MSECOND);
  wait(GST_MSECOND);
  push();
  EXPECT_EQ(next_time(), 2 * GST_MSECOND);
  wait(GST_MSECOND);
  relay_.push_placeholder(picture().get());
  wait(GST_MSECOND);
  push();
  EXPECT_EQ(next_time(), 4 * GST_MSECOND);
}

// The encoder need not begin anew for a placeholder that comes at a rate of its own.
TEST_F(RelayTest, ThePlaceholderStatesTheCamerasRate) {
  set_state(GST_STATE_PLAYING);
  Relay relay(std::chrono::milliseconds(1));
  relay.set_viewers(GST_APP_SRC(source_));
  relay.push(picture("video/x-raw,format=RGB,width=8,height=2,framerate=0/1").get());
  next_time();
  while (relay.is_live()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  relay.push_placeholder(picture().get());
  const Ref<GstSample> sample(gst_app_sink_pull_sample(GST_APP_SINK(sink_)));
  int numerator = -1, denominator = -1;
  gst_structure_get_fraction(gst_caps_get_structure(gst_sample_get_caps(sample.get()), 0), "framerate",
                             &numerator, &denominator);
  EXPECT_EQ(numerator, 0);
  EXPECT_EQ(denominator, 1);
}

TEST_F(RelayTest, PatienceFollowsTheStreamsOwnRate) {
  using std::chrono::milliseconds;
  Relay relay(milliseconds(10));
  EXPECT_EQ(relay.patience(), milliseconds(10));
  relay.push(picture().get());
  std::this_thread::sleep_for(milliseconds(100));
  relay.begin();  // what passes between two pipelines is no interval of the stream's
  relay.push(picture().get());
  EXPECT_EQ(relay.patience(), milliseconds(10));
  std::this_thread::sleep_for(milliseconds(100));
  relay.push(picture().get());
  EXPECT_GE(relay.patience(), milliseconds(300));
  for (int i = 0; i < 500; ++i) relay.push(picture().get());
  EXPECT_LT(relay.patience(), milliseconds(300));
}

TEST_F(RelayTest, WhoComesBeforeTheFirstFrameWaitsForItsFormat) {
  Relay relay;
  std::thread camera([&relay] { relay.push(picture().get()); });
  relay.wait_for_format();
  EXPECT_EQ(relay.format().width, 8);
  camera.join();

  Relay none;
  none.give_up();
  const auto begin = std::chrono::steady_clock::now();
  none.wait_for_format();
  EXPECT_EQ(none.format().width, 640);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(4));  // it would be ten
}

}  // namespace
}  // namespace uniad::rtsp
