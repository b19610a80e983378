// SPDX-License-Identifier: Apache-2.0
#include "pipelines/uniad-rtsp/config.h"

#include <glib.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "model/base/error.h"
#include "pipelines/uniad-rtsp/quick_start.h"

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
  EXPECT_EQ(camera.publish_mode, "frames");
  EXPECT_EQ(camera.publish_max_size, 0U);
  EXPECT_EQ(camera.publish_max_files, 5U);
  EXPECT_EQ(camera.publish_max_age.count(), 0);
  EXPECT_FALSE(camera.publish_gzip);
  EXPECT_EQ(camera.timeout, std::chrono::seconds(10));
  EXPECT_TRUE(camera.loop);
  EXPECT_EQ(camera.learn, 0U);
  EXPECT_FALSE(camera.learns());
  EXPECT_EQ(camera.backbone, "auto");
  EXPECT_EQ(camera.adapt_rate, 0.0);
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
publish = "-"
publish_mode = "events"
publish_max_size = "1.5 GB"
publish_max_age = "24h"
publish_max_files = 3
publish_gzip = true
publish_kafka_properties = "kafka.properties"
timeout = "2min"
learn = 500
backbone = "resnet18"
adapt_rate = 0.001
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
  EXPECT_EQ(config.cameras[1].publish, "-");
  EXPECT_EQ(config.cameras[1].publish_mode, "events");
  EXPECT_EQ(config.cameras[1].publish_max_size, 1'500'000'000U);
  EXPECT_EQ(config.cameras[1].publish_max_age, std::chrono::hours(24));
  EXPECT_EQ(config.cameras[1].publish_max_files, 3U);
  EXPECT_TRUE(config.cameras[1].publish_gzip);
  EXPECT_EQ(config.cameras[1].publish_kafka_properties, "/etc/uniad/kafka.properties");
  EXPECT_EQ(config.cameras[1].timeout, std::chrono::minutes(2));
  EXPECT_EQ(config.cameras[1].learn, 500U);
  EXPECT_EQ(config.cameras[1].backbone, "resnet18");
  EXPECT_EQ(config.cameras[1].adapt_rate, 0.001);
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
            "/etc/uniad/cameras.toml:5: [[camera]] number 1 loop: has no effect if the source is not a file");
}

TEST(Config, WarnsOfKeysOfLearningWithoutEffect) {
  const Config without_model = parse(camera_with("backbone = \"auto\"\nadapt_rate = 0.001\n"));
  ASSERT_EQ(without_model.warnings.size(), 2U);
  EXPECT_EQ(without_model.warnings[0],
            "/etc/uniad/cameras.toml:4: [[camera]] number 1 backbone: has no effect without a model");
  EXPECT_EQ(without_model.warnings[1],
            "/etc/uniad/cameras.toml:5: [[camera]] number 1 adapt_rate: has no effect without a model");
  const Config without_learn = parse(camera_with("model = \"m\"\nbackbone = \"auto\"\nadapt_rate = 0\n"));
  ASSERT_EQ(without_learn.warnings.size(), 1U);
  EXPECT_EQ(without_learn.warnings[0],
            "/etc/uniad/cameras.toml:5: [[camera]] number 1 backbone: has no effect without learn");
}

TEST(Config, ReadsTheEndsOfRanges) {
  const std::string first = camera_with("model = \"a\"\nlearn = 1\nadapt_rate = 0\n");
  const std::string second =
      "[[camera]]\nname = \"b\"\nuri = \"test://ball\"\nmodel = \"b\"\nlearn = 1000000\nadapt_rate = 0.01\n";
  const Config config = parse(first + second);
  ASSERT_EQ(config.cameras.size(), 2U);
  EXPECT_EQ(config.cameras[0].learn, 1U);
  EXPECT_EQ(config.cameras[0].adapt_rate, 0.0);
  EXPECT_EQ(config.cameras[1].learn, 1000000U);
  EXPECT_EQ(config.cameras[1].adapt_rate, 0.01);
}

TEST(Config, ReadsATimeToLearnFor) {
  const Config config = parse(camera_with("model = \"a\"\nlearn = \"30s\"\n"));
  EXPECT_EQ(config.cameras[0].learn, 0U);
  EXPECT_EQ(config.cameras[0].learn_time, std::chrono::seconds(30));
  EXPECT_TRUE(config.cameras[0].learns());
}

// Two cameras with one model file, written in two ways.
std::string cameras_that_share(const std::string &first, const std::string &second) {
  return camera_with("model = \"m\"\n" + first) +
         "[[camera]]\nname = \"b\"\nuri = \"test://ball\"\nmodel = \"x/../m\"\n" + second;
}

TEST(Config, LetsCamerasShareAModelThatTheyLearn) {
  EXPECT_EQ(error_of(cameras_that_share("learn = 5\n", "")), "no error");
  EXPECT_EQ(error_of(cameras_that_share("", "learn = 5\n")), "no error");
  EXPECT_EQ(error_of(cameras_that_share("learn = 5\n", "learn = 6\n")), "no error");
}

std::string camera_at(const std::string &uri) {
  return "[[camera]]\nname = \"a\"\nuri = \"" + uri + "\"\n";
}

TEST(Config, TakesEveryAddressThatACameraCanHave) {
  for (const char *uri :
       {"rtsp://cam", "rtsp://cam:65535/x", "rtsp://cam_1:1/x", "rtsp://cam:/x", "rtsp://[::1]:554/x",
        "rtsp://[fe80::1%eth0]/x", "rtsp://[fe80::1%25eth0]/x", "rtsp://u:p:w/#?@@cam:554/x?y=[1]&z=%q",
        "rtsps://u:p%40@192.168.1.20:8554/user=a&password=|x y", "rtsp://münchen/x"})
    EXPECT_EQ(error_of(camera_at(uri)), "no error") << uri;
}

// What is missing here is the host, so a password stands where a port does.
TEST(Config, TellsNothingOfAnAddressThatIsIncomplete) {
  const std::string error = error_of(camera_at("rtsp://user:geheim"));
  EXPECT_NE(error.find("port"), std::string::npos) << error;
  EXPECT_EQ(error.find("geheim"), std::string::npos) << error;
}

// The setting of that property; fails if there is none or more than one.
ElementSetting setting_of(const CameraConfig &camera, const std::string &property) {
  ElementSetting found;
  int count = 0;
  for (const auto &setting : camera.detect)
    if (setting.property == property) {
      found = setting;
      ++count;
    }
  EXPECT_EQ(count, 1) << property;
  return found;
}

TEST(Config, ReadsPropertiesOfDetectionByEitherSpelling) {
  const Config config =
      parse(camera_with("model = \"m\"\n[camera.detect]\nevent_confirm = \"3/5\"\nevent-hold = \"2s\"\n"
                        "max_rate = 2.5\nbatch_size = 4\npost_messages = true\nzones = \"gate.json\"\n") +
            "[[camera]]\nname = \"b\"\nuri = \"test://ball\"\nmodel = \"m\"\n"
            "[camera.detect]\nzones = ' {\"zones\": []}'\n");
  ASSERT_EQ(config.cameras.size(), 2U);
  const CameraConfig &gate = config.cameras[0];
  EXPECT_EQ(gate.detect.size(), 6U);
  EXPECT_EQ(std::get<std::string>(setting_of(gate, "event-confirm").value), "3/5");
  EXPECT_EQ(setting_of(gate, "event-confirm").place,
            "/etc/uniad/cameras.toml:6: [[camera]] number 1 detect event_confirm");
  EXPECT_EQ(std::get<std::string>(setting_of(gate, "event-hold").value), "2s");
  EXPECT_EQ(std::get<double>(setting_of(gate, "max-rate").value), 2.5);
  EXPECT_EQ(std::get<std::int64_t>(setting_of(gate, "batch-size").value), 4);
  EXPECT_TRUE(std::get<bool>(setting_of(gate, "post-messages").value));
  EXPECT_EQ(std::get<std::string>(setting_of(gate, "zones").value), "/etc/uniad/gate.json");
  EXPECT_EQ(std::get<std::string>(setting_of(config.cameras[1], "zones").value), " {\"zones\": []}");
  EXPECT_TRUE(config.warnings.empty());
}

TEST(Config, TablesOfZonesBecomeJsonOnTheSameLines) {
  const Config config =
      parse(camera_with("model = \"m\"\n"
                        "[[camera.zone]]\n"              // 5
                        "polygon = [[0, 0], [1, 0],\n"   // 6
                        "           [1, 0.5]]\n"         // 7
                        "name = \"the \\\"door\\\"\"\n"  // 8
                        "kind = \"watch\"\n"             // 9
                        "sensitivity = 1.5\n"
                        "[[camera.zone]]\nkind = \"ignore\"\npolygon = [[0.5, 0.5], [1, 0.5], [1, 1]]\n"));
  const auto text = std::get<std::string>(setting_of(config.cameras[0], "zones").value);
  EXPECT_EQ(nlohmann::json::parse(text), nlohmann::json::parse(R"({"zones": [
      {"name": "the \"door\"", "kind": "watch", "polygon": [[0, 0], [1, 0], [1, 0.5]], "sensitivity": 1.5},
      {"kind": "ignore", "polygon": [[0.5, 0.5], [1, 0.5], [1, 1]]}]})"));
  std::istringstream lines(text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    EXPECT_EQ(line.find("\"polygon\"") != std::string::npos, number == 6 || number == 13) << line;
    EXPECT_EQ(line.find("\"name\"") != std::string::npos, number == 8) << line;
  }
}

TEST(Config, WarnsOfDetectionWithoutAModel) {
  const Config config = parse(camera_with("[camera.detect]\nmotion = \"off\"\n"));
  ASSERT_EQ(config.warnings.size(), 1U);
  EXPECT_EQ(config.warnings[0],
            "/etc/uniad/cameras.toml:4: [[camera]] number 1 detect: has no effect without a model");
}

// What the server itself sets cannot be set here, in whatever spelling, and the error says what to use.
TEST(Config, RefusesPropertiesOfDetectionThatTheServerSets) {
  for (const auto &[key, hint] : {std::pair{"model", "use `model`"},
                                  {"source", "use `name`"},
                                  {"learn", "use `learn`"},
                                  {"learn-time", "use `learn`"},
                                  {"learn_time", "use `learn`"},
                                  {"learn_once", "use `learn`"},
                                  {"interval", "use `interval`"},
                                  {"threshold", "use `threshold`"},
                                  {"adapt_rate", "use `adapt_rate`"},
                                  {"backbone", "use `backbone`"},
                                  {"mode", "remove it"},
                                  {"name", "remove it"},
                                  {"parent", "remove it"},
                                  {"qos", "remove it"}}) {
    const std::string error = error_of(camera_with("[camera.detect]\n" + std::string(key) + " = 1\n"));
    for (const auto &part : {"cameras.toml:5: [[camera]] number 1 detect " + std::string(key) + ":",
                             std::string("is not set here"), std::string(hint)})
      EXPECT_NE(error.find(part), std::string::npos) << part << "\nin: " << error;
  }
}

struct BadConfig {
  std::string text;
  std::vector<std::string> says;  // where, what and the hint
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
        BadConfig{camera_at("rtsp://cam:99999/x"), {"cameras.toml:3", "uri", "port", "rtsp://HOST:PORT"}},
        BadConfig{camera_at("rtspt://user:word@cam:65536"), {"cameras.toml:3", "uri", "port"}},
        BadConfig{camera_at("rtsps://cam:0/x"), {"cameras.toml:3", "uri", "port"}},
        BadConfig{camera_at("rtsp://cam:-1/x"), {"cameras.toml:3", "uri", "port"}},
        BadConfig{camera_at("rtsp://cam:554a/x"), {"cameras.toml:3", "uri", "port"}},
        BadConfig{camera_at("rtsp://::1/x"), {"cameras.toml:3", "uri", "port", "[IPV6]"}},
        BadConfig{camera_at("rtsp://[::1/x"), {"cameras.toml:3", "uri", "host", "[IPV6]"}},
        BadConfig{camera_at("rtspu://[::1]554/x"), {"cameras.toml:3", "uri", "host"}},
        BadConfig{camera_at("rtsp://[cam]/x"), {"cameras.toml:3", "uri", "host"}},
        BadConfig{camera_at("rtsp:///x"), {"cameras.toml:3", "uri", "no host"}},
        BadConfig{"[[camera]]\nname = \"a\"\nuri = \"a\\u0000b\"\n", {"cameras.toml:3", "uri", "zero byte"}},
        BadConfig{"[[camera]]\nname = \"a b\"\nuri = \"a\"\n", {"\"/a b\"", "RTSP URL", "set path"}},
        BadConfig{camera_with("path = \"gate\"\n"), {"path", "\"gate\"", "/..."}},
        BadConfig{camera_with("interval = 0\n"),
                  {"cameras.toml:4", "interval", "0 is out of range", "from 1"}},
        BadConfig{camera_with("threshold = nan\n"), {"cameras.toml:4", "threshold", "not finite"}},
        BadConfig{camera_with("threshold = -2\n"), {"cameras.toml:4", "threshold", "below 0"}},
        BadConfig{camera_with("overlay = 1\n"), {"cameras.toml:4", "overlay", "true or false"}},
        BadConfig{camera_with("bitrate = -1\n"), {"cameras.toml:4", "bitrate", "-1", "from 1 to"}},
        BadConfig{camera_with("model = \"m\"\npublish_credentials = 5\n"),
                  {"cameras.toml:5", "publish_credentials", "wrong type", "env:NAME"}},
        BadConfig{camera_with("detect = 1\n"), {"cameras.toml:4", "detect", "write [camera.detect]"}},
        BadConfig{camera_with("zone = 1\n"), {"cameras.toml:4", "zone", "double brackets"}},
        BadConfig{camera_with("[camera.zone]\nname = \"a\"\n"),
                  {"cameras.toml:4", "zone", "double brackets"}},
        BadConfig{camera_with("[camera.detect]\nzones = \"z\"\n[[camera.zone]]\nname = \"a\"\n"),
                  {"cameras.toml:6", "zone", "`zones` in [camera.detect]"}},
        BadConfig{camera_with("[camera.detect]\nmax_rate = 1\nmax-rate = 2\n"), {"max", "set twice"}},
        BadConfig{camera_with("[camera.detect]\nmax_rate = [1]\n"),
                  {"cameras.toml:5", "detect max_rate", "wrong type"}},
        BadConfig{camera_with("[camera.detect]\nmax_rate = 2026-01-01\n"),
                  {"cameras.toml:5", "detect max_rate", "wrong type"}},
        BadConfig{camera_with("[camera.detect]\nhealth = \"a\\u0000b\"\n"),
                  {"cameras.toml:5", "detect health", "zero byte"}},
        BadConfig{camera_with("publish_mode = \"all\"\n"),
                  {"cameras.toml:4", "publish_mode", "\"all\"", "\"events\""}},
        BadConfig{camera_with("publish_max_size = \"100\"\n"),
                  {"cameras.toml:4", "publish_max_size", "\"100\" is not a size", "100MB"}},
        BadConfig{camera_with("publish_max_size = 100\n"),
                  {"cameras.toml:4", "publish_max_size", "wrong type", "100MB"}},
        BadConfig{camera_with("publish_max_size = \"nanGB\"\n"),
                  {"cameras.toml:4", "publish_max_size", "is not a size"}},
        BadConfig{camera_with("publish_max_age = \"1d\"\n"),
                  {"cameras.toml:4", "publish_max_age", "\"1d\" is not a time", "2min"}},
        BadConfig{camera_with("publish_max_age = \"10ms\"\n"),
                  {"cameras.toml:4", "publish_max_age", "out of range", "from 1s"}},
        BadConfig{camera_with("publish_gzip = 1\n"),
                  {"cameras.toml:4", "publish_gzip", "wrong type", "true or false"}},
        BadConfig{camera_with("publish_max_files = 0\n"),
                  {"cameras.toml:4", "publish_max_files", "out of range", "from 1"}},
        BadConfig{camera_with("timeout = 10\n"), {"cameras.toml:4", "timeout", "wrong type", "\"10s\""}},
        BadConfig{camera_with("timeout = \"10\"\n"),
                  {"cameras.toml:4", "timeout", "is not a time", "\"10s\""}},
        BadConfig{camera_with("timeout = \"0.5s\"\n"),
                  {"cameras.toml:4", "timeout", "out of range", "from 1s"}},
        BadConfig{camera_with("timeout = \"nans\"\n"), {"cameras.toml:4", "timeout", "out of range"}},
        BadConfig{camera_with("model = \"m\"\nlearn = 0\n"),
                  {"cameras.toml:5", "learn", "0 is out of range", "from 1 to 1000000"}},
        BadConfig{camera_with("model = \"m\"\nlearn = 1000001\n"),
                  {"cameras.toml:5", "learn", "1000001 is out of range"}},
        BadConfig{camera_with("model = \"m\"\nlearn = true\n"),
                  {"cameras.toml:5", "learn", "wrong type", "whole number"}},
        BadConfig{camera_with("model = \"m\"\nlearn = \"30\"\n"),
                  {"cameras.toml:5", "learn", "\"30\" is not a time", "\"10s\""}},
        BadConfig{camera_with("learn = \"30s\"\n"),
                  {"cameras.toml:4", "learn", "requires a model file", "set model"}},
        BadConfig{camera_with("learn = 5\n"),
                  {"cameras.toml:4", "learn", "requires a model file", "set model"}},
        BadConfig{camera_with("backbone = 18\n"), {"cameras.toml:4", "backbone", "wrong type", "auto"}},
        BadConfig{camera_with("backbone = \"\"\n"), {"cameras.toml:4", "backbone", "empty", "auto"}},
        BadConfig{camera_with("adapt_rate = 0.011\n"),
                  {"cameras.toml:4", "adapt_rate", "out of range", "from 0 to 0.01"}},
        BadConfig{camera_with("adapt_rate = -0.001\n"), {"cameras.toml:4", "adapt_rate", "out of range"}},
        BadConfig{camera_with("adapt_rate = nan\n"), {"cameras.toml:4", "adapt_rate", "out of range"}},
        BadConfig{camera_with("adapt_rate = \"slow\"\n"),
                  {"cameras.toml:4", "adapt_rate", "wrong type", "from 0 to 0.01"}},
        BadConfig{camera_with("") + camera_with("path = \"/b\"\n"),
                  {"number 2 name", "\"gate\" is already used"}},
        BadConfig{camera_with("") + "[[camera]]\nname = \"b\"\npath = \"/gate\"\nuri = \"test://ball\"\n",
                  {"number 2 path", "already used by gate", "its own path"}}));

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
    EXPECT_NE(text.find("missing_model.toml:4: [[camera]] number 1 model"), std::string::npos) << text;
    EXPECT_NE(text.find("uniad train"), std::string::npos);
  }
  std::filesystem::remove(file);
}

// What load_config says of a file with these lines as the only camera's.
std::string load_error_of(const std::string &lines) {
  const auto file = std::filesystem::path(testing::TempDir()) / "learning.toml";
  std::ofstream(file) << camera_with(lines);
  std::string text = "no error";
  try {
    load_config(file);
  } catch (const Error &error) {
    text = error.what();
  }
  std::filesystem::remove(file);
  return text;
}

TEST(Config, ACameraThatLearnsNeedsOnlyTheFolderOfItsModel) {
  EXPECT_EQ(load_error_of("learn = 5\nmodel = \"none.safetensors\"\n"), "no error");
  EXPECT_EQ(load_error_of("learn = 5\nmodel = \"learning.toml\"\n"), "no error");  // a file that is there

  const std::string no_folder = load_error_of("learn = 5\nmodel = \"no-folder/none.safetensors\"\n");
  for (const char *part :
       {"learning.toml:5: [[camera]] number 1 model", "no folder", "no-folder", "create the folder"})
    EXPECT_NE(no_folder.find(part), std::string::npos) << part << "\nin: " << no_folder;
  const std::string no_file = load_error_of("learn = 5\nmodel = \".\"\n");
  for (const char *part : {"learning.toml:5: [[camera]] number 1 model", "is not a file", "correct `model`"})
    EXPECT_NE(no_file.find(part), std::string::npos) << part << "\nin: " << no_file;
}

TEST(Config, WhatIsPublishedTakesTheNameOfNoOtherFile) {
  const std::string belt =
      "[[camera]]\nname = \"belt\"\nuri = \"belt.mp4\"\npublish = \"belt.jsonl\"\n"
      "publish_max_size = \"1MB\"\npublish_max_files = 3\n";
  const auto error_of = [&](const std::string &location) {
    return load_error_of("learn = 5\nmodel = \"gate.safetensors\"\npublish = \"" + location + "\"\n" + belt);
  };
  for (const auto &[location, what] : {std::pair{"learning.toml", "this configuration"},
                                       {"gate.safetensors", "the model of camera gate"},
                                       {"./x/../belt.mp4", "what belt shows"},
                                       {"belt.jsonl.2", "rotated files of belt"}}) {
    const std::string error = error_of(location);
    for (const char *part : {"learning.toml:6: [[camera]] number 1 publish", what, "use a separate file"})
      EXPECT_NE(error.find(part), std::string::npos) << part << "\nin: " << error;
  }
  EXPECT_EQ(error_of("belt.jsonl.3"), "no error");
  EXPECT_EQ(error_of("belt.jsonl"), "no error");  // who shares a file rotates it together
}

TEST(Config, NamesOfFilesThatRotateByAgeAndAreCompressedAreTaken) {
  const std::string belt =
      "[[camera]]\nname = \"belt\"\nuri = \"belt.mp4\"\npublish = \"belt.jsonl\"\n"
      "publish_max_age = \"1h\"\npublish_max_files = 3\npublish_gzip = true\n";
  const auto error_of = [&](const std::string &location) {
    return load_error_of("learn = 5\nmodel = \"gate.safetensors\"\npublish = \"" + location + "\"\n" + belt);
  };
  EXPECT_NE(error_of("belt.jsonl.2.gz").find("rotated files of belt"), std::string::npos);
  EXPECT_EQ(error_of("belt.jsonl.3.gz"), "no error");
  const std::string shared = error_of("belt.jsonl");
  for (const char *part : {"publish_gzip", "gate publishes to the same file", "use a file for each camera"})
    EXPECT_NE(shared.find(part), std::string::npos) << part << "\nin: " << shared;
}

TEST(QuickStart, IsTheConfigurationOfAFileWithTheseCameras) {
  const std::string folder = testing::TempDir();
  const std::string model = folder + "quick.safetensors";
  const Config config = quick_config({.cameras = {"rtsp://u:p=w@cam/x?a=b", "belt=belt.mp4", "./a=b.mp4"},
                                      .learn = "2min",
                                      .model = model,
                                      .port = 0});
  EXPECT_EQ(config.server.port, 0);
  EXPECT_EQ(config.server.address, "127.0.0.1");
  ASSERT_EQ(config.cameras.size(), 3U);
  const std::string here = std::filesystem::current_path().string();
  const struct {
    std::string name, uri, path;
  } expected[] = {{"camera1", "rtsp://u:p=w@cam/x?a=b", "/camera1"},
                  {"belt", here + "/belt.mp4", "/belt"},
                  {"camera3", here + "/a=b.mp4", "/camera3"}};
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(config.cameras[i].name, expected[i].name);
    EXPECT_EQ(config.cameras[i].uri, expected[i].uri);
    EXPECT_EQ(config.cameras[i].path, expected[i].path);
    EXPECT_EQ(config.cameras[i].model, model);
    EXPECT_EQ(config.cameras[i].learn_time, std::chrono::minutes(2));
  }
  EXPECT_EQ(quick_config({.cameras = {"test://ball"}, .learn = "400", .model = model}).cameras[0].learn,
            400U);
  EXPECT_TRUE(config.warnings.empty());
}

TEST(QuickStart, NamesTheCameraThatIsNotValid) {
  const auto error_with = [](const std::vector<std::string> &cameras, const std::string &learn) {
    try {
      quick_config({.cameras = cameras, .learn = learn, .model = testing::TempDir() + "quick.safetensors"});
    } catch (const Error &error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_EQ(error_with({"test://ball", "ftp://u:geheim@x"}, "30s").find("--camera number 2 uri: unsupported"),
            0U);
  EXPECT_EQ(
      error_with({"a=test://ball", "a=test://snow"}, "30s").find("--camera number 2 name: \"a\" is already"),
      0U);
  EXPECT_EQ(error_with({"test://ball"}, "soon").find("--camera number 1 learn: \"soon\" is not a time"), 0U);
  EXPECT_EQ(error_with({"test://ball"}, "0").find("--camera number 1 learn: 0 is out of range"), 0U);
  EXPECT_EQ(error_with({""}, "30s").find("--camera number 1 uri: is empty"), 0U);
  EXPECT_EQ(error_with({"rtsp://user:geheim"}, "30s").find("geheim"), std::string::npos);
}

TEST(QuickStart, KeepsItsModelInTheUsersDataFolder) {
  const std::string model = default_model();  // glib reads the environment once
  EXPECT_EQ(model, std::string(g_get_user_data_dir()) + "/uniad/cameras.safetensors");
}

TEST(Config, TheExampleIsValid) {
  const Config config = load_config(UNIAD_SOURCE_ROOT "/pipelines/uniad-rtsp/cameras.toml");
  EXPECT_EQ(config.cameras.size(), 1U);
  EXPECT_TRUE(config.warnings.empty());
}

}  // namespace
}  // namespace uniad::rtsp
