// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <fstream>
#include <string>

#include "tests/pipelines/server_fixture.h"

// What uniad-rtsp does about cameras that misbehave as bad_camera.cpp says.
namespace uniad::rtsp {
namespace {

class BadCamera : public RtspServer {
 protected:
  std::map<std::string, std::string> with_bad_cameras() const {
    return {{"GST_PLUGIN_PATH", std::string(UNIAD_BAD_CAMERA) + ":" + g_getenv("GST_PLUGIN_PATH")},
            {"GST_REGISTRY", (folder_ / "registry.bin").string()},
            {"GST_REGISTRY_FORK", "no"}};
  }
};

int status_after_signal(Server &server) {
  server.send_signal(SIGTERM);
  return server.wait().status;
}

TEST_F(BadCamera, ThatDoesNotStopIsCapturedAgainWhileTheOthersGoOn) {
  Server server(write_config("c.toml", camera("stuck", "rtsp://stop/10") + camera("near", "test://green")), 2,
                with_bad_cameras());
  Viewer viewer(server.urls["stuck"]);
  ASSERT_TRUE(logs(server, "stuck: its pipeline does not stop and is abandoned (1 of at most 16)"));
  Viewer other(server.urls["near"]);
  EXPECT_TRUE(other.reaches(is_green));
  for (int round = 0; round < 2; ++round) {
    EXPECT_TRUE(viewer.reaches(is_black));
    EXPECT_TRUE(viewer.reaches(is_green));
  }
  EXPECT_EQ(status_after_signal(server), 0);
}

TEST_F(BadCamera, ThatNeverStartsIsTriedAgain) {
  Server server(write_config("c.toml", camera("stuck", "rtsp://start/10", "timeout = \"2s\"\n") +
                                           camera("near", "test://green")),
                2, with_bad_cameras());
  Viewer other(server.urls["near"]);
  EXPECT_TRUE(other.reaches(is_green));
  ASSERT_TRUE(logs(server, "stuck: its pipeline does not stop and is abandoned"));
  EXPECT_EQ(status_after_signal(server), 0);
}

TEST_F(BadCamera, ThatStartsDoesNotHoldUpTheEnd) {
  Server server(write_config("c.toml", camera("stuck", "rtsp://start/10")), 1, with_bad_cameras());
  EXPECT_EQ(status_after_signal(server), 0);
}

TEST_F(BadCamera, TooManyThatDoNotStopEndTheProgramForItsSupervisor) {
  std::string cameras;
  for (int i = 0; i < 16; ++i) cameras += camera("c" + std::to_string(i), "rtsp://stop/1");
  Server server(write_config("c.toml", cameras), 16, with_bad_cameras());
  const auto ended = server.wait();
  EXPECT_EQ(ended.status, 1) << ended.err;
  EXPECT_NE(ended.err.find("too many pipelines do not stop"), std::string::npos) << ended.err;
}

// Heaps of glibc beside the first: each begins at a multiple of its largest size.
int count_heaps(const Server &server) {
  constexpr std::uint64_t size = 64U << 20U;
  std::ifstream maps("/proc/" + server.id() + "/maps");
  int heaps = 0;
  for (std::string line; std::getline(maps, line);) {
    const bool is_anonymous = line.find(" rw-p 00000000 00:00 0") != std::string::npos &&
                              line.find_first_of("/[") == std::string::npos;
    if (is_anonymous && std::stoull(line, nullptr, 16) % size == 0) ++heaps;
  }
  return heaps;
}

// What reconnects leave behind in each heap adds up, so their number decides how much memory grows.
TEST_F(BadCamera, HoweverOftenCamerasComeBackTheirMemoryLiesInTheSameTwoHeaps) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "AddressSanitizer has an allocator of its own";
#endif
  std::string cameras;
  for (int i = 0; i < 8; ++i) cameras += camera("c" + std::to_string(i), "rtsp://ends/2");
  Server server(write_config("c.toml", cameras), 8, with_bad_cameras());
  for (int round = 0; round < 50; ++round) ASSERT_TRUE(logs(server, "the source has ended; trying again"));
  EXPECT_LE(count_heaps(server), 1);
  const std::string log = end_of_log(server);
  EXPECT_EQ(log.find("abandoned"), std::string::npos) << log;
}

TEST_F(BadCamera, SlowerThanTheTimeoutIsFoundOutAndStays) {
  for (const std::string host : {"slow", "moody"}) {
    SCOPED_TRACE(host);
    Server server(write_config("c.toml", camera("cam0", "rtsp://" + host + "/100", "timeout = \"1s\"\n")), 1,
                  with_bad_cameras());
    Viewer viewer(server.urls["cam0"]);
    const auto brings_four_of_its_own = [&viewer] {
      for (int i = 0; i < 4; ++i)
        if (!is_green(viewer.next())) return false;
      return true;
    };
    bool stays = false;
    for (int i = 0; !stays && i < 200; ++i) stays = brings_four_of_its_own();
    EXPECT_TRUE(stays);
    const std::string log = end_of_log(server);
    EXPECT_NE(log.find("cam0: no frame for 1 s"), std::string::npos) << log;
  }
}

TEST_F(BadCamera, WithoutARateHasAPlaceholderOfTenFramesASecond) {
  Server server(write_config("c.toml", camera("norate", "rtsp://norate/10")), 1, with_bad_cameras());
  Viewer viewer(server.urls["norate"]);
  ASSERT_TRUE(viewer.reaches(is_green));
  ASSERT_TRUE(viewer.reaches(is_black));
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(is_black(viewer.next()));
  EXPECT_GT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
}

// Some clients keep the first size for ever.
TEST_F(BadCamera, ThatIsLateShowsItsOwnSizeToWhoCameFirst) {
  Server server(write_config("c.toml", camera("late", "rtsp://late/1000")), 1, with_bad_cameras());
  const Picture first = Viewer(server.urls["late"]).next();
  EXPECT_EQ(first.width, 160);
  EXPECT_EQ(first.height, 120);
  EXPECT_TRUE(is_green(first));
}

}  // namespace
}  // namespace uniad::rtsp
