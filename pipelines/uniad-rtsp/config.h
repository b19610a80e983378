// SPDX-License-Identifier: Apache-2.0
// Reads the configuration file.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipelines/uniad-rtsp/base/learn_order.h"
#include "pipelines/uniad-rtsp/element_setting.h"
#include "pipelines/uniad-rtsp/http/http_config.h"

namespace uniad::rtsp {

enum class SourceKind { file, device, network, test };

struct CameraConfig {
  std::string name;  // of the camera and its calibration; unique
  std::string path;  // where it is served, "/name" by default; unique
  SourceKind kind = SourceKind::test;
  std::string uri;                             // an absolute path, file://, v4l2://, rtsp[tsu]:// or test://
  std::optional<std::filesystem::path> model;  // if absent, the video is not judged
  std::optional<double> threshold;             // instead of the model's calibration
  unsigned interval = 1;                       // judge every Nth frame
  bool overlay = true;
  unsigned bitrate = 2000;               // kbit/s
  std::string publish;                   // an absolute path, "-" or an address; empty: no publishing
  std::string publish_credentials;       // a file with USER:PASSWORD, or env:NAME
  std::string publish_token;             // a file with a bearer token, or env:NAME
  std::string publish_kafka_properties;  // a file with options of librdkafka, or env:NAME
  std::string publish_ca_file;           // empty: the authorities of the system
  std::string publish_mode = "frames";   // or "events", as for uniadpublish
  std::uint64_t publish_max_size = 0;    // size in bytes at which the next file is started; 0: no limit
  std::chrono::nanoseconds publish_max_age{0};  // age at which the next file is started; 0: no limit
  unsigned publish_max_files = 5;               // including the current one
  bool publish_gzip = false;                    // compress all but the current one
  std::chrono::nanoseconds timeout = std::chrono::seconds(10);  // without a frame, until the source is lost
  bool loop = true;                                             // restart a file at its end
  // How long to learn if there is no model file, and on request: in frames or in stream time; both 0: never.
  unsigned learn = 0;
  std::chrono::nanoseconds learn_time{0};
  bool publishes_to_file() const;
  bool publishes_to_broker() const;
  bool rotates_files() const { return publish_max_size > 0 || publish_max_age.count() > 0; }
  bool learns() const { return learn > 0 || learn_time.count() > 0; }
  LearnOrder learn_order() const { return {learn, learn_time}; }
  std::string backbone = "auto";  // for a model that is created by learning
  double adapt_rate = 0;          // as for uniaddetect: how fast to follow slow changes
  std::vector<ElementSetting>
      detect;  // other properties of uniaddetect, from [camera.detect] and [[camera.zone]]

  std::map<std::string, std::string, std::less<>> places;  // file, line and key of each key that is present
  std::string place(std::string_view key) const;           // or the beginning of the camera's table
};

struct ServerConfig {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8554;  // 0: any free one
  std::string place;          // file, line and key of the address
  std::optional<HttpConfig> http;
};

struct Config {
  ServerConfig server;
  std::vector<CameraConfig> cameras;  // at least one
  std::vector<std::string> warnings;  // keys without effect, one line each
};

// Parses the server's TOML. file is used in messages, and relative paths in the text are relative to its
// folder; if it is empty, the cameras are those of the command line. Does not access other files. Throws
// Error with file, line and key.
Config parse_config(std::string_view text, const std::filesystem::path &file);

// Throws Error if the camera's model file is missing. A camera that learns creates it itself, in an existing
// folder.
void check_model(const CameraConfig &camera);

// The same for a file on disk. The models must exist, or only their folders for cameras that learn. Other
// files may become available later.
Config load_config(const std::filesystem::path &file);

}  // namespace uniad::rtsp
