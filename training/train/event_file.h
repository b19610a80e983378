// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

namespace uniad {

// A TensorBoard event file: records of tensorflow.Event messages (tensorflow/core/util/event.proto), framed
// as TFRecord frames them.
class EventFile {
 public:
  // In this folder, which is made where it is missing, under a name of its own. Throws Error.
  explicit EventFile(const std::filesystem::path &folder);

  // One value a name, of this step; `wall_time`: seconds since 1970. Throws Error where the disk is full.
  void add(std::int64_t step, const std::map<std::string, double> &scalars, double wall_time);

  const std::filesystem::path &path() const { return path_; }

 private:
  void write_record(const std::string &record);

  std::filesystem::path path_;
  std::ofstream file_;
};

// What it is made of, as bytes.
std::string event_record(std::int64_t step, const std::map<std::string, double> &scalars, double wall_time);
std::string framed(const std::string &record);  // length, masked CRC-32C (Castagnoli, RFC 3720), record, CRC

}  // namespace uniad
