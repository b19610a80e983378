// SPDX-License-Identifier: Apache-2.0
// Writes TensorBoard event files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

namespace uniad {

// A TensorBoard event file: records of tensorflow.Event messages (tensorflow/core/util/event.proto), framed
// as TFRecords.
class EventFile {
 public:
  // Creates a file with a unique name in this folder, which is created if it does not exist. Throws Error.
  explicit EventFile(const std::filesystem::path &folder);

  // Adds a value for each name at this step. wall_time: seconds since 1970. Throws Error if the disk is full.
  void add(std::int64_t step, const std::map<std::string, double> &scalars, double wall_time);

  const std::filesystem::path &path() const { return path_; }

 private:
  void write_record(const std::string &record);

  std::filesystem::path path_;
  std::ofstream file_;
};

// The parts of the file, as bytes.
std::string event_record(std::int64_t step, const std::map<std::string, double> &scalars, double wall_time);
std::string framed(const std::string &record);  // length, masked CRC-32C (Castagnoli, RFC 3720), record, CRC

}  // namespace uniad
