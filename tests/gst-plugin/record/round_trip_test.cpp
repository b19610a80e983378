// SPDX-License-Identifier: Apache-2.0
// The whole way as users run it: detector, encoder, recorder, and uniad extract.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "gst-plugin/base/ref.h"
#include "gst-plugin/meta/gstanomalymeta.h"
#include "tests/support/gst_test.h"
#include "tests/support/tiny_model.h"
#include "tests/training/program.h"

namespace uniad::test {
namespace {

namespace fs = std::filesystem;

class RoundTrip : public GstTest {
 protected:
  RoundTrip() {
    std::string pattern = (fs::temp_directory_path() / "uniad-round-trip-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~RoundTrip() override { fs::remove_all(folder_); }

  void SetUp() override {
    for (const char *name : {"x264enc", "h264parse", "mp4mux"}) {
      GstElementFactory *factory = gst_element_factory_find(name);
      if (factory == nullptr) GTEST_SKIP() << "needs " << name;
      gst_object_unref(factory);
    }
    write_tiny_model(folder_ / "tiny.safetensors");
  }

  // Runs a pipeline to its end.
  static void run(const std::string &launch) {
    const Ref<GstElement> pipeline(
        GST_ELEMENT(gst_object_ref_sink(gst_parse_launch(launch.c_str(), nullptr))));
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    const Ref<GstMessage> message(gst_bus_timed_pop_filtered(
        GST_ELEMENT_BUS(pipeline.get()), GST_CLOCK_TIME_NONE,
        static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_WARNING)));
    EXPECT_EQ(GST_MESSAGE_TYPE(message.get()), GST_MESSAGE_EOS);
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  }

  std::vector<std::string> lines_of(const std::string &name) const {
    std::ifstream file(folder_ / name);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }

  static bool is_event(const std::string &line) { return nlohmann::json::parse(line).contains("type"); }

  // The middle one of the scores, so that events begin and end again and again.
  double middle_score(const std::string &source) const {
    run(source + "uniaddetect threshold=1000 model=" + (folder_ / "tiny.safetensors").string() +
        " ! uniadpublish location=" + (folder_ / "scores.jsonl").string() + " ! fakesink");
    std::vector<double> scores;
    for (const std::string &line : lines_of("scores.jsonl"))
      if (!is_event(line)) scores.push_back(nlohmann::json::parse(line)["score"].get<double>());
    std::sort(scores.begin(), scores.end());
    return scores.at(scores.size() / 2);
  }

  fs::path folder_;
};

TEST_F(RoundTrip, ARecordingContainsWhatWasPublished) {
  const std::string source =
      "videotestsrc pattern=snow num-buffers=150 ! video/x-raw,format=I420,width=64,height=64,framerate=25/1 "
      "! ";
  const double threshold = middle_score(source);
  const std::string at = folder_.string();
  run(source + "uniaddetect source=gate event-hold=80000000 threshold=" + std::to_string(threshold) +
      " model=" + at + "/tiny.safetensors ! uniadpublish location=" + at +
      "/frames.jsonl ! uniadpublish mode=events location=" + at +
      "/events.jsonl ! x264enc bframes=2 key-int-max=25 ! h264parse ! uniadrecord continuous=true "
      "clips=false "
      "embed-results=true segment-time=2000000000 location=" +
      at + "/recording ! fakesink");
  std::vector<std::string> frames, events;
  for (const std::string &line : lines_of("recording/index.jsonl")) {
    const auto segment = nlohmann::json::parse(line);
    if (segment["type"] != "segment" || segment["segment"]["state"] != "end") continue;
    const Outcome outcome =
        run_uniad("extract " + at + "/recording/" + segment["segment"]["file"].get<std::string>() +
                      " --json " + at + "/extracted.jsonl",
                  folder_);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    for (const std::string &result : lines_of("extracted.jsonl"))
      (is_event(result) ? events : frames).push_back(result);
  }
  std::vector<std::string> published = lines_of("frames.jsonl");
  std::erase_if(published, is_event);
  EXPECT_EQ(published.size(), 150U);
  EXPECT_EQ(frames, published);
  EXPECT_GT(events.size(), 4U);
  EXPECT_EQ(events, lines_of("events.jsonl"));
}

}  // namespace
}  // namespace uniad::test
