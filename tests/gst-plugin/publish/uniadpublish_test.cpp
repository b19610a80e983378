// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/publish/uniadpublish.h"

#include <gst/app/gstappsink.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "gst-plugin/meta/gstanomalymeta.h"
#include "tests/gst-plugin/standard_output.h"
#include "tests/support/child_process.h"
#include "tests/support/gst_test.h"

namespace uniad::test {
namespace {

using Lines = std::vector<std::string>;

constexpr GstClockTime frame_duration = 40 * GST_MSECOND;

// A frame without a result.
Ref<GstBuffer> plain_frame(guint index = 0) {
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, 64, nullptr);
  GST_BUFFER_PTS(buffer) = index * frame_duration;
  return Ref<GstBuffer>(buffer);
}

Ref<GstBuffer> judged_frame(double score = 0.5, guint index = 0) {
  auto buffer = plain_frame(index);
  gst_buffer_add_anomaly_meta(buffer.get(), "cam0", score, 0);
  return buffer;
}

// The line that is written for judged_frame().
std::string line_of(const char *score = "0.5", guint index = 0) {
  return R"({"version":1,"source":"cam0","pts":)" + std::to_string(index * frame_duration) + R"(,"score":)" +
         score + R"(,"anomalous":false,"age":0,"regions":[]})";
}

class UniadPublish : public GstTest {
 protected:
  static void SetUpTestSuite() {
    GstTest::SetUpTestSuite();
    GST_ELEMENT_REGISTER(uniadpublish, nullptr);
  }

  UniadPublish() {
    std::string pattern = (std::filesystem::temp_directory_path() / "uniad-publish-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    path_ = folder_ / "out.jsonl";
  }
  ~UniadPublish() override { std::filesystem::remove_all(folder_); }

  void start(const std::string &location, GstUniadPublishMode mode = GST_UNIAD_PUBLISH_MODE_FRAMES,
             const char *caps = "video/x-raw,format=GRAY8,width=8,height=8,framerate=25/1") {
    stop();
    const Ref<GstElement> publish(GST_ELEMENT(gst_object_ref_sink(
        gst_element_factory_make_full("uniadpublish", "location", location.c_str(), "mode", mode, nullptr))));
    harness_.reset(gst_harness_new_with_element(publish.get(), "sink", "src"));
    bus_.reset(gst_bus_new());
    gst_element_set_bus(harness_->element, bus_.get());
    if (caps != nullptr) gst_harness_set_src_caps_str(harness_.get(), caps);
  }

  void stop() {
    harness_.reset();
    if (bus_) gst_bus_set_flushing(bus_.get(), TRUE);
    bus_.reset();
  }

  Ref<GstBuffer> push(Ref<GstBuffer> buffer) const {
    EXPECT_EQ(gst_harness_push(harness_.get(), buffer.release()), GST_FLOW_OK);
    return Ref<GstBuffer>(gst_harness_pull(harness_.get()));
  }

  void restart_with(const char *property, guint64 value) const {
    gst_element_set_state(harness_->element, GST_STATE_READY);
    gst_util_set_object_arg(G_OBJECT(harness_->element), property, std::to_string(value).c_str());
    gst_element_set_state(harness_->element, GST_STATE_PLAYING);
  }

  guint64 figure(const char *name) const {
    guint64 value = G_MAXUINT64;
    g_object_get(harness_->element, name, &value, nullptr);
    return value;
  }
  guint64 lost() const { return figure("lost"); }
  guint64 queued() const { return figure("queued"); }

  void wait_until_all_is_written() const {
    while (queued() > 0) std::this_thread::yield();
  }

  // Waits for the warning that results cannot be written, and returns its text.
  std::string wait_for_warning() const {
    const Ref<GstMessage> message(
        gst_bus_timed_pop_filtered(bus_.get(), GST_CLOCK_TIME_NONE, GST_MESSAGE_WARNING));
    g_autoptr(GError) warning = nullptr;
    gst_message_parse_warning(message.get(), &warning, nullptr);
    EXPECT_TRUE(g_error_matches(warning, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE));
    return warning->message;
  }

  // Returns the text of each warning so far.
  Lines warnings(GQuark domain = GST_RESOURCE_ERROR, int code = GST_RESOURCE_ERROR_WRITE) const {
    Lines texts;
    while (GstMessage *message = gst_bus_pop_filtered(bus_.get(), GST_MESSAGE_WARNING)) {
      const Ref<GstMessage> owned(message);
      g_autoptr(GError) warning = nullptr;
      gst_message_parse_warning(message, &warning, nullptr);
      EXPECT_TRUE(g_error_matches(warning, domain, code));
      texts.emplace_back(warning->message);
    }
    return texts;
  }

  // What is in the file once everything is written.
  Lines lines() const {
    if (harness_) wait_until_all_is_written();
    Lines result;
    std::ifstream stream(path_);
    for (std::string line; std::getline(stream, line);) result.push_back(line);
    return result;
  }

  void TearDown() override {
    stop();
    GstTest::TearDown();
  }

  std::filesystem::path folder_, path_;
  Harness harness_;
  Ref<GstBus> bus_;
};

TEST_F(UniadPublish, GoesThroughAllStatesAgainAndAgain) {
  const Ref<GstElement> publish(GST_ELEMENT(gst_object_ref_sink(
      gst_element_factory_make_full("uniadpublish", "location", path_.c_str(), nullptr))));
  for (int i = 0; i < 20; ++i) {
    for (const auto state : {GST_STATE_READY, GST_STATE_PAUSED, GST_STATE_PLAYING, GST_STATE_PAUSED,
                             GST_STATE_READY, GST_STATE_PAUSED, GST_STATE_NULL})
      EXPECT_EQ(gst_element_set_state(publish.get(), state), GST_STATE_CHANGE_SUCCESS);
  }
  EXPECT_EQ(lines(), Lines());
}

TEST_F(UniadPublish, EachFrameIsALine) {
  start(path_.string());
  push(judged_frame(0.5, 0));
  EXPECT_EQ(lines(), Lines{line_of("0.5", 0)});
  push(judged_frame(2, 1));
  EXPECT_EQ(lines(), (Lines{line_of("0.5", 0), line_of("2.0", 1)}));
}

TEST_F(UniadPublish, FramesWithoutResultLeaveNoLine) {
  start(path_.string());
  push(plain_frame());
  push(judged_frame());
  push(plain_frame());
  EXPECT_EQ(lines().size(), 1U);
}

TEST_F(UniadPublish, WithoutAResultOrADetectorUpstreamOneWarningSaysHowToGetThem) {
  for (const int frames : {3, 100, 250}) {  // shorter streams are reported at their end
    for (const bool ends : {true, false}) {
      SCOPED_TRACE(std::to_string(frames) + (ends ? ", then the end" : ""));
      start(path_.string());
      for (int i = 0; i < frames; ++i) push(plain_frame());
      if (ends) gst_harness_push_event(harness_.get(), gst_event_new_eos());
      const Lines told = warnings(GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED);
      ASSERT_EQ(told.size(), ends || frames >= 100 ? 1U : 0U);
      if (!told.empty()) {
        EXPECT_NE(told[0].find("Put uniaddetect before"), std::string::npos) << told[0];
      }
    }
  }
}

TEST_F(UniadPublish, ResultsThatComeLaterAreNoReasonToWarn) {
  start(path_.string());
  for (int i = 0; i < 99; ++i) push(plain_frame());
  push(judged_frame());
  for (int i = 0; i < 200; ++i) push(plain_frame());
  gst_harness_push_event(harness_.get(), gst_event_new_eos());
  EXPECT_EQ(warnings(), Lines{});
}

TEST_F(UniadPublish, EachDetectorHasItsLine) {
  start(path_.string());
  auto frame = judged_frame(0.5);
  gst_buffer_add_anomaly_meta(frame.get(), "cam0", 0.25, 0);
  push(std::move(frame));
  EXPECT_EQ(lines(), (Lines{line_of("0.5"), line_of("0.25")}));
}

TEST_F(UniadPublish, BuffersPassUntouched) {
  for (const char *caps : {"video/x-raw,format=NV12,width=8,height=8", "video/x-h264", "application/x-rtp"}) {
    SCOPED_TRACE(caps);
    start(path_.string(), GST_UNIAD_PUBLISH_MODE_FRAMES, caps);
    auto frame = judged_frame();
    GST_BUFFER_FLAG_SET(frame.get(), GST_BUFFER_FLAG_GAP | GST_BUFFER_FLAG_DELTA_UNIT);
    const Ref<GstBuffer> other_branch(gst_buffer_ref(frame.get()));
    const auto flags = GST_BUFFER_FLAGS(frame.get());
    const auto out = push(std::move(frame));
    EXPECT_EQ(out.get(), other_branch.get());
    EXPECT_EQ(GST_MINI_OBJECT_REFCOUNT_VALUE(out.get()), 2);
    EXPECT_EQ(GST_BUFFER_FLAGS(out.get()), flags);
    EXPECT_EQ(lines().size(), 1U);
  }
}

TEST_F(UniadPublish, InEventsModeOnlyABeginAndAnEndLeaveALine) {
  start(path_.string(), GST_UNIAD_PUBLISH_MODE_EVENTS);
  guint index = 0;
  for (const auto state : {GST_ANOMALY_EVENT_NONE, GST_ANOMALY_EVENT_BEGIN, GST_ANOMALY_EVENT_ONGOING,
                           GST_ANOMALY_EVENT_ONGOING, GST_ANOMALY_EVENT_END, GST_ANOMALY_EVENT_NONE}) {
    auto frame = judged_frame(0.5, index++);
    gst_anomaly_meta_set_event(gst_buffer_get_anomaly_meta(frame.get()),
                               state == GST_ANOMALY_EVENT_NONE ? nullptr : "7f3a", state);
    push(std::move(frame));
  }
  const std::string common = R"({"version":1,"type":"event","source":"cam0","pts":)";
  EXPECT_EQ(lines(),
            (Lines{common + R"(40000000,"event":{"id":"7f3a","kind":"anomaly","state":"begin",)" +
                       R"("begin":{"pts":40000000},"peak":{"score":0.5,"pts":40000000},"frames":1}})",
                   common + R"(160000000,"event":{"id":"7f3a","kind":"anomaly","state":"end",)" +
                       R"("begin":{"pts":40000000},"end":{"pts":160000000},"duration":120000000,)" +
                       R"("peak":{"score":0.5,"pts":40000000},"frames":3}})"}));
}

TEST_F(UniadPublish, TheModeChangesWhileItRuns) {
  start(path_.string(), GST_UNIAD_PUBLISH_MODE_EVENTS);
  push(judged_frame(0.5, 0));
  g_object_set(harness_->element, "mode", GST_UNIAD_PUBLISH_MODE_FRAMES, nullptr);
  push(judged_frame(0.5, 1));
  EXPECT_EQ(lines(), Lines{line_of("0.5", 1)});
}

// Adds a result to every buffer that leaves `pad`, as uniaddetect would.
GstPadProbeReturn mark(GstPad * /*pad*/, GstPadProbeInfo *info, gpointer /*data*/) {
  auto *buffer = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
  auto *meta = gst_buffer_add_anomaly_meta(buffer, "T\xC3\xBCr \"1\"\n\xFF", 3.5, 0);
  gst_anomaly_meta_set_threshold(meta, std::numeric_limits<double>::infinity(), 0.25);
  const GstAnomalyRegion region{0.5F, 0.25F, 0.125F, 0.75F, 3.5F, nullptr, nullptr};
  gst_anomaly_meta_set_regions(meta, &region, 1);
  GST_PAD_PROBE_INFO_DATA(info) = buffer;
  return GST_PAD_PROBE_OK;
}

// Adds a result to the frames that the element "detect" passes.
void add_marks(const Ref<GstElement> &pipeline) {
  const Ref<GstElement> detect(gst_bin_get_by_name(GST_BIN(pipeline.get()), "detect"));
  g_autoptr(GstPad) pad = gst_element_get_static_pad(detect.get(), "src");
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, mark, nullptr, nullptr);
}

TEST_F(UniadPublish, OneBranchOfATeePublishes) {
  const Ref<GstElement> pipeline(
      gst_parse_launch("videotestsrc num-buffers=5 ! identity name=detect ! tee name=t "
                       "t. ! queue ! uniadpublish name=publish ! appsink name=a sync=false t. ! queue ! "
                       "appsink name=b sync=false",
                       nullptr));
  ASSERT_NE(pipeline, nullptr);
  add_marks(pipeline);
  const Ref<GstElement> publish(gst_bin_get_by_name(GST_BIN(pipeline.get()), "publish"));
  g_object_set(publish.get(), "location", path_.c_str(), nullptr);
  const Ref<GstElement> a(gst_bin_get_by_name(GST_BIN(pipeline.get()), "a"));
  const Ref<GstElement> b(gst_bin_get_by_name(GST_BIN(pipeline.get()), "b"));
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  for (int i = 0; i < 5; ++i) {
    const Ref<GstSample> published(gst_app_sink_pull_sample(GST_APP_SINK(a.get())));
    const Ref<GstSample> other(gst_app_sink_pull_sample(GST_APP_SINK(b.get())));
    EXPECT_EQ(gst_sample_get_buffer(published.get()), gst_sample_get_buffer(other.get()));
  }
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  EXPECT_EQ(lines().size(), 5U);
}

// Runs a pipeline to its end. The element "detect" of the description adds results to frames.
void run_pipeline(const std::string &description) {
  g_autoptr(GError) error = nullptr;
  const Ref<GstElement> pipeline(gst_parse_launch(description.c_str(), &error));
  ASSERT_EQ(error, nullptr) << error->message;
  add_marks(pipeline);
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  const Ref<GstBus> bus(gst_element_get_bus(pipeline.get()));
  const Ref<GstMessage> end(gst_bus_timed_pop_filtered(
      bus.get(), GST_CLOCK_TIME_NONE, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
  EXPECT_EQ(GST_MESSAGE_TYPE(end.get()), GST_MESSAGE_EOS);
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
}

// Python's parser, which rejects everything that is not JSON, and prints what it parsed.
constexpr const char *foreign_parser = R"(
import json, sys
def refuse(name):
    raise ValueError(name)
for line in open(sys.argv[1], encoding="utf-8"):
    result = json.loads(line, parse_constant=refuse)
    print(list(result), ascii(result["source"]), result["pts"], result["score"], result["threshold"],
          result["anomalous"], result["age"], sorted(result["regions"][0].items()))
)";

TEST_F(UniadPublish, AForeignParserReadsWhatAPipelineWrote) {
  run_pipeline(
      "videotestsrc num-buffers=2 ! video/x-raw,framerate=25/1 ! identity name=detect ! uniadpublish "
      "location=" +
      path_.string() + " ! fakesink");
  const Finished parsed = run({"python3", "-c", foreign_parser, path_.string()});
  EXPECT_EQ(parsed.status, 0) << parsed.err;
  const auto expected = [](const char *pts) {
    return std::string(
               "['version', 'source', 'pts', 'score', 'threshold', 'probability', 'anomalous', 'age', "
               "'regions'] 'T\\xfcr \"1\"\\n\\ufffd' ") +
           pts + " 3.5 None False 0 [('h', 0.75), ('score', 3.5), ('w', 0.125), ('x', 0.5), ('y', 0.25)]\n";
  };
  EXPECT_EQ(parsed.out, expected("0") + expected("40000000"));
}

TEST_F(UniadPublish, ResultsSurviveAnEncoder) {
  for (const char *encoder : {"jpegenc", "x264enc tune=zerolatency ! h264parse"}) {
    SCOPED_TRACE(encoder);
    run_pipeline(
        std::string("videotestsrc num-buffers=3 ! video/x-raw,format=I420,width=64,height=64,framerate=25/1"
                    " ! identity name=detect ! ") +
        encoder + " ! uniadpublish location=" + path_.string() + " ! fakesink");
    ASSERT_EQ(lines().size(), 3U);
    for (const auto &line : lines()) EXPECT_EQ(nlohmann::json::parse(line).at("score"), 3.5);
  }
}

TEST_F(UniadPublish, RestartsAtAnotherLocation) {
  start(path_.string());
  push(judged_frame(1));
  const auto second = folder_ / "zwei %20.jsonl";
  // A change while running applies at the next start.
  g_object_set(harness_->element, "location", second.c_str(), nullptr);
  push(judged_frame(2));
  EXPECT_EQ(lines(), (Lines{line_of("1.0"), line_of("2.0")}));
  EXPECT_FALSE(std::filesystem::exists(second));

  gst_element_set_state(harness_->element, GST_STATE_READY);
  gst_element_set_state(harness_->element, GST_STATE_PLAYING);
  push(judged_frame(3));
  EXPECT_EQ(lines().size(), 2U);
  path_ = second;
  EXPECT_EQ(lines(), Lines{line_of("3.0")});
}

TEST_F(UniadPublish, TakesThePlaceOfNoFileThatHoldsSomethingElse) {
  const std::string footage = "....ftypisom";
  for (const char *append : {"false", "true"}) {
    std::ofstream(path_) << footage;
    const Ref<GstElement> element(gst_element_factory_make("uniadpublish", nullptr));
    gst_object_ref_sink(element.get());
    g_object_set(element.get(), "location", path_.c_str(), nullptr);
    gst_util_set_object_arg(G_OBJECT(element.get()), "append", append);
    EXPECT_EQ(gst_element_set_state(element.get(), GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
    gst_element_set_state(element.get(), GST_STATE_NULL);
    std::ifstream file(path_);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), footage);
  }
}

TEST_F(UniadPublish, WhoRetriesToOpenAppendsToAnyFileRatherThanStopFrames) {
  std::ofstream(path_) << "....ftypisom\n";
  const Ref<GstElement> element(gst_element_factory_make("uniadpublish", nullptr));
  gst_object_ref_sink(element.get());
  g_object_set(element.get(), "location", path_.c_str(), "append", TRUE, "retry-open", TRUE, nullptr);
  EXPECT_NE(gst_element_set_state(element.get(), GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  gst_element_set_state(element.get(), GST_STATE_NULL);
  EXPECT_EQ(lines(), Lines{"....ftypisom"});
}

TEST_F(UniadPublish, ARestartBeginsTheFileAnewUnlessItAppends) {
  start(path_.string());
  for (const auto &[append, score] : {std::pair{FALSE, 1.0}, {TRUE, 2.0}, {FALSE, 3.0}}) {
    gst_element_set_state(harness_->element, GST_STATE_READY);
    g_object_set(harness_->element, "append", append, nullptr);
    gst_element_set_state(harness_->element, GST_STATE_PLAYING);
    push(judged_frame(score));
    if (append) {
      EXPECT_EQ(lines(), (Lines{line_of("1.0"), line_of("2.0")}));
    }
  }
  EXPECT_EQ(lines(), Lines{line_of("3.0")});
}

TEST_F(UniadPublish, GoesOnAfterTheEndOfTheStreamAndAFlush) {
  start(path_.string());
  push(judged_frame(1));
  gst_harness_push_event(harness_.get(), gst_event_new_eos());
  gst_harness_push_event(harness_.get(), gst_event_new_flush_start());
  gst_harness_push_event(harness_.get(), gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(harness_.get(), gst_event_new_segment(&segment));
  push(judged_frame(2));
  EXPECT_EQ(lines(), (Lines{line_of("1.0"), line_of("2.0")}));
}

TEST_F(UniadPublish, AFullDiskStopsNoFrameAndIsSaidOnce) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "needs /dev/full, which is not here";
  start("/dev/full");
  restart_with("drain-time", 0);
  for (guint i = 0; i < 5; ++i) EXPECT_NE(push(judged_frame(0.5, i)), nullptr);
  push(plain_frame(5));
  const std::string said = wait_for_warning();
  EXPECT_NE(said.find("/dev/full"), std::string::npos) << said;
  EXPECT_NE(said.find("No space left on device"), std::string::npos) << said;
  EXPECT_EQ(queued(), 5U);
  EXPECT_EQ(lost(), 0U);
  gst_element_set_state(harness_->element, GST_STATE_READY);
  EXPECT_EQ(lost(), 5U);
  EXPECT_EQ(queued(), 0U);
  const Lines at_stop = warnings();
  ASSERT_EQ(at_stop.size(), 1U);
  EXPECT_NE(at_stop[0].find("5 results were lost"), std::string::npos) << at_stop[0];
  gst_element_set_state(harness_->element, GST_STATE_PLAYING);
  EXPECT_EQ(lost(), 0U);
}

TEST_F(UniadPublish, TheNewestResultsWait) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  start(path_.string());
  restart_with("queue-size", 3);
  for (guint i = 0; i < 10; ++i) push(judged_frame(0.5, i));
  wait_for_warning();
  while (lost() < 7) g_usleep(1000);  // an attempt may be under way, with some of them
  EXPECT_EQ(queued(), 3U);
  EXPECT_EQ(lost(), 7U);
  ChildProcess reader({"cat", path_.string()});
  for (guint i = 7; i < 10; ++i) EXPECT_EQ(reader.read_out_line(), line_of("0.5", i));
  const Ref<GstMessage> over(gst_bus_timed_pop_filtered(bus_.get(), GST_CLOCK_TIME_NONE, GST_MESSAGE_INFO));
  g_autoptr(GError) info = nullptr;
  gst_message_parse_info(over.get(), &info, nullptr);
  EXPECT_NE(std::string(info->message).find("7 results were lost"), std::string::npos) << info->message;
}

TEST_F(UniadPublish, TheEndOfTheStreamWaitsForTheQueueButNotForLong) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  start(path_.string());
  restart_with("drain-time", 50 * GST_MSECOND);
  push(judged_frame());
  gst_harness_push_event(harness_.get(), gst_event_new_eos());
  EXPECT_EQ(queued(), 1U);
  gst_element_set_state(harness_->element, GST_STATE_READY);
  EXPECT_EQ(lost(), 1U);
}

TEST_F(UniadPublish, AReaderOfStandardOutputThatIsGoneStopsNoFrame) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  {
    const StandardOutput redirected(ends[1]);
    start("-");
  }
  push(judged_frame(0.5, 0));
  std::string line(line_of().size() + 1, ' ');
  EXPECT_EQ(read(ends[0], line.data(), line.size()), static_cast<ssize_t>(line.size()));
  EXPECT_EQ(line, line_of() + "\n");
  close(ends[0]);
  for (guint i = 1; i < 4; ++i) EXPECT_NE(push(judged_frame(0.5, i)), nullptr);
  const std::string said = wait_for_warning();
  EXPECT_NE(said.find("Broken pipe"), std::string::npos) << said;
  gst_element_set_state(harness_->element, GST_STATE_READY);
  EXPECT_EQ(lost(), 3U);
}

TEST_F(UniadPublish, ANamedPipeFeedsItsReader) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  start(path_.string());
  push(judged_frame(0.5, 0));
  wait_for_warning();
  ChildProcess reader({"cat", path_.string()});
  EXPECT_EQ(reader.read_out_line(), line_of("0.5", 0));
  push(judged_frame(0.5, 1));
  gst_element_set_state(harness_->element, GST_STATE_READY);
  EXPECT_EQ(reader.wait().out, line_of("0.5", 1) + "\n");
  EXPECT_EQ(lost(), 0U);
}

TEST_F(UniadPublish, EveryOutageIsSaid) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  start(path_.string());
  for (int i = 0; i < 3; ++i) {
    push(judged_frame());
    push(judged_frame());
    wait_for_warning();
    const int reader = open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    wait_until_all_is_written();
    close(reader);
  }
  EXPECT_EQ(lost(), 0U);
  EXPECT_EQ(warnings().size(), 0U);
}

TEST_F(UniadPublish, NoMoreFramesThanTheMaximumRateLeaveALine) {
  start(path_.string());
  g_object_set(harness_->element, "max-rate", 5.0, nullptr);  // of 25
  for (guint i = 0; i < 50; ++i) {
    auto frame = judged_frame(0.5, i);
    auto *meta = gst_buffer_get_anomaly_meta(frame.get());
    if (i == 11) gst_anomaly_meta_set_event(meta, "7f3a", GST_ANOMALY_EVENT_BEGIN);
    if (i == 12) gst_anomaly_meta_set_event(meta, "7f3a", GST_ANOMALY_EVENT_ONGOING);
    if (i == 13) gst_anomaly_meta_set_event(meta, "7f3a", GST_ANOMALY_EVENT_END);
    push(std::move(frame));
  }
  std::vector<int> indices;
  for (const auto &line : lines())
    indices.push_back(
        static_cast<int>(nlohmann::json::parse(line).at("pts").get<guint64>() / frame_duration));
  EXPECT_EQ(indices, (std::vector<int>{0, 5, 10, 11, 13, 15, 20, 25, 30, 35, 40, 45}));
}

struct Refused {
  int code;
  std::string text;
};

// The error with which the element refuses to start.
Refused refusal(const char *location) {
  const Ref<GstElement> publish(GST_ELEMENT(
      gst_object_ref_sink(gst_element_factory_make_full("uniadpublish", "location", location, nullptr))));
  const Ref<GstBus> bus(gst_bus_new());
  gst_element_set_bus(publish.get(), bus.get());
  EXPECT_EQ(gst_element_set_state(publish.get(), GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  const Ref<GstMessage> message(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR));
  gst_element_set_state(publish.get(), GST_STATE_NULL);
  gst_element_set_bus(publish.get(), nullptr);
  if (!message) return {-1, "no error"};
  g_autoptr(GError) error = nullptr;
  gst_message_parse_error(message.get(), &error, nullptr);
  EXPECT_EQ(error->domain,
            error->code == GST_RESOURCE_ERROR_OPEN_WRITE ? GST_RESOURCE_ERROR : GST_LIBRARY_ERROR);
  return {error->code, error->message};
}

TEST_F(UniadPublish, SaysWhyItCannotStart) {
  const std::string missing = (folder_ / "missing" / "a.jsonl").string();
  const Refused unwritable = refusal(missing.c_str());
  EXPECT_EQ(unwritable.code, GST_RESOURCE_ERROR_OPEN_WRITE);
  EXPECT_NE(unwritable.text.find(missing), std::string::npos) << unwritable.text;
  EXPECT_NE(unwritable.text.find("No such file or directory"), std::string::npos) << unwritable.text;

  const Refused broker = refusal("mqtt://user:secret@broker/topic");
  EXPECT_EQ(broker.code, GST_LIBRARY_ERROR_SETTINGS);
  EXPECT_NE(broker.text.find("mqtt://"), std::string::npos) << broker.text;
  EXPECT_EQ(broker.text.find("secret"), std::string::npos) << broker.text;

  // The typo turns it into a file in a folder that does not exist.
  const Refused mistyped = refusal("mqtt:/user:sec/ret@broker/topic");
  EXPECT_EQ(mistyped.code, GST_RESOURCE_ERROR_OPEN_WRITE);
  EXPECT_NE(mistyped.text.find("mqtt:/broker/topic"), std::string::npos) << mistyped.text;

  EXPECT_EQ(refusal(nullptr).code, GST_LIBRARY_ERROR_SETTINGS);
  EXPECT_EQ(refusal("").code, GST_LIBRARY_ERROR_SETTINGS);
}

TEST_F(UniadPublish, WritesANewFileAfterRotation) {
  start(path_.string());
  push(judged_frame(1));
  wait_until_all_is_written();
  const auto moved = folder_ / "moved.jsonl";
  std::filesystem::rename(path_, moved);
  g_signal_emit_by_name(harness_->element, "reopen");
  push(judged_frame(2));
  EXPECT_EQ(lines(), Lines{line_of("2.0")});
  path_ = moved;
  EXPECT_EQ(lines(), Lines{line_of("1.0")});
}

TEST_F(UniadPublish, BeginsAFileOfItsOwnForEachMaximumSize) {
  start(path_.string());
  gst_element_set_state(harness_->element, GST_STATE_READY);
  g_object_set(harness_->element, "max-size", guint64(line_of().size() + 1), "max-files", 2U, nullptr);
  gst_element_set_state(harness_->element, GST_STATE_PLAYING);
  for (int i = 1; i <= 3; ++i) push(judged_frame(i));
  EXPECT_EQ(lines(), Lines{line_of("3.0")});
  EXPECT_FALSE(std::filesystem::exists(path_.string() + ".2"));
  path_ += ".1";
  EXPECT_EQ(lines(), Lines{line_of("2.0")});
}

TEST_F(UniadPublish, BeginsAFileOfItsOwnAtTheMaximumAge) {
  start(path_.string());
  restart_with("max-age", 1);
  for (guint i = 0; i < 3; ++i) push(judged_frame(0.5, i));
  EXPECT_EQ(lines(), Lines{line_of("0.5", 2)});
  EXPECT_TRUE(std::filesystem::exists(path_.string() + ".2"));
  restart_with("gzip", 1);
  for (guint i = 0; i < 2; ++i) push(judged_frame(0.5, i));
  EXPECT_EQ(lines(), Lines{line_of("0.5", 1)});
  EXPECT_TRUE(std::filesystem::exists(path_.string() + ".1.gz"));
}

TEST_F(UniadPublish, AFolderThatIsMissingCostsNoFrameWhereItMayComeLater) {
  start(path_.string());
  gst_element_set_state(harness_->element, GST_STATE_READY);
  path_ = folder_ / "later" / "out.jsonl";
  g_object_set(harness_->element, "retry-open", TRUE, "location", path_.c_str(), nullptr);
  gst_element_set_state(harness_->element, GST_STATE_PLAYING);
  for (guint i = 0; i < 3; ++i) EXPECT_NE(push(judged_frame(0.5, i)), nullptr);
  const std::string said = wait_for_warning();
  EXPECT_NE(said.find(path_.string()), std::string::npos) << said;
  std::filesystem::create_directory(path_.parent_path());
  EXPECT_EQ(lines(), (Lines{line_of("0.5", 0), line_of("0.5", 1), line_of("0.5", 2)}));
  EXPECT_EQ(lost(), 0U);
}

TEST_F(UniadPublish, AFileUriIsAFile) {
  start("file://" + path_.string());
  push(judged_frame());
  EXPECT_EQ(lines(), Lines{line_of()});
}

}  // namespace
}  // namespace uniad::test
