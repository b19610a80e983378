// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/embed/access_unit.h"

#include <algorithm>

namespace uniad {

namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::uint8_t user_data_unregistered = 5;  // payloadType, the same in H.264 and H.265
constexpr std::uint8_t end_of_payloads = 0x80;

struct NalUnit {
  std::size_t place;  // of what precedes it: length or start code
  Bytes bytes;
};

std::size_t length_at(Bytes bytes, std::size_t size) {
  std::size_t length = 0;
  for (std::size_t i = 0; i < size; ++i) length = length << 8 | bytes[i];
  return length;
}

// Stops at a length that is wrong.
std::vector<NalUnit> units_with_lengths(Bytes access_unit, std::size_t length_size) {
  std::vector<NalUnit> units;
  for (std::size_t place = 0; access_unit.size() - place > length_size;) {
    const std::size_t length = length_at(access_unit.subspan(place), length_size);
    if (length > access_unit.size() - place - length_size) break;
    if (length > 0) units.push_back({place, access_unit.subspan(place + length_size, length)});
    place += length_size + length;
  }
  return units;
}

std::vector<NalUnit> units_with_start_codes(Bytes access_unit) {
  constexpr std::array<std::uint8_t, 3> code{0, 0, 1};
  std::vector<NalUnit> units;
  const auto next = [&](std::size_t from) {
    const auto begin = access_unit.begin() + static_cast<std::ptrdiff_t>(from);
    return static_cast<std::size_t>(std::search(begin, access_unit.end(), code.begin(), code.end()) -
                                    access_unit.begin());
  };
  for (std::size_t place = next(0); place < access_unit.size();) {
    const std::size_t begin = place + code.size();
    const std::size_t end = next(begin);
    std::size_t length = end - begin;
    while (length > 0 && access_unit[begin + length - 1] == 0) --length;  // of a code with four bytes
    const bool has_four = place > 0 && access_unit[place - 1] == 0;
    if (length > 0) units.push_back({has_four ? place - 1 : place, access_unit.subspan(begin, length)});
    place = end;
  }
  return units;
}

std::vector<NalUnit> nal_units(Bytes access_unit, NalFormat format) {
  return format.length_size == 0 ? units_with_start_codes(access_unit)
                                 : units_with_lengths(access_unit, format.length_size);
}

std::size_t header_size(NalCodec codec) {
  return codec == NalCodec::H264 ? 1 : 2;
}

unsigned type_of(Bytes unit, NalCodec codec) {
  return codec == NalCodec::H264 ? unit[0] & 31U : unit[0] >> 1 & 63U;
}

bool is_sei(Bytes unit, NalCodec codec) {
  const unsigned type = type_of(unit, codec);
  return codec == NalCodec::H264 ? type == 6 : type == 39 || type == 40;
}

// A prefix NAL unit (14) belongs to the slice that follows it.
bool begins_picture(Bytes unit, NalCodec codec) {
  const unsigned type = type_of(unit, codec);
  return codec == NalCodec::H264 ? (type >= 1 && type <= 5) || type == 14 : type < 32;
}

// In H.265, SEI has the layer of its picture, and no lower temporal layer.
std::vector<std::uint8_t> sei_header(Bytes slice, NalCodec codec) {
  if (codec == NalCodec::H264) return {6};
  constexpr unsigned prefix_sei = 39;
  return {static_cast<std::uint8_t>(prefix_sei << 1 | (slice[0] & 1U)), slice[1]};
}

// Decoders take two zero bytes and one up to 3 for a start code, so a 3 goes between them.
void append_protected(std::vector<std::uint8_t> &unit, Bytes payload) {
  int zeros = 0;
  for (const std::uint8_t byte : payload) {
    if (zeros == 2 && byte <= 3) {
      unit.push_back(3);
      zeros = 0;
    }
    unit.push_back(byte);
    zeros = byte == 0 ? zeros + 1 : 0;
  }
}

std::vector<std::uint8_t> without_protection(Bytes unit) {
  std::vector<std::uint8_t> payload;
  payload.reserve(unit.size());
  int zeros = 0;
  for (const std::uint8_t byte : unit) {
    if (zeros >= 2 && byte == 3) {
      zeros = 0;
      continue;
    }
    payload.push_back(byte);
    zeros = byte == 0 ? zeros + 1 : 0;
  }
  return payload;
}

std::vector<std::uint8_t> sei_unit(std::vector<std::uint8_t> header, const Uuid &uuid,
                                   std::string_view text) {
  std::vector<std::uint8_t> payload{user_data_unregistered};
  std::size_t size = uuid.size() + text.size();
  for (; size >= 255; size -= 255) payload.push_back(255);
  payload.push_back(static_cast<std::uint8_t>(size));
  payload.insert(payload.end(), uuid.begin(), uuid.end());
  payload.insert(payload.end(), text.begin(), text.end());
  payload.push_back(end_of_payloads);
  append_protected(header, payload);
  return header;
}

// What fits into a NAL unit even if every second byte had to be protected.
std::size_t longest_text(std::size_t length_size) {
  constexpr std::size_t of_others = 32;  // at most: header, type, length, UUID and end
  constexpr std::size_t enough = 1048576;
  if (length_size == 0 || length_size > 2) return enough;
  const std::size_t longest_unit = (std::size_t{1} << (8 * length_size)) - 1;
  const std::size_t bytes_of_length = longest_unit / 255;
  return (longest_unit - of_others - bytes_of_length) * 2 / 3;
}

void append_unit(std::vector<std::uint8_t> &units, const std::vector<std::uint8_t> &unit,
                 std::size_t length_size) {
  if (length_size == 0) units.insert(units.end(), {0, 0, 0, 1});
  for (std::size_t i = length_size; i-- > 0;)
    units.push_back(static_cast<std::uint8_t>(unit.size() >> (8 * i)));
  units.insert(units.end(), unit.begin(), unit.end());
}

// A number of SEI: bytes of 255 and a last one, added up. Absent if the payload ends before.
std::optional<std::size_t> take_number(Bytes &payload) {
  std::size_t number = 0;
  while (!payload.empty()) {
    const std::uint8_t byte = payload.front();
    payload = payload.subspan(1);
    number += byte;
    if (byte != 255) return number;
  }
  return std::nullopt;
}

void append_user_data(std::string &text, Bytes payload, const Uuid &uuid) {
  while (payload.size() > 1) {  // the last byte ends the payloads
    const auto type = take_number(payload);
    const auto size = take_number(payload);
    if (!type || !size || *size > payload.size()) return;
    const Bytes message = payload.first(*size);
    payload = payload.subspan(*size);
    if (*type != user_data_unregistered || message.size() < uuid.size() ||
        !std::equal(uuid.begin(), uuid.end(), message.begin()))
      continue;
    text.append(message.begin() + static_cast<std::ptrdiff_t>(uuid.size()), message.end());
  }
}

}  // namespace

std::optional<std::size_t> nal_length_size(NalCodec codec, std::span<const std::uint8_t> record) {
  const std::size_t place = codec == NalCodec::H264 ? 4 : 21;
  if (record.size() <= place) return std::nullopt;
  return std::size_t{record[place] & 3U} + 1;
}

std::optional<UserData> user_data_for(Bytes access_unit, NalFormat format, const Uuid &uuid,
                                      std::string_view text) {
  for (const NalUnit &unit : nal_units(access_unit, format)) {
    if (unit.bytes.size() < header_size(format.codec) || !begins_picture(unit.bytes, format.codec)) continue;
    UserData data{unit.place, {}};
    for (; !text.empty(); text.remove_prefix(std::min(text.size(), longest_text(format.length_size))))
      append_unit(data.nal_units,
                  sei_unit(sei_header(unit.bytes, format.codec), uuid,
                           text.substr(0, longest_text(format.length_size))),
                  format.length_size);
    return data;
  }
  return std::nullopt;
}

std::string user_data_in(Bytes access_unit, NalFormat format, const Uuid &uuid) {
  std::string text;
  const std::size_t header = header_size(format.codec);
  for (const NalUnit &unit : nal_units(access_unit, format))
    if (unit.bytes.size() > header && is_sei(unit.bytes, format.codec))
      append_user_data(text, without_protection(unit.bytes.subspan(header)), uuid);
  return text;
}

}  // namespace uniad
