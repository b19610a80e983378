// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <csignal>

#include "tests/pipelines/server_fixture.h"

// What uniad-rtsp does about an element that waits for ever: the sources of network cameras do as
// stuck_source.cpp says.
namespace uniad::rtsp {
namespace {

class StuckCamera : public RtspServer {
 protected:
  std::map<std::string, std::string> with_stuck_sources() const {
    return {{"GST_PLUGIN_PATH", std::string(UNIAD_STUCK_SOURCE) + ":" + g_getenv("GST_PLUGIN_PATH")},
            {"GST_REGISTRY", (folder_ / "registry.bin").string()},
            {"GST_REGISTRY_FORK", "no"}};
  }
};

int status_after_signal(Server &server) {
  server.send_signal(SIGTERM);
  return server.wait().status;
}

TEST_F(StuckCamera, IsCapturedAgainWhileTheOthersGoOn) {
  Server server(write_config("c.toml", camera("stuck", "rtsp://stop/10") + camera("near", "test://green")), 2,
                with_stuck_sources());
  Viewer viewer(server.urls["stuck"]);
  ASSERT_TRUE(logs(server, "stuck: its pipeline does not stop and is abandoned; 1 of at most 16"));
  Viewer other(server.urls["near"]);
  EXPECT_TRUE(other.reaches(is_green));
  for (int round = 0; round < 2; ++round) {
    EXPECT_TRUE(viewer.reaches(is_black));
    EXPECT_TRUE(viewer.reaches(is_green));
  }
  EXPECT_EQ(status_after_signal(server), 0);
}

TEST_F(StuckCamera, ThatNeverStartsIsTriedAgain) {
  Server server(write_config("c.toml", camera("stuck", "rtsp://start/10") + camera("near", "test://green")),
                2, with_stuck_sources());
  Viewer other(server.urls["near"]);
  EXPECT_TRUE(other.reaches(is_green));
  ASSERT_TRUE(logs(server, "stuck: its pipeline does not stop and is abandoned"));
  EXPECT_EQ(status_after_signal(server), 0);
}

TEST_F(StuckCamera, EndsOnASignalWhileItStarts) {
  Server server(write_config("c.toml", camera("stuck", "rtsp://start/10")), 1, with_stuck_sources());
  EXPECT_EQ(status_after_signal(server), 0);
}

TEST_F(StuckCamera, TooManyEndTheProgramForItsSupervisor) {
  std::string cameras;
  for (int i = 0; i < 16; ++i) cameras += camera("c" + std::to_string(i), "rtsp://stop/1");
  Server server(write_config("c.toml", cameras), 16, with_stuck_sources());
  const auto ended = server.wait();
  EXPECT_EQ(ended.status, 1) << ended.err;
  EXPECT_NE(ended.err.find("too many pipelines do not stop"), std::string::npos) << ended.err;
}

}  // namespace
}  // namespace uniad::rtsp
