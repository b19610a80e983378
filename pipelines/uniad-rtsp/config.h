// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace uniad::rtsp {

enum class SourceKind { file, device, network, test };

struct CameraConfig {
  std::string name;  // of the camera and its calibration; unique
  std::string path;  // where it is served, "/name" by default; unique
  SourceKind kind = SourceKind::test;
  std::string uri;                             // an absolute path, file://, v4l2://, rtsp[tsu]:// or test://
  std::optional<std::filesystem::path> model;  // without one the video passes unjudged
  std::optional<double> threshold;             // instead of the model's calibration
  unsigned interval = 1;                       // judge every Nth frame
  bool overlay = true;
  unsigned bitrate = 2000;              // kbit/s
  std::string publish;                  // an absolute path or "-"; empty: nothing is published
  std::string publish_mode = "frames";  // or "events"; uniadpublish's
  std::uint64_t publish_max_size = 0;   // bytes of a file before the next one begins; 0: no limit
  unsigned publish_max_files = 5;       // of that size, the one being written included
  std::chrono::nanoseconds timeout = std::chrono::seconds(10);  // without a frame, the source counts as lost
  bool loop = true;                                             // a file starts again at its end
  // What to learn from where no model file is, and when told to: frames, or the stream's time; both 0: never.
  unsigned learn = 0;
  std::chrono::nanoseconds learn_time{0};
  bool learns() const { return learn > 0 || learn_time.count() > 0; }
  std::string backbone = "auto";  // of a model that learning begins
  double adapt_rate = 0;          // uniaddetect's: how fast what is normal follows slow change

  std::map<std::string, std::string, std::less<>> places;  // of the keys that are there: file, line and key
  std::string place(std::string_view key) const;           // or where the camera begins
};

struct ServerConfig {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8554;  // 0: any free one
  std::string place;          // file, line and key of the address
};

struct Config {
  ServerConfig server;
  std::vector<CameraConfig> cameras;  // at least one
  std::vector<std::string> warnings;  // what was read but has no effect, one line each
};

// Reads the server's TOML. `file` is named in messages, and relative paths in the text start from its folder.
// Touches no other file. Throws Error naming file, line and key.
Config parse_config(std::string_view text, const std::filesystem::path &file);

// The same for a file on disk, whose models must be there too; where a camera learns, its folder is enough.
// Other files can come later.
Config load_config(const std::filesystem::path &file);

}  // namespace uniad::rtsp
