// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/support/child_process.h"
#include "tests/support/shared.h"

namespace uniad {
namespace {

using test::Finished;

const std::string pipelines = UNIAD_SOURCE_ROOT "/pipelines/";

class Demo : public testing::Test {
 protected:
  void SetUp() override {
    g_autofree char *name = g_dir_make_tmp("uniad-demo-XXXXXX", nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // 24 frames of 320x240, each of one gray: 20 + 8 times its number.
  std::string make_gray_ramp() {
    std::string clip = folder_ / "ramp.mp4";
    const Finished made = test::run({"ffmpeg", "-v", "error", "-f", "lavfi", "-i",
                                     "color=size=320x240:rate=10:duration=2.4,geq=lum=20+8*N:cb=128:cr=128",
                                     "-c:v", "libx264", "-qp", "0", clip});
    EXPECT_EQ(made.status, 0) << made.err;
    return clip;
  }

  std::filesystem::path folder_;
};

TEST_F(Demo, TheContactSheetShowsTheStrongestFramesInOrder) {
  const std::string clip = make_gray_ramp();
  const std::string results = folder_ / "results.jsonl", sheet = folder_ / "sheet.png",
                    gray = folder_ / "sheet.gray";
  std::ofstream lines(results);
  for (int frame = 0; frame < 24; ++frame) {
    const double score = frame == 17 ? 9 : frame == 3 ? 8 : frame == 10 ? 7 : frame == 20 ? 99 : 1;
    lines << R"({"version":1,"pts":)" << frame * 100000000LL << R"(,"score":)" << score
          << R"(,"anomalous":false,"age":)" << (frame == 20 ? 1 : 0) << "}\n";  // 20 only repeats a result
  }
  lines.close();
  const Finished made = test::run({pipelines + "contact-sheet.py", "--count", "3", clip, results, sheet});
  ASSERT_EQ(made.status, 0) << made.err;

  // Three tiles of 480x360 with captions of 32 rows below.
  constexpr std::size_t width = std::size_t{3} * 480, height = 360 + 32;
  ASSERT_EQ(
      test::run({"ffmpeg", "-v", "error", "-i", sheet, "-f", "rawvideo", "-pix_fmt", "gray", gray}).status,
      0);
  std::ifstream stream(gray, std::ios::binary);
  const std::vector<unsigned char> pixels(std::istreambuf_iterator<char>(stream), {});
  ASSERT_EQ(pixels.size(), width * height);
  const int frames[] = {3, 10, 17};
  for (std::size_t tile = 0; tile < 3; ++tile) {
    const double luma = 20 + 8 * frames[tile];
    EXPECT_NEAR(pixels[180 * width + 480 * tile + 240], (luma - 16) * 255 / 219, 3) << "tile " << tile;
  }
}

#ifdef UNIAD_BUILD
TEST_F(Demo, LearnsAVideoAndJudgesEveryFrameOfIt) {
  const std::string clip = folder_ / "ball.mp4", out = folder_ / "out";
  const Finished made = test::run({"gst-launch-1.0", "-q", "videotestsrc", "pattern=ball", "num-buffers=60",
                                   "!", "video/x-raw,width=160,height=120,framerate=10/1", "!", "x264enc",
                                   "!", "mp4mux", "!", "filesink", "location=" + clip});
  ASSERT_EQ(made.status, 0) << made.err;
  const Finished demo = test::run({pipelines + "demo.sh", "--build", UNIAD_BUILD, "--video", clip, "--learn",
                                   "0-39", "--backbone", "efficientnet-lite2", "--out", out});
  ASSERT_EQ(demo.status, 0) << demo.err;
  EXPECT_NE(demo.out.find("of 60 frames are anomalous"), std::string::npos) << demo.out;
  std::ifstream lines(out + "/anomalies.jsonl");
  int judged = 0;
  for (std::string line; std::getline(lines, line);)
    judged += line.find("\"type\":\"event\"") == std::string::npos ? 1 : 0;
  EXPECT_EQ(judged, 60);
  const auto probe = [&](const std::string &file, const std::string &entry) {
    return test::run({"ffprobe", "-v", "error", "-count_frames", "-select_streams", "v:0", "-show_entries",
                      "stream=" + entry, "-of", "csv=p=0", out + "/" + file})
        .out;
  };
  EXPECT_EQ(probe("annotated.mp4", "width,height,nb_read_frames"), "160,120,60\n");
  EXPECT_EQ(probe("contact-sheet.png", "codec_name,width"), "png,1920\n");
}
#endif

TEST_F(Demo, TheContactSheetNeedsResults) {
  const std::string empty = folder_ / "empty.jsonl";
  std::ofstream(empty).close();
  const Finished made = test::run({pipelines + "contact-sheet.py", "any.mp4", empty, "any.png"});
  EXPECT_EQ(made.status, 1);
  EXPECT_NE(made.err.find("empty.jsonl: no judged frame"), std::string::npos) << made.err;
}

TEST_F(Demo, RefusesWrongUsage) {
  const std::vector<std::vector<std::string>> wrong = {{"--sideways"},      {"--video"},
                                                       {"--steps", "many"}, {"--steps", "0"},
                                                       {"--learn", "3"},    {"--max-frames", "-1"}};
  for (std::vector<std::string> arguments : wrong) {
    arguments.insert(arguments.begin(), pipelines + "demo.sh");
    const Finished demo = test::run(arguments);
    EXPECT_EQ(demo.status, 2) << arguments[1];
    EXPECT_NE(demo.err.find("usage: pipelines/demo.sh"), std::string::npos) << demo.err;
  }
  const Finished demo = test::run({pipelines + "demo.sh", "--video", "no-such.mp4"});
  EXPECT_EQ(demo.status, 1);
  EXPECT_NE(demo.err.find("no-such.mp4"), std::string::npos) << demo.err;
}

}  // namespace
}  // namespace uniad
