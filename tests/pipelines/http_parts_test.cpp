// SPDX-License-Identifier: Apache-2.0
// The parts of the HTTP interface that a client cannot wait for, or cannot bring about.
#include <glib.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "gst-plugin/base/ref.h"
#include "gst-plugin/meta/gstanomalymeta.h"
#include "pipelines/uniad-rtsp/base/camera_status.h"
#include "pipelines/uniad-rtsp/http/access.h"
#include "pipelines/uniad-rtsp/http/health.h"
#include "tests/support/gst_test.h"

namespace uniad::rtsp {
namespace {

using std::chrono::seconds;

class HttpPartsTest : public test::GstTest {};

constexpr auto right = "Bearer right-token-0123456789";
constexpr auto wrong = "Bearer wrong-token-0123456789";

unsigned status_of(Access &access, const std::string &client, const std::string &authorization,
                   Access::Clock::time_point now, Role needed = Role::viewer) {
  const auto refusal = access.refusal({client, "cam.example", "", authorization}, needed, now);
  return refusal ? refusal->status : 200;
}

Access make_access() {
  g_setenv("UNIAD_TEST_TOKEN", "right-token-0123456789", TRUE);
  HttpConfig config;
  config.tokens = {{Role::operator_role, "env:UNIAD_TEST_TOKEN", "c.toml:1"}};
  return Access(config);
}

TEST_F(HttpPartsTest, WhoGuessesTokensWaitsAMinuteAndOthersDoNot) {
  Access access = make_access();
  const Access::Clock::time_point begin{};
  for (int i = 0; i < 10; ++i) EXPECT_EQ(status_of(access, "10.0.0.1", wrong, begin), 401U);
  EXPECT_EQ(status_of(access, "10.0.0.1", right, begin + seconds(59)), 429U);
  EXPECT_EQ(status_of(access, "10.0.0.2", right, begin + seconds(59)), 200U);
  EXPECT_EQ(status_of(access, "10.0.0.1", right, begin + seconds(60)), 200U);
  for (int i = 0; i < 9; ++i) EXPECT_EQ(status_of(access, "10.0.0.1", wrong, begin + seconds(61)), 401U);
  EXPECT_EQ(status_of(access, "10.0.0.1", right, begin + seconds(62)), 200U);
}

TEST_F(HttpPartsTest, ClientsWithoutATokenAreNoGuesses) {
  Access access = make_access();
  const Access::Clock::time_point begin{};
  for (int i = 0; i < 100; ++i) EXPECT_EQ(status_of(access, "10.0.0.1", "", begin), 401U);
  EXPECT_EQ(status_of(access, "10.0.0.1", right, begin), 200U);
  EXPECT_EQ(status_of(access, "10.0.0.1", right, begin, Role::admin), 403U);
}

TEST_F(HttpPartsTest, RemembersABoundedNumberOfClients) {
  Access access = make_access();
  const Access::Clock::time_point begin{};
  for (int i = 0; i < 5000; ++i) status_of(access, std::to_string(i), wrong, begin);
  EXPECT_EQ(status_of(access, "new", right, begin), 200U);
}

Ref<GstSample> frame(GstClockTime pts, GstClockTime age, double score) {
  const Ref<GstBuffer> buffer(gst_buffer_new());
  GST_BUFFER_PTS(buffer.get()) = pts;
  GstAnomalyMeta *meta = gst_buffer_add_anomaly_meta(buffer.get(), "gate", score, age);
  gst_anomaly_meta_set_threshold(meta, 2, 0.5);
  meta->anomalous = score >= 2 ? TRUE : FALSE;
  const Ref<GstCaps> caps(gst_caps_from_string("video/x-raw,format=I420,width=64,height=48,framerate=25/1"));
  return Ref<GstSample>(gst_sample_new(buffer.get(), caps.get(), nullptr, nullptr));
}

TEST_F(HttpPartsTest, AResultThatLaterFramesRepeatCountsOnce) {
  EventLog events;
  CameraStatus status("gate", events);
  for (const auto &[pts, age, score] : {std::tuple{100, 0, 1.0},
                                        {140, 40, 1.0},
                                        {180, 80, 1.0},
                                        {220, 40, 3.0},
                                        {260, 80, 3.0},
                                        {300, 0, 1.5}})
    status.note_frame(frame(static_cast<GstClockTime>(pts), static_cast<GstClockTime>(age), score).get());
  const CameraFigures figures = status.figures();
  EXPECT_EQ(figures.frames, 6U);
  EXPECT_EQ(figures.judged, 3U);
  EXPECT_EQ(figures.anomalous, 1U);
  ASSERT_TRUE(figures.newest);
  EXPECT_EQ(figures.newest->score, 1.5);
  EXPECT_EQ(figures.newest->threshold, 2.0);
  EXPECT_EQ(figures.state, CameraState::online);
}

TEST_F(HttpPartsTest, CountsGoOnWithTheNextPipeline) {
  EventLog events;
  CameraStatus status("gate", events);
  status.note_elements({.skipped = 3, .lost = 5, .queued = 2});
  status.note_end_of_pipeline();
  EXPECT_EQ(status.figures().elements.skipped, 3U);
  EXPECT_EQ(status.figures().elements.queued, 0U);
  status.note_elements({.skipped = 1, .lost = 0, .queued = 1});
  EXPECT_EQ(status.figures().elements.skipped, 4U);
  EXPECT_EQ(status.figures().elements.lost, 5U);
  EXPECT_EQ(status.figures().elements.queued, 1U);
}

TEST_F(HttpPartsTest, KeepsTheNewestThousandEventsAndEachOnce) {
  EventLog log;
  for (int i = 0; i < 1500; ++i)
    for (const auto state : {GST_ANOMALY_EVENT_BEGIN, GST_ANOMALY_EVENT_END}) {
      Event event;
      event.id = std::to_string(i);
      event.kind = i % 2 == 0 ? "anomaly" : "black";
      event.state = state;
      log.note(i % 4 == 0 ? "gate" : "belt", event);
    }
  const auto all = log.newest("", "", 2000);
  ASSERT_EQ(all.size(), 1000U);
  EXPECT_EQ(all.front().id, "1499");
  EXPECT_EQ(all.back().id, "500");
  EXPECT_NE(all.front().line.find("\"state\":\"end\""), std::string::npos);
  EXPECT_EQ(log.newest("gate", "", 2000).size(), 250U);
  EXPECT_EQ(log.newest("gate", "black", 2000).size(), 0U);
  EXPECT_EQ(log.newest("", "black", 7).size(), 7U);
}

TEST_F(HttpPartsTest, SaysWhatIsStuck) {
  EventLog events;
  CameraStatus status("gate", events);
  seconds main_loop{0};
  const Site site{{{"gate", "rtsp://x/gate", false, std::nullopt, status, [] { return 0U; }}},
                  events,
                  [] { return 0U; },
                  [&main_loop] { return main_loop; }};
  EXPECT_EQ(liveness(site).status, 200U);
  EXPECT_EQ(readiness(site).status, 503U);  // it has not been tried yet
  status.set_state(CameraState::no_signal, "no route");
  EXPECT_EQ(readiness(site).status, 200U);
  main_loop = seconds(16);
  EXPECT_EQ(liveness(site).status, 503U);
}

}  // namespace
}  // namespace uniad::rtsp
