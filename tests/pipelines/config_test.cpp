// SPDX-License-Identifier: Apache-2.0
#include "pipelines/uniad-rtsp/config.h"

#include <gtest/gtest.h>

#include <fstream>

#include "model/error.h"

namespace uniad::rtsp {
namespace {

Config parse(const std::string &text) {
  return parse_config(text, "/etc/uniad/cameras.toml");
}

std::string error_of(const std::string &text) {
  try {
    parse(text);
  } catch (const Error &error) {
    return error.what();
  }
  return "no error";
}

// The given lines as the only camera's, from line 4 of the file on.
std::string camera_with(const std::string &lines) {
  return "[[camera]]\nname = \"gate\"\nuri = \"test://ball\"\n" + lines;
}

TEST(Config, FillsInDefaults) {
  const Config config = parse("[[camera]]\nname = \"gate\"\nuri = \"rtsp://10.0.0.2/live\"\n");
  EXPECT_EQ(config.server.address, "127.0.0.1");
  EXPECT_EQ(config.server.port, 8554);
  ASSERT_EQ(config.cameras.size(), 1U);
  const CameraConfig &camera = config.cameras.front();
  EXPECT_EQ(camera.name, "gate");
  EXPECT_EQ(camera.path, "/gate");
  EXPECT_EQ(camera.kind, SourceKind::network);
  EXPECT_EQ(camera.model, std::nullopt);
  EXPECT_EQ(camera.threshold, std::nullopt);
  EXPECT_EQ(camera.interval, 1U);
  EXPECT_TRUE(camera.overlay);
  EXPECT_EQ(camera.bitrate, 2000U);
  EXPECT_EQ(camera.publish, "");
  EXPECT_TRUE(camera.loop);
  EXPECT_TRUE(config.warnings.empty());
}

TEST(Config, ReadsEveryKey) {
  const Config config = parse(R"(
[server]
address = "0.0.0.0"
port = 0
[[camera]]
name = "north gate"
path = "/gates/north"
uri = "north.mp4"
model = "models/gate.safetensors"
threshold = 3
interval = 5
overlay = false
bitrate = 512
publish = "north.jsonl"
loop = false
[[camera]]
name = "desk"
uri = "v4l2:///dev/video0"
model = "/models/desk.safetensors"
publish = "mqtt://broker/desk"
)");
  EXPECT_EQ(config.server.address, "0.0.0.0");
  EXPECT_EQ(config.server.port, 0);
  ASSERT_EQ(config.cameras.size(), 2U);
  const CameraConfig &north = config.cameras[0];
  EXPECT_EQ(north.path, "/gates/north");
  EXPECT_EQ(north.kind, SourceKind::file);
  EXPECT_EQ(north.uri, "/etc/uniad/north.mp4");  // relative to the file's folder
  EXPECT_EQ(north.model, "/etc/uniad/models/gate.safetensors");
  EXPECT_EQ(north.threshold, 3.0);
  EXPECT_EQ(north.interval, 5U);
  EXPECT_FALSE(north.overlay);
  EXPECT_EQ(north.bitrate, 512U);
  EXPECT_EQ(north.publish, "/etc/uniad/north.jsonl");
  EXPECT_FALSE(north.loop);
  EXPECT_EQ(config.cameras[1].kind, SourceKind::device);
  EXPECT_EQ(config.cameras[1].model, "/models/desk.safetensors");
  EXPECT_EQ(config.cameras[1].publish, "mqtt://broker/desk");
  EXPECT_TRUE(config.warnings.empty());
}

TEST(Config, WarnsOfUnknownKeysByName) {
  const Config config = parse("speed = 1\n[server]\nprot = 1\n" + camera_with("treshold = 1\n"));
  ASSERT_EQ(config.warnings.size(), 3U);
  EXPECT_EQ(config.warnings[0], "/etc/uniad/cameras.toml:1: file speed: unknown key, ignored");
  EXPECT_EQ(config.warnings[1], "/etc/uniad/cameras.toml:3: [server] prot: unknown key, ignored");
  EXPECT_EQ(config.warnings[2],
            "/etc/uniad/cameras.toml:7: [[camera]] number 1 treshold: unknown key, ignored");
}

TEST(Config, WarnsOfKeysWithoutEffect) {
  const Config config = parse(camera_with("threshold = 1.5\nloop = true\n"));
  ASSERT_EQ(config.warnings.size(), 2U);
  EXPECT_EQ(config.warnings[0],
            "/etc/uniad/cameras.toml:4: [[camera]] number 1 threshold: has no effect without a model");
  EXPECT_EQ(config.warnings[1],
            "/etc/uniad/cameras.toml:5: [[camera]] number 1 loop: has no effect where the source is no file");
}

struct BadConfig {
  std::string text;
  std::vector<std::string> says;  // where, what and the way out
};

class ConfigError : public testing::TestWithParam<BadConfig> {};

TEST_P(ConfigError, NamesFileLineKeyAndWayOut) {
  const std::string error = error_of(GetParam().text);
  for (const auto &part : GetParam().says)
    EXPECT_NE(error.find(part), std::string::npos) << part << "\nin: " << error;
}

INSTANTIATE_TEST_SUITE_P(
    Bad, ConfigError,
    testing::Values(
        BadConfig{"", {"cameras.toml", "no camera", "[[camera]]"}},
        BadConfig{"[server\n", {"cameras.toml:1", "correct the TOML"}},
        BadConfig{"a = 1\na = 2\n", {"cameras.toml:2", "correct the TOML"}},
        BadConfig{"server = 1\n", {"cameras.toml:1", "server", "write [server]"}},
        BadConfig{"[camera]\nname = \"a\"\n", {"cameras.toml:1", "camera", "double brackets"}},
        BadConfig{"camera = [1]\n", {"cameras.toml:1", "camera", "double brackets"}},
        BadConfig{"[server]\nport = 65536\n",
                  {"cameras.toml:2", "[server] port", "65536", "from 0 to 65535"}},
        BadConfig{"[server]\nport = \"x\"\n",
                  {"cameras.toml:2", "[server] port", "wrong type", "whole number"}},
        BadConfig{"[server]\nport = 8554.0\n", {"cameras.toml:2", "[server] port", "wrong type"}},
        BadConfig{"[server]\naddress = \"\"\n", {"cameras.toml:2", "[server] address", "empty"}},
        BadConfig{"[[camera]]\nuri = \"a.mp4\"\n", {"cameras.toml:1", "number 1 name", "missing"}},
        BadConfig{"[[camera]]\nname = \"a\"\n", {"cameras.toml:1", "number 1 uri", "missing", "rtsp://"}},
        BadConfig{"[[camera]]\nname = \"a\"\nuri = \"ftp://a\"\n",
                  {"cameras.toml:3", "uri", "ftp://", "v4l2"}},
        BadConfig{"[[camera]]\nname = \"a\"\nuri = \"a\\u0000b\"\n", {"cameras.toml:3", "uri", "zero byte"}},
        BadConfig{"[[camera]]\nname = \"a b\"\nuri = \"a\"\n", {"\"/a b\"", "RTSP URL", "set path"}},
        BadConfig{camera_with("path = \"gate\"\n"), {"path", "\"gate\"", "/..."}},
        BadConfig{camera_with("interval = 0\n"),
                  {"cameras.toml:4", "interval", "0 is out of range", "from 1"}},
        BadConfig{camera_with("threshold = nan\n"), {"cameras.toml:4", "threshold", "not finite"}},
        BadConfig{camera_with("overlay = 1\n"), {"cameras.toml:4", "overlay", "true or false"}},
        BadConfig{camera_with("bitrate = -1\n"), {"cameras.toml:4", "bitrate", "-1", "from 1 to"}},
        BadConfig{camera_with("") + camera_with("path = \"/b\"\n"), {"number 2 name", "\"gate\" is taken"}},
        BadConfig{camera_with("") + "[[camera]]\nname = \"b\"\npath = \"/gate\"\nuri = \"test://ball\"\n",
                  {"number 2 path", "taken by gate", "path of its own"}}));

TEST(Config, NeedsAReadableFile) {
  EXPECT_THROW(load_config("/no/such/cameras.toml"), Error);
  EXPECT_THROW(load_config(testing::TempDir()), Error);
}

TEST(Config, NamesAMissingModel) {
  const auto file = std::filesystem::path(testing::TempDir()) / "missing_model.toml";
  std::ofstream(file) << camera_with("model = \"none.safetensors\"\n");
  try {
    load_config(file);
    FAIL() << "no error";
  } catch (const Error &error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("none.safetensors"), std::string::npos);
    EXPECT_NE(text.find("camera gate"), std::string::npos);
    EXPECT_NE(text.find("uniad train"), std::string::npos);
  }
  std::filesystem::remove(file);
}

TEST(Config, TheExampleIsValid) {
  const Config config = load_config(UNIAD_SOURCE_ROOT "/pipelines/uniad-rtsp/cameras.toml");
  EXPECT_EQ(config.cameras.size(), 1U);
  EXPECT_TRUE(config.warnings.empty());
}

}  // namespace
}  // namespace uniad::rtsp
