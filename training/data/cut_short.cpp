// SPDX-License-Identifier: Apache-2.0
#include "training/data/cut_short.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace uniad {
namespace {

class ContainerReader {
 public:
  explicit ContainerReader(const std::filesystem::path &path) : stream_(path, std::ios::binary) {
    std::error_code unreadable;
    const auto size = std::filesystem::file_size(path, unreadable);
    size_ = unreadable ? 0 : size;
  }

  std::uint64_t size() const { return size_; }

  // Returns an empty string if the file does not contain all of these bytes.
  std::string at(std::uint64_t place, std::size_t count) {
    std::string bytes(count, '\0');
    if (place > size_ || count > size_ - place) return {};
    stream_.clear();
    stream_.seekg(static_cast<std::streamoff>(place));
    return stream_.read(bytes.data(), static_cast<std::streamsize>(count)) ? bytes : std::string();
  }

 private:
  std::ifstream stream_;
  std::uint64_t size_ = 0;
};

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8U | static_cast<unsigned char>(byte);
  return value;
}

std::uint64_t little_endian(std::string bytes) {
  std::reverse(bytes.begin(), bytes.end());
  return big_endian(bytes);
}

// The following functions return the length of the top-level element at a position of a file; absent if there
// is no further element or its length is not stated.
std::optional<std::uint64_t> box_at(ContainerReader &file, std::uint64_t place) {
  constexpr std::array known{"ftyp", "styp", "moov", "moof", "mdat", "free", "skip", "wide", "uuid",
                             "meta", "udta", "mfra", "sidx", "pnot", "pdin", "emsg", "prft"};
  const std::string head = file.at(place, 8);
  if (head.empty() || std::find(known.begin(), known.end(), head.substr(4)) == known.end())
    return std::nullopt;
  const std::uint64_t length = big_endian(head.substr(0, 4));
  if (length >= 8) return length;
  const std::string large = length == 1 ? file.at(place + 8, 8) : std::string();
  if (large.empty() || big_endian(large) < 16) return std::nullopt;
  return big_endian(large);
}

std::optional<std::uint64_t> riff_at(ContainerReader &file, std::uint64_t place) {
  const std::string head = file.at(place, 12);
  if (head.empty() || head.substr(0, 4) != "RIFF" || !std::string_view(head).substr(8).starts_with("AVI"))
    return std::nullopt;
  const std::uint64_t length = little_endian(head.substr(4, 4));
  // A recorder that lost power has not written the length.
  if (length < 4 || length == 0xFFFFFFFF) return std::nullopt;
  return 8 + length + length % 2;
}

// A length in EBML has as many bytes as its first byte has leading zero bits, plus one.
std::optional<std::uint64_t> ebml_at(ContainerReader &file, std::uint64_t place) {
  constexpr std::size_t bytes_of_id = 4;  // of the header and the segment
  const std::string id = file.at(place, bytes_of_id);
  if (id != "\x1A\x45\xDF\xA3" && id != "\x18\x53\x80\x67") return std::nullopt;
  const std::string first = file.at(place + bytes_of_id, 1);
  if (first.empty() || first[0] == 0) return std::nullopt;
  std::size_t count = 1;
  while ((static_cast<unsigned>(static_cast<unsigned char>(first[0])) << (count - 1) & 0x80U) == 0) ++count;
  const std::string digits = file.at(place + bytes_of_id, count);
  if (digits.empty()) return std::nullopt;
  const std::uint64_t most = (std::uint64_t{1} << (7 * count)) - 1;
  const std::uint64_t length = big_endian(digits) & most;
  if (length == most) return std::nullopt;  // not known, as in a live stream
  return bytes_of_id + count + length;
}

}  // namespace

std::uint64_t missing_bytes(const std::filesystem::path &video) {
  ContainerReader file(video);
  for (const auto length_at : {box_at, riff_at, ebml_at}) {
    std::uint64_t place = 0;
    while (const auto length = length_at(file, place)) {
      if (*length > file.size() - place) return *length - (file.size() - place);
      place += *length;
    }
    if (place > 0) break;
  }
  return 0;
}

}  // namespace uniad
