// SPDX-License-Identifier: Apache-2.0
#include "training/data/record.h"

#include "model/base/error.h"
#include "tests/support/refusal.h"
#include "tests/support/rtsp_camera.h"
#include "tests/training/data/temporary_folder.h"
#include "training/data/gstreamer.h"
#include "training/data/source.h"

namespace uniad {
namespace {

using test::holds;
using test::refusal;

class Record : public test::TemporaryFolder {
 protected:
  Progress progress_;
};

TEST_F(Record, TwoStreamsBecomeVideosOfThatLength) {
  const test::RtspCamera camera;
  const std::vector<std::string> uris{camera.uri(), camera.uri("", "rtspt")};
  const auto files = record(uris, 1, folder_, progress_);
  ASSERT_EQ(files.size(), 2U);
  for (const auto &file : files) {
    const auto sources = open_sources(std::vector{file.string()});
    EXPECT_TRUE(sources[0].warnings.empty()) << "the file is whole";
    EXPECT_GE(sources[0].train.size(), 15U);
    EXPECT_LE(sources[0].train.size(), 40U) << "25 frames a second";
  }
}

TEST_F(Record, AnAddressThatNobodyAnswersIsNamedWithoutItsPassword) {
  const std::vector<std::string> uris{"rtsp://user:secret@127.0.0.1:1/cam0"};
  const std::string text = refusal([&] { record(uris, 1, folder_, progress_); });
  EXPECT_TRUE(holds(text, "rtsp://127.0.0.1:1/cam0"));
  EXPECT_FALSE(holds(text, "secret"));
}

TEST_F(Record, AFileThatGrowsTooLargeEndsIt) {
  const test::RtspCamera camera;
  const std::vector<std::string> uris{camera.uri()};
  EXPECT_TRUE(holds(refusal([&] { record(uris, 50, folder_, progress_, 4000); }), "recording exceeds"));
}

// Contains every reserved character, in pieces that can be searched for separately.
const std::vector<std::string> pieces{"aQ7x", "bW8y", "cE9z", "dR0u", "eT1i", "fY2o", "gU3p", "hI4a"};
constexpr auto password = "aQ7x:bW8y/cE9z?dR0u#eT1i[]@fY2o!$&'()*+,;=gU3p% hI4a";

bool tells(const std::string &text) {
  return std::any_of(pieces.begin(), pieces.end(),
                     [&](const std::string &piece) { return holds(text, piece); });
}

TEST_F(Record, APasswordOfReservedCharactersOpensTheCameraRawAndEncoded) {
  g_autofree char *encoded = g_uri_escape_string(password, nullptr, FALSE);
  for (const auto method : {GST_RTSP_AUTH_BASIC, GST_RTSP_AUTH_DIGEST}) {
    const test::RtspCamera camera("admin", password, method);
    const std::vector<std::string> uris{camera.uri("admin:" + std::string(password) + "@"),
                                        camera.uri("admin:" + std::string(encoded) + "@", "rtspt")};
    EXPECT_EQ(record(uris, 0.2, folder_, progress_).size(), 2U);
  }
}

TEST_F(Record, ALoginThatFailsIsToldWithoutThePassword) {
  const test::RtspCamera camera("admin", "another", GST_RTSP_AUTH_DIGEST);
  g_autofree char *encoded = g_uri_escape_string(password, nullptr, FALSE);
  for (const std::string scheme : {"rtsp", "rtspt", "rtspu", "rtsph"})
    for (const std::string &login : {std::string(password), std::string(encoded)}) {
      const std::vector<std::string> uris{camera.uri("admin:" + login + "@", scheme)};
      const std::string text = refusal([&] { record(uris, 1, folder_, progress_); });
      EXPECT_TRUE(holds(text, camera.uri("", scheme))) << text;
      EXPECT_TRUE(holds(text, "the password")) << text;
      EXPECT_FALSE(tells(text)) << text;
    }
}

TEST_F(Record, ASchemeThatGStreamerDoesNotKnowIsNamed) {
  const std::vector<std::string> uris{"nosuch://admin:" + std::string(password) + "@host/cam0"};
  const std::string text = refusal([&] { record(uris, 1, folder_, progress_); });
  EXPECT_TRUE(holds(text, "nosuch://host/cam0")) << text;
  EXPECT_FALSE(tells(text)) << text;
}

TEST(Stream, HasANameWithoutPasswordAndQuery) {
  EXPECT_EQ(name_of_stream("rtsp://user:p@ss@host:554/live/cam0?x=1/2"), "cam0");
  EXPECT_EQ(name_of_stream("rtspt://admin:pa#ss@10.0.0.2/cam0"), "cam0");
  EXPECT_EQ(name_of_stream("rtsp://admin:pa/ss@host/cam0"), "cam0");
  EXPECT_EQ(name_of_stream("rtsp://user:secret@host"), "host");
  EXPECT_EQ(name_of_stream("v4l2:///dev/video0"), "video0");
}

TEST(Stream, IsLiveUnlessItIsAFile) {
  for (const char *stream : {"rtsp://h/a", "rtspt://h/a", "rtspu://h/a", "rtsph://h/a", "rtsps://h/a",
                             "RTSP://h/a", "http://h/a", "v4l2:///dev/video0", "srt://h:1"})
    EXPECT_TRUE(is_live(stream)) << stream;
  for (const char *file : {"gate=clip.mp4", "file:///clip.mp4", "clip.mp4", "/a/b", "gate=rtsp://h/a"})
    EXPECT_FALSE(is_live(file)) << file;
}

}  // namespace
}  // namespace uniad
