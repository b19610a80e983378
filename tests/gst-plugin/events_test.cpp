// SPDX-License-Identifier: Apache-2.0
#include <gst/app/gstappsrc.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "gst-plugin/detect/uniaddetect.h"
#include "gst-plugin/publish/uniadpublish.h"
#include "tests/gst-plugin/detect/fake_detector.h"
#include "tests/support/gst_test.h"

namespace uniad::test {
namespace {

using Json = nlohmann::json;

constexpr int events = 5;
constexpr int frames_of_each = 20;  // and the same number of normal ones before them
constexpr int frames = events * 2 * frames_of_each;

// A pipeline whose detector receives `events` anomalies, and the output of its publisher.
class Events : public GstTest {
 protected:
  static void SetUpTestSuite() {
    GstTest::SetUpTestSuite();
    GST_ELEMENT_REGISTER(uniaddetect, nullptr);
    GST_ELEMENT_REGISTER(uniadpublish, nullptr);
  }

  Events() {
    std::string pattern = (std::filesystem::temp_directory_path() / "uniad-events-XXXXXX").string();
    path_ = std::filesystem::path(mkdtemp(pattern.data())) / "out.jsonl";
    fake_network().reset();
    fake_network().judge = FakeNetwork::first_byte;
  }
  ~Events() override { std::filesystem::remove_all(path_.parent_path()); }

  void make(const std::string &between, const std::string &mode) {
    g_autoptr(GError) error = nullptr;
    const std::string launch =
        "appsrc name=frames format=time caps=video/x-raw,format=GRAY8,width=8,height=8,framerate=25/1 ! "
        "uniaddetect name=detect threshold=0.5 event-hold=200000000 source=cam0 model=" UNIAD_SOURCE_ROOT
        "/meson.build ! " +
        between + " ! uniadpublish mode=" + mode + " location=" + path_.string() + " ! fakesink sync=false";
    pipeline_.reset(gst_parse_launch(launch.c_str(), &error));
    ASSERT_EQ(error, nullptr) << error->message;
  }

  Ref<GstElement> find(const char *name) const {
    return Ref<GstElement>(gst_bin_get_by_name(GST_BIN(pipeline_.get()), name));
  }

  // Pushes all frames from `first` on; the last ones are anomalous.
  void push_frames(int first = 0) const {
    const auto source = find("frames");
    for (int i = first; i < frames; ++i) {
      GstBuffer *buffer = gst_buffer_new_allocate(nullptr, 64, nullptr);
      gst_buffer_memset(buffer, 0, i / frames_of_each % 2 == 1 ? 255 : 0, 64);
      GST_BUFFER_PTS(buffer) = static_cast<guint64>(i) * 40 * GST_MSECOND;
      GST_BUFFER_DURATION(buffer) = 40 * GST_MSECOND;
      gst_app_src_push_buffer(GST_APP_SRC(source.get()), buffer);
    }
  }

  void run_to_the_end() const {
    gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
    push_frames();
    gst_app_src_end_of_stream(GST_APP_SRC(find("frames").get()));
    await(GST_MESSAGE_EOS);
    gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
  }

  void await(GstMessageType type) const {
    const Ref<GstBus> bus(gst_element_get_bus(pipeline_.get()));
    const Ref<GstMessage> message(gst_bus_timed_pop_filtered(
        bus.get(), GST_CLOCK_TIME_NONE, static_cast<GstMessageType>(type | GST_MESSAGE_ERROR)));
    EXPECT_EQ(GST_MESSAGE_TYPE(message.get()), type);
  }

  std::vector<Json> lines() const {
    std::vector<Json> result;
    std::ifstream stream(path_);
    // The newest line may be incomplete.
    for (std::string line; std::getline(stream, line) && !stream.eof();) result.push_back(Json::parse(line));
    return result;
  }

  // The publisher writes in a thread of its own.
  template <typename Condition>
  void await_lines(Condition condition) const {
    while (!condition(lines())) g_usleep(1000);
  }

  // The states by event id, in the order of the lines.
  static std::map<std::string, std::vector<std::string>> states(const std::vector<Json> &lines) {
    std::map<std::string, std::vector<std::string>> result;
    for (const auto &line : lines) {
      if (!line.contains("event")) continue;
      const std::string state = line.at("event").at("state");
      if (state != "ongoing") result[line.at("event").at("id")].push_back(state);
    }
    return result;
  }

  // Checks that each event that was written begins once and then ends once. Returns the number of events.
  std::size_t count_events() const {
    const auto found = states(lines());
    for (const auto &[id, its] : found) EXPECT_EQ(its, (std::vector<std::string>{"begin", "end"})) << id;
    return found.size();
  }

  void TearDown() override {
    if (pipeline_) gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
    pipeline_.reset();
    GstTest::TearDown();
  }

  std::filesystem::path path_;
  Ref<GstElement> pipeline_;
};

// A detector that learns has no results, or only few.
TEST_F(Events, WhileADetectorLearnsNobodyMissesItsResults) {
  for (const char *between : {"identity", "queue ! videoconvert ! tee ! queue"}) {
    make(between, "frames");
    g_object_set(find("detect").get(), "learn", 100'000U, nullptr);
    const Ref<GstBus> bus(gst_element_get_bus(pipeline_.get()));
    run_to_the_end();
    ASSERT_GT(frames, 100);
    while (const auto warning = Ref<GstMessage>(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_WARNING)))
      EXPECT_STREQ(GST_OBJECT_NAME(GST_MESSAGE_SRC(warning.get())), "detect");  // learning is not finished
    EXPECT_TRUE(lines().empty());
  }
}

constexpr const char *modes[] = {"frames", "events"};

TEST_F(Events, EachBeginAndEachEndIsWrittenOnceWhateverLiesBetween) {
  for (const char *between :
       {"identity", "queue", "videorate ! video/x-raw,framerate=60/1",
        "videorate ! video/x-raw,framerate=7/1", "videoconvert ! video/x-raw,format=I420 ! jpegenc"}) {
    for (const char *mode : modes) {
      SCOPED_TRACE(std::string(between) + " " + mode);
      make(between, mode);
      run_to_the_end();
      EXPECT_EQ(count_events(), static_cast<std::size_t>(events));
    }
  }
}

TEST_F(Events, ALeakyQueueLosesAndDoublesNoPartOfAnEvent) {
  for (const char *mode : modes) {
    make(
        "queue leaky=downstream max-size-buffers=1 max-size-time=0 max-size-bytes=0 ! identity "
        "sleep-time=5000",
        mode);
    run_to_the_end();
    count_events();
  }
}

struct Losses {
  std::mt19937 random;
  unsigned percent;
};

GstPadProbeReturn lose(GstPad * /*pad*/, GstPadProbeInfo *info, gpointer data) {
  auto *losses = static_cast<Losses *>(data);
  const bool is_event = (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM) != 0;
  if (is_event && GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) != GST_EVENT_CUSTOM_DOWNSTREAM)
    return GST_PAD_PROBE_OK;
  return losses->random() % 100 < losses->percent ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
}

// Like a leaky queue and a valve, loses frames and events of the stream alike.
TEST_F(Events, WhateverIsLostOnTheWayEachBeginHasOneEnd) {
  for (unsigned seed = 0; seed < 8; ++seed) {
    for (const char *mode : modes) {
      Losses losses{std::mt19937(seed), 10 + seed * 12};
      SCOPED_TRACE(std::string(mode) + " " + std::to_string(losses.percent) + " % are lost");
      make("identity name=way", mode);
      const Ref<GstPad> pad(gst_element_get_static_pad(find("way").get(), "src"));
      gst_pad_add_probe(
          pad.get(),
          static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM), lose,
          &losses, nullptr);
      run_to_the_end();
      const std::size_t found = count_events();
      if (losses.percent < 40) {
        EXPECT_EQ(found, static_cast<std::size_t>(events));
      }
    }
  }
}

// The valve is closed from the middle of the first anomaly to the middle of the second, so that the second
// begins when frames arrive again.
TEST_F(Events, AValveLosesAndDoublesNoPartOfAnEvent) {
  struct Switch {
    GstElement *valve;
    int frame = 0;
  };
  for (const char *mode : modes) {
    SCOPED_TRACE(mode);
    make("valve name=valve", mode);
    const auto valve = find("valve");
    Switch in_time{valve.get()};
    const Ref<GstPad> pad(gst_element_get_static_pad(valve.get(), "sink"));
    gst_pad_add_probe(
        pad.get(), GST_PAD_PROBE_TYPE_BUFFER,
        [](GstPad *, GstPadProbeInfo *, gpointer data) {
          auto *self = static_cast<Switch *>(data);
          const int number = self->frame++;
          if (number == 30 || number == 70) g_object_set(self->valve, "drop", number == 30, nullptr);
          return GST_PAD_PROBE_OK;
        },
        &in_time, nullptr);
    run_to_the_end();
    EXPECT_EQ(count_events(), static_cast<std::size_t>(events));
  }
}

// Regression test: with a looped file or a lost camera, there was a "begin" but never an "end".
TEST_F(Events, AnEventThatIsOpenEndsWithTheStreamAndTheLinesSayWhy) {
  for (const char *mode : modes) {
    SCOPED_TRACE(mode);
    make("identity", mode);
    run_to_the_end();
    const Json last = lines().back();
    EXPECT_EQ(last.at("type"), "event");
    EXPECT_EQ(last.at("event").at("state"), "end");
    EXPECT_EQ(last.at("event").at("reason"), "eos");
    EXPECT_EQ(last.at("event").at("frames"), frames_of_each);
    EXPECT_EQ(last.at("event").at("begin").at("pts"), (frames - frames_of_each) * 40'000'000LL);
  }
}

TEST_F(Events, AFlushOrAStopInsideAnEventEndsItInTheLines) {
  for (const char *mode : modes) {
    for (const bool flushes : {false, true}) {
      SCOPED_TRACE(std::string(mode) + (flushes ? " flush" : " stop"));
      make("queue", mode);
      gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
      push_frames();
      await_lines([](const auto &written) { return states(written).size() == events; });
      if (flushes) {
        const auto source = find("frames");
        gst_element_send_event(source.get(), gst_event_new_flush_start());
        gst_element_send_event(source.get(), gst_event_new_flush_stop(TRUE));
        await_lines([](const auto &written) { return written.back().at("event").at("state") == "end"; });
      }
      gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
      EXPECT_EQ(count_events(), static_cast<std::size_t>(events));
      EXPECT_EQ(lines().back().at("event").at("reason"), flushes ? "flush" : "stopped");
    }
  }
}

TEST_F(Events, EveryLineTellsItsTimeInUtcAndItsSessionWhichIsAnotherAfterEachStart) {
  std::vector<std::string> sessions;
  for (const char *mode : modes) {
    make("identity", mode);
    run_to_the_end();
    const auto written = lines();
    ASSERT_FALSE(written.empty());
    sessions.push_back(written[0].at("session"));
    std::string before;
    for (const auto &line : written) {
      EXPECT_EQ(line.at("session"), sessions.back());
      EXPECT_EQ(line.at("time_source"), "arrival");
      const std::string time = line.at("time");
      g_autoptr(GDateTime) parsed = g_date_time_new_from_iso8601(time.c_str(), nullptr);
      ASSERT_NE(parsed, nullptr) << time;
      g_autoptr(GDateTime) now = g_date_time_new_now_utc();
      const GTimeSpan ago = g_date_time_difference(now, parsed);
      EXPECT_GE(ago, 0);
      EXPECT_LT(ago, G_TIME_SPAN_HOUR);
    }
  }
  EXPECT_NE(sessions[0], sessions[1]);
  EXPECT_TRUE(g_uuid_string_is_valid(sessions[0].c_str()));
}

}  // namespace
}  // namespace uniad::test
