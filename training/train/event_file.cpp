// SPDX-License-Identifier: Apache-2.0
#include "training/train/event_file.h"

#include <unistd.h>

#include <array>
#include <bit>
#include <chrono>
#include <system_error>

#include "model/base/error.h"

namespace uniad {
namespace {

template <typename Number>
std::string little_endian(Number number) {
  static_assert(std::endian::native == std::endian::little);
  const auto bytes = std::bit_cast<std::array<char, sizeof(Number)>>(number);
  return {bytes.begin(), bytes.end()};
}

std::uint32_t crc32c(const std::string &bytes) {
  constexpr std::uint32_t reversed_polynomial = 0x82F63B78U;
  std::uint32_t crc = ~0U;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) != 0 ? reversed_polynomial : 0U);
  }
  return ~crc;
}

// A CRC of data that contains CRCs is weak, so TFRecord rotates it and adds a constant.
std::uint32_t masked(std::uint32_t crc) {
  return std::rotr(crc, 15) + 0xA282EAD8U;
}

// Encodes values as Protocol Buffers do.
std::string varint(std::uint64_t number) {
  std::string bytes;
  for (; number >= 0x80U; number >>= 7U) bytes += static_cast<char>((number & 0x7FU) | 0x80U);
  return bytes + static_cast<char>(number);
}
enum WireType : std::uint64_t { whole_number = 0, eight_bytes = 1, bytes_of_length = 2, four_bytes = 5 };
std::string key(std::uint64_t field, WireType type) {
  return varint(field << 3U | type);
}
std::string bytes_field(std::uint64_t field, const std::string &bytes) {
  return key(field, bytes_of_length) + varint(bytes.size()) + bytes;
}
std::string double_field(std::uint64_t field, double value) {
  return key(field, eight_bytes) + little_endian(value);
}
std::string float_field(std::uint64_t field, float value) {
  return key(field, four_bytes) + little_endian(value);
}

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

EventFile::EventFile(const std::filesystem::path &folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  const double begun = now();
  path_ = folder / ("events.out.tfevents." + std::to_string(static_cast<std::int64_t>(begun)) + "." +
                    std::to_string(getpid()) + ".uniad");
  file_.open(path_, std::ios::binary);
  if (!file_)
    throw Error(ErrorKind::Unwritable, path_.string(), "cannot be written",
                "choose a folder that can be created");
  // The first event contains the version of the file. Fields: wall_time = 1, file_version = 3.
  write_record(double_field(1, begun) + bytes_field(3, "brain.Event:2"));
}

void EventFile::add(std::int64_t step, const std::map<std::string, double> &scalars, double wall_time) {
  write_record(event_record(step, scalars, wall_time));
}

void EventFile::write_record(const std::string &record) {
  file_ << framed(record) << std::flush;
  if (!file_)
    throw Error(ErrorKind::Unwritable, path_.string(), "can no longer be written (disk full?)",
                "free some disk space");
}

// Fields of Event: wall_time = 1, step = 2, summary = 5; of Summary: value = 1; of Value: tag = 1,
// simple_value = 2.
std::string event_record(std::int64_t step, const std::map<std::string, double> &scalars, double wall_time) {
  std::string values;
  for (const auto &[name, value] : scalars)
    values += bytes_field(1, bytes_field(1, name) + float_field(2, static_cast<float>(value)));
  return double_field(1, wall_time) + key(2, whole_number) + varint(static_cast<std::uint64_t>(step)) +
         bytes_field(5, values);
}

std::string framed(const std::string &record) {
  const std::string length = little_endian(static_cast<std::uint64_t>(record.size()));
  return length + little_endian(masked(crc32c(length))) + record + little_endian(masked(crc32c(record)));
}

}  // namespace uniad
