// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/embed/access_unit.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace uniad {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr Uuid uuid{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

std::string format_name(const testing::TestParamInfo<NalFormat> &info) {
  return std::string(info.param.codec == NalCodec::H264 ? "H264" : "H265") + "_" +
         std::to_string(info.param.length_size);
}

class UserDataOf : public testing::TestWithParam<NalFormat> {
 protected:
  static NalFormat format() { return GetParam(); }
  static bool is_h264() { return format().codec == NalCodec::H264; }

  static void append(Bytes &access_unit, const Bytes &unit) {
    if (format().length_size == 0) access_unit.insert(access_unit.end(), {0, 0, 0, 1});
    for (std::size_t i = format().length_size; i-- > 0;)
      access_unit.push_back(static_cast<std::uint8_t>(unit.size() >> (8 * i)));
    access_unit.insert(access_unit.end(), unit.begin(), unit.end());
  }

  // Delimiter, parameter set, another's SEI, two slices; the offset of the first slice.
  static std::pair<Bytes, std::size_t> access_unit() {
    Bytes bytes;
    const Bytes of_others{5, 18, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 'n', 'o', 0x80};
    const auto unit = [&](std::uint8_t h264, std::uint8_t h265, const Bytes &payload) {
      Bytes with_header = is_h264() ? Bytes{h264} : Bytes{static_cast<std::uint8_t>(h265 << 1), 3};
      with_header.insert(with_header.end(), payload.begin(), payload.end());
      append(bytes, with_header);
    };
    unit(9, 35, {0x50});
    unit(0x67, 33, {1, 2, 3});
    unit(6, 39, of_others);
    const std::size_t place = bytes.size();
    unit(0x65, 19, {0x88, 0, 0, 3, 1, 7});
    unit(0x65, 19, {0x44, 0x80});
    return {bytes, place};
  }

  static Bytes with(const Bytes &access_unit, const UserData &data) {
    Bytes bytes = access_unit;
    bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(data.place), data.nal_units.begin(),
                 data.nal_units.end());
    return bytes;
  }
};

TEST_P(UserDataOf, GoesBeforeTheFirstSliceAndIsReadBack) {
  const auto [bytes, place] = access_unit();
  std::mt19937 random(3);
  for (const std::size_t size : {1U, 10U, 238U, 239U, 240U, 494U, 5000U, 70000U}) {
    std::string text(size, ' ');
    for (char &c : text)
      c = static_cast<char>(random() % 3 == 0 ? random() % 256 : random() % 5);  // many zeros
    const auto data = user_data_for(bytes, format(), uuid, text);
    ASSERT_TRUE(data);
    EXPECT_EQ(data->place, place);
    const Bytes longer = with(bytes, *data);
    EXPECT_EQ(user_data_in(longer, format(), uuid), text) << size;
    EXPECT_EQ(user_data_in(longer, format(), Uuid{}), "");
  }
  EXPECT_EQ(user_data_in(bytes, format(), uuid), "");
}

// Otherwise decoders would see a NAL unit begin within it.
TEST_P(UserDataOf, ContainsNoStartCode) {
  const auto [bytes, place] = access_unit();
  const auto data =
      user_data_for(bytes, format(), uuid, std::string(100, '\0') + "\1" + std::string(3, '\0') + "\3");
  ASSERT_TRUE(data);
  Bytes units = data->nal_units;
  if (format().length_size == 0) units.erase(units.begin(), units.begin() + 4);
  for (std::size_t i = format().length_size; i + 2 < units.size(); ++i)
    EXPECT_FALSE(units[i] == 0 && units[i + 1] == 0 && units[i + 2] < 3) << i;
}

TEST_P(UserDataOf, SeveralTextsFollowOneAnother) {
  Bytes bytes = access_unit().first;
  for (const char *text : {"second ", "first "})
    bytes = with(bytes, *user_data_for(bytes, format(), uuid, text));
  // Each goes directly before the slice.
  EXPECT_EQ(user_data_in(bytes, format(), uuid), "second first ");
}

TEST_P(UserDataOf, NeedsASlice) {
  const auto [bytes, place] = access_unit();
  EXPECT_FALSE(user_data_for({bytes.data(), place}, format(), uuid, "text"));
  EXPECT_FALSE(user_data_for({}, format(), uuid, "text"));
}

TEST_P(UserDataOf, AnyBytesAreRead) {
  const auto [bytes, place] = access_unit();
  const Bytes longer = with(bytes, *user_data_for(bytes, format(), uuid, std::string(600, 'x')));
  for (std::size_t size = 0; size < longer.size(); ++size)
    EXPECT_LE(user_data_in({longer.data(), size}, format(), uuid).size(), 600U);
  std::mt19937 random(4);
  for (int round = 0; round < 3000; ++round) {
    Bytes damaged = longer;
    for (int i = 0; i < 5; ++i) damaged[random() % damaged.size()] = static_cast<std::uint8_t>(random());
    user_data_in(damaged, format(), uuid);
    user_data_for(damaged, format(), uuid, "text");
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, UserDataOf,
                         testing::Values(NalFormat{NalCodec::H264, 0}, NalFormat{NalCodec::H264, 1},
                                         NalFormat{NalCodec::H264, 2}, NalFormat{NalCodec::H264, 4},
                                         NalFormat{NalCodec::H265, 0}, NalFormat{NalCodec::H265, 2},
                                         NalFormat{NalCodec::H265, 3}, NalFormat{NalCodec::H265, 4}),
                         format_name);

TEST(UserData, HasTheTemporalLayerOfItsPictureInH265) {
  const Bytes slice{0, 0, 0, 4, 19 << 1, 3, 1, 2};
  const auto data = user_data_for(slice, {NalCodec::H265, 4}, uuid, "x");
  ASSERT_TRUE(data);
  EXPECT_EQ(data->nal_units[4], 39 << 1);
  EXPECT_EQ(data->nal_units[5], 3);
}

// A prefix NAL unit and its slice must not be separated.
TEST(UserData, GoesBeforeAPrefixOfTheSlice) {
  const Bytes unit{0, 0, 0, 2, 0x6E, 1, 0, 0, 0, 2, 0x65, 1};
  const auto data = user_data_for(unit, {NalCodec::H264, 4}, uuid, "x");
  ASSERT_TRUE(data);
  EXPECT_EQ(data->place, 0U);
}

TEST(UserData, TheRecordsHoldTheSizeOfTheLength) {
  EXPECT_EQ(nal_length_size(NalCodec::H264, Bytes{1, 100, 0, 31, 0xFF, 0xE1}), 4U);
  EXPECT_EQ(nal_length_size(NalCodec::H264, Bytes{1, 100, 0, 31, 0xFD}), 2U);
  EXPECT_EQ(nal_length_size(NalCodec::H264, Bytes{1, 100, 0, 31}), std::nullopt);
  Bytes hevc(23);
  hevc[21] = 0x0F;
  EXPECT_EQ(nal_length_size(NalCodec::H265, hevc), 4U);
  EXPECT_EQ(nal_length_size(NalCodec::H265, Bytes(21)), std::nullopt);
}

}  // namespace
}  // namespace uniad
