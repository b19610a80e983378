// SPDX-License-Identifier: Apache-2.0
// A live source that is faster than the network. Time is that of a test clock, which only the test advances.
#include <gst/check/gsttestclock.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "gst-plugin/detect/uniaddetect.h"
#include "gst-plugin/meta/gstanomalymeta.h"
#include "tests/gst-plugin/detect/fake_detector.h"
#include "tests/support/gst_test.h"

namespace uniad::test {
namespace {

constexpr GstClockTime frame_period = GST_SECOND / 60;
constexpr GstClockTime judging_time = GST_SECOND / 10;

struct Arrival {
  GstClockTime pts = 0;
  GstClockTime at = 0;   // by the clock
  GstClockTime age = 0;  // of the result
  bool has_result = false;
};

class LiveRate : public GstTest {
 protected:
  static void SetUpTestSuite() {
    GstTest::SetUpTestSuite();
    GST_ELEMENT_REGISTER(uniaddetect, nullptr);
  }

  void SetUp() override {
    fake_network().reset();
    fake_network().judge = [this](const FrameView &frame) {
      sleep_by_clock(judging_time);
      ++judged_;
      return FakeNetwork::first_byte(frame);
    };
    clock_.reset(gst_test_clock_new());
    pipeline_.reset(
        gst_parse_launch("videotestsrc is-live=true ! "
                         "video/x-raw,format=GRAY8,width=8,height=8,framerate=60/1 ! "
                         "uniaddetect threshold=2 model=" UNIAD_SOURCE_ROOT "/meson.build ! "
                         "fakesink name=out sync=false enable-last-sample=false",
                         nullptr));
    gst_pipeline_use_clock(GST_PIPELINE(pipeline_.get()), clock_.get());
    const Ref<GstElement> out(gst_bin_get_by_name(GST_BIN(pipeline_.get()), "out"));
    const Ref<GstPad> pad(gst_element_get_static_pad(out.get(), "sink"));
    gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BUFFER, note_arrival, this, nullptr);
  }

  void TearDown() override {
    pipeline_.reset();
    clock_.reset();
    GstTest::TearDown();
  }

  GstTestClock *test_clock() const { return GST_TEST_CLOCK(clock_.get()); }

  // Blocks until the test has advanced the clock by this much, or has ended.
  void sleep_by_clock(GstClockTime duration) {
    GstClockID id = nullptr;
    {
      const std::lock_guard lock(mutex_);
      if (over_) return;
      id = gst_clock_new_single_shot_id(clock_.get(), gst_clock_get_time(clock_.get()) + duration);
      sleeping_ = id;
    }
    gst_clock_id_wait(id, nullptr);
    const std::lock_guard lock(mutex_);
    sleeping_ = nullptr;
    gst_clock_id_unref(id);
  }

  // Advances the clock to the next time at which the source or the network is to go on. Before that, waits
  // until both sleep: everything that happens at the present time has happened then.
  void advance() {
    gst_test_clock_wait_for_multiple_pending_ids(test_clock(), 2, nullptr);
    gst_test_clock_crank(test_clock());
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
      if (sleeping_ != nullptr) gst_clock_id_unschedule(sleeping_);
    }
    gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
  }

  GstClockTime reported_latency() const {
    const Ref<GstQuery> query(gst_query_new_latency());
    const Ref<GstElement> out(gst_bin_get_by_name(GST_BIN(pipeline_.get()), "out"));
    const Ref<GstPad> pad(gst_element_get_static_pad(out.get(), "sink"));
    EXPECT_TRUE(gst_pad_peer_query(pad.get(), query.get()));
    gboolean live = FALSE;
    GstClockTime latency = 0;
    gst_query_parse_latency(query.get(), &live, &latency, nullptr);
    EXPECT_TRUE(live);
    return latency;
  }

  static std::int64_t live_buffers() {
    const auto live = live_objects();
    return std::count_if(live.begin(), live.end(),
                         [](const std::string &object) { return object.starts_with("GstBuffer "); });
  }

  Ref<GstClock> clock_;
  Ref<GstElement> pipeline_;
  std::vector<Arrival> arrivals_;  // while the source sleeps, only the test reads it
  std::atomic<int> judged_ = 0;

 private:
  static GstPadProbeReturn note_arrival(GstPad * /*pad*/, GstPadProbeInfo *info, gpointer data) {
    auto *self = static_cast<LiveRate *>(data);
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
    const auto *meta = gst_buffer_get_anomaly_meta(buffer);
    self->arrivals_.push_back({GST_BUFFER_PTS(buffer), gst_clock_get_time(self->clock_.get()),
                               meta != nullptr ? meta->age : 0, meta != nullptr});
    return GST_PAD_PROBE_OK;
  }

  std::mutex mutex_;  // guards the members below
  bool over_ = false;
  GstClockID sleeping_ = nullptr;
};

// 60 frames a second go in and out, ten of them are judged, and neither delay nor age nor memory grows.
TEST_F(LiveRate, ASlowNetworkDoesNotDelayAFastSource) {
  gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
  gst_test_clock_crank(test_clock());  // the source waits for its first frame, and the network is idle
  std::int64_t buffers = 0;
  while (gst_clock_get_time(clock_.get()) < 10 * GST_SECOND) {
    advance();
    if (buffers == 0 && gst_clock_get_time(clock_.get()) >= GST_SECOND) {
      gst_test_clock_wait_for_multiple_pending_ids(test_clock(), 2, nullptr);
      buffers = live_buffers();
    }
  }
  gst_test_clock_wait_for_multiple_pending_ids(test_clock(), 2, nullptr);
  EXPECT_LE(live_buffers(), buffers);
  const GstClockTime latency = reported_latency();
  EXPECT_LE(latency, frame_period);
  EXPECT_NEAR(static_cast<double>(arrivals_.size()), 600, 1);
  EXPECT_NEAR(judged_, 100, 1);
  int without_result = 0;
  for (std::size_t i = 0; i < arrivals_.size(); ++i) {
    const Arrival &arrival = arrivals_[i];
    EXPECT_NEAR(static_cast<double>(arrival.pts), static_cast<double>(i * GST_SECOND) / 60, 1) << i;
    EXPECT_LE(arrival.at, arrival.pts + latency + frame_period) << i;
    without_result += arrival.has_result ? 0 : 1;
    // The newest result is of a frame that waited for up to one period while another was judged, then was
    // judged, and stays the newest until the next is.
    EXPECT_LE(arrival.age, 2 * judging_time + 2 * frame_period) << i;
  }
  EXPECT_LE(without_result, 8);  // until the first result
  stop();
}

}  // namespace
}  // namespace uniad::test
