// SPDX-License-Identifier: Apache-2.0
// The gst-launch examples, run as a user runs them, on a generated clip and a generated model.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/child_process.h"
#include "tests/support/tiny_model.h"

namespace uniad {
namespace {

using test::ChildProcess;
using test::Finished;

const std::string examples = UNIAD_SOURCE_ROOT "/pipelines/examples/";

std::vector<nlohmann::json> json_lines(std::istream &stream) {
  std::vector<nlohmann::json> lines;
  for (std::string line; std::getline(stream, line);)
    if (!line.empty() && line.front() == '{') lines.push_back(nlohmann::json::parse(line));
  return lines;
}

// Frames that a foreign program decodes from a video.
int count_frames(const std::filesystem::path &video) {
  const Finished probed =
      test::run({"ffprobe", "-v", "error", "-count_frames", "-select_streams", "v:0", "-show_entries",
                 "stream=nb_read_frames", "-of", "csv=p=0", video.string()});
  return probed.status == 0 ? std::stoi(probed.out) : -1;
}

class Examples : public testing::Test {
 protected:
  void SetUp() override {
    g_autofree char *name = g_dir_make_tmp("uniad-examples-XXXXXX", nullptr);
    folder_ = name;
    model_ = folder_ / "model.safetensors";
    clip_ = folder_ / "clip.mp4";
    test::write_tiny_model(model_);
    const Finished made = test::run({"gst-launch-1.0", "-q", "videotestsrc", "pattern=ball", "num-buffers=20",
                                     "!", "video/x-raw,width=160,height=120,framerate=10/1", "!", "x264enc",
                                     "!", "mp4mux", "!", "filesink", "location=" + clip_.string()});
    ASSERT_EQ(made.status, 0) << made.err;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_, model_, clip_;
};

TEST_F(Examples, AFileBecomesAVideoAndLinesOfJson) {
  const auto out = folder_ / "out.mp4";
  const Finished example = test::run({examples + "file.sh", model_.string(), clip_.string(), out.string()});
  ASSERT_EQ(example.status, 0) << example.err;
  EXPECT_EQ(count_frames(out), 20);
  std::ifstream stream(folder_ / "out.jsonl");
  const auto lines = json_lines(stream);
  ASSERT_EQ(lines.size(), 20U);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(lines[i].at("version"), 1);
    EXPECT_EQ(lines[i].at("pts").get<std::uint64_t>() - lines[0].at("pts").get<std::uint64_t>(),
              i * 100'000'000);
    EXPECT_GT(lines[i].at("score"), 0);
  }
}

TEST_F(Examples, AWebcamIsWatched) {
  if (!std::filesystem::exists("/dev/video0"))
    GTEST_SKIP() << "needs a camera at /dev/video0, which is not here";
  const auto out = folder_ / "webcam.mp4";
  const Finished example = test::run(
      {examples + "webcam.sh", model_.string(), "/dev/video0"},
      {{"FRAMES", "10"}, {"SINK", "videoconvert ! x264enc ! mp4mux ! filesink location=" + out.string()}});
  ASSERT_EQ(example.status, 0) << example.err;
  EXPECT_EQ(count_frames(out), 10);
}

#ifdef UNIAD_RTSP
TEST_F(Examples, AnIpCameraIsWatched) {
  std::ofstream(folder_ / "camera.toml")
      << "[server]\nport = 0\n[[camera]]\nname = \"eye\"\nuri = \"test://ball\"\n";
  ChildProcess camera({UNIAD_RTSP, (folder_ / "camera.toml").string()});
  const auto line = camera.read_out_line();
  ASSERT_TRUE(line) << camera.wait().err;
  const Finished example =
      test::run({examples + "rtsp-in.sh", model_.string(), line->substr(line->find("rtsp://"))},
                {{"FRAMES", "50"}, {"SINK", "fakesink"}});
  ASSERT_EQ(example.status, 0) << example.err;
  std::istringstream stream(example.out);
  const auto lines = json_lines(stream);
  // Other lines are about events.
  const auto frames =
      std::count_if(lines.begin(), lines.end(), [](const auto &line) { return !line.contains("type"); });
  EXPECT_GT(frames, 0);  // those that came before the first result have none
  EXPECT_LE(frames, 50);
  for (const auto &line : lines) EXPECT_TRUE(line.contains("type") || line.at("score") > 0) << line;
}

TEST_F(Examples, AnAnnotatedStreamIsServed) {
  ChildProcess server({examples + "rtsp-out.sh", model_.string(), clip_.string(), "0"},
                      {{"UNIAD_RTSP", UNIAD_RTSP}});
  const auto line = server.read_out_line();
  ASSERT_TRUE(line) << server.wait().err;
  const Finished probed =
      test::run({"ffprobe", "-v", "error", "-rtsp_transport", "tcp", "-show_entries",
                 "stream=codec_name,width,height", "-of", "csv=p=0", line->substr(line->find("rtsp://"))});
  EXPECT_EQ(probed.out, "h264,160,120\n") << probed.err;
  server.send_signal(SIGTERM);
  server.wait();
}
#endif

TEST_F(Examples, SayWhatTheyNeed) {
  for (const char *name : {"file.sh", "webcam.sh", "rtsp-in.sh", "rtsp-out.sh"}) {
    const Finished example = test::run({examples + name});
    EXPECT_NE(example.status, 0) << name;
    EXPECT_NE(example.err.find("a model that uniad train wrote"), std::string::npos)
        << name << ": " << example.err;
  }
}

}  // namespace
}  // namespace uniad
