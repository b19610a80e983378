// SPDX-License-Identifier: Apache-2.0
#include "model/file/torch_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "model/base/error.h"
#include "model/file/atomic_file.h"
#include "tests/support/heap_meter.h"
#include "tests/support/shared.h"

namespace uniad {
namespace {

const std::filesystem::path fixtures = std::filesystem::path(UNIAD_SOURCE_ROOT) / "tests/model/file/fixtures";

std::span<const std::byte> bytes_of(const std::string &text) {
  return std::as_bytes(std::span(text));
}

// Instructions of a pickle.
std::string text(const std::string &content) {
  return std::string("U") + static_cast<char>(content.size()) + content;
}
std::string number(std::uint64_t value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return "\x8a\x08" + bytes;
}
std::string numbers(const std::vector<std::uint64_t> &values) {
  std::string tuple = "(";
  for (std::uint64_t value : values) tuple += number(value);
  return tuple + "t";
}

// A legacy file that contains a pickle. tail: the pickle of storage keys and what follows it.
std::string legacy(const std::string &pickle, const std::string &tail = "\x80\x02].") {
  using namespace std::string_literals;
  return "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."s + "\x80\x02M\xe9\x03."s +
         "\x80\x02}."s + pickle + tail;
}

std::string refusal(const std::string &bytes) {
  try {
    parse_torch_file(bytes_of(bytes), "hostile.pth");
  } catch (const Error &error) {
    return error.what();
  }
  return "";
}

class FormatTest : public testing::TestWithParam<const char *> {};

TEST_P(FormatTest, YieldsEveryKindOfTensor) {
  const TensorFile file = read_torch_file(fixtures / GetParam());
  ASSERT_EQ(file.tensors.size(), 12U);
  const auto values = [&](const char *name) { return to_float(file.tensors.at(name)); };
  using Floats = std::vector<float>;
  using Shape = std::vector<std::int64_t>;

  EXPECT_EQ(file.tensors.at("plain").dtype, DType::F64);
  EXPECT_EQ(file.tensors.at("plain").shape, (Shape{2, 3}));
  EXPECT_EQ(values("plain"), (Floats{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(file.tensors.at("transposed").shape, (Shape{6, 4}));
  Floats transposed;
  for (int column = 0; column < 6; ++column) {
    for (int row = 0; row < 4; ++row) transposed.push_back(static_cast<float>(6 * row + column));
  }
  EXPECT_EQ(values("transposed"), transposed);
  EXPECT_EQ(values("slice"), (Floats{4, 7, 10, 13, 16, 19}));
  EXPECT_EQ(file.tensors.at("expanded").shape, (Shape{3, 2}));
  EXPECT_EQ(values("expanded"), Floats(6, 7.0F));
  EXPECT_EQ(values("parameter"), (Floats{1.5, -2.5}));
  EXPECT_EQ(values("tied"), (Floats{1.5, -2.5}));
  EXPECT_EQ(file.tensors.at("scalar").shape, Shape{});
  EXPECT_EQ(values("scalar"), Floats{3});
  EXPECT_EQ(file.tensors.at("empty").shape, (Shape{0, 4}));
  EXPECT_TRUE(values("empty").empty());
  EXPECT_EQ(file.tensors.at("half").dtype, DType::F16);
  EXPECT_EQ(values("half"), (Floats{0.5, -1, 65504}));
  EXPECT_EQ(file.tensors.at("bfloat").dtype, DType::BF16);
  EXPECT_EQ(values("bfloat"), (Floats{0.5, -3, 256}));
  EXPECT_EQ(values("bytes"), (Floats{0, 255}));
  EXPECT_EQ(file.tensors.at("flags").dtype, DType::Bool);
  EXPECT_EQ(values("flags"), (Floats{1, 0}));
}

TEST_P(FormatTest, CutAnywhereIsAnError) {
  const std::vector<std::byte> whole = read_whole_file(fixtures / GetParam());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THROW(parse_torch_file(std::span(whole).first(size), "cut.pth"), Error) << size << " bytes";
  }
}

TEST_P(FormatTest, AnyByteChangedIsReadOrRefused) {
  std::vector<std::byte> bytes = read_whole_file(fixtures / GetParam());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (std::byte flip : {std::byte{0x01}, std::byte{0x80}, std::byte{0xff}}) {
      bytes[i] ^= flip;
      try {
        const TensorFile file = parse_torch_file(bytes, "changed.pth");
        for (const auto &[name, tensor] : file.tensors) EXPECT_LE(tensor.bytes.size(), 4 * bytes.size());
      } catch (const Error &) {
      }
      bytes[i] ^= flip;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(TorchFile, FormatTest, testing::Values("torch_legacy.pth", "torch_zip.pth"));

TEST(TorchFile, CheckpointYieldsItsStateAloneAndPassesOverObjects) {
  const TensorFile file = read_torch_file(fixtures / "torch_objects.pth");
  ASSERT_EQ(file.tensors.size(), 2U);
  EXPECT_EQ(to_float(file.tensors.at("weight")), (std::vector<float>{0.25, 0.25}));
  EXPECT_EQ(to_float(file.tensors.at("bias")), std::vector<float>{-1.0});
}

TEST(TorchFile, FormatIsToldByContent) {
  EXPECT_EQ(read_tensor_file(fixtures / "torch_legacy.pth").tensors.size(), 12U);
  EXPECT_EQ(read_tensor_file(fixtures / "torch_zip.pth").tensors.size(), 12U);
  EXPECT_THROW(read_tensor_file(fixtures / "README.md"), Error);
  EXPECT_THROW(read_tensor_file(fixtures / "absent.pth"), Error);
  EXPECT_THROW(read_tensor_file(fixtures), Error);
}

TEST(TorchFile, ReadsTheAuthorsCheckpoint) {
  UNIAD_NEED_SHARED(path, "reference/uniad-dev-300steps.pth.tar");
  const TensorFile file = read_torch_file(path);
  EXPECT_EQ(file.tensors.size(), 132U);  // docs/network-details.md, "Reconstruction"
  std::int64_t parameters = 0;
  for (const auto &[name, tensor] : file.tensors) {
    EXPECT_TRUE(name.starts_with("module.reconstruction.")) << name;
    parameters +=
        std::accumulate(tensor.shape.begin(), tensor.shape.end(), std::int64_t{1}, std::multiplies<>());
  }
  EXPECT_EQ(parameters, 7'717'392);
}

TEST(HostilePickle, NothingIsCalled) {
  // {"w": os.system("true")}: the call results in an object that is ignored.
  const std::string pickle = "\x80\x02}" + text("w") + "cposix\nsystem\n" + text("true") + "\x85Rs.";
  EXPECT_NE(refusal(legacy(pickle)).find("contains no tensors"), std::string::npos);
}

TEST(HostilePickle, SharedListsDoNotMultiply) {
  std::string pickle = "\x80\x02]";
  pickle += std::string("q\0", 2);
  for (char i = 0; i < 100; ++i) {  // each list contains the previous one ten times
    pickle += "](";
    for (int k = 0; k < 10; ++k) pickle += std::string("h") + i;
    pickle += std::string("eq") + static_cast<char>(i + 1);
  }
  EXPECT_NE(refusal(legacy(pickle + ".")).find("nested too deeply or repeated too often"), std::string::npos);
}

// A thousand bytes that name 10,000 tensors without elements. Each name consists of the same 100 characters
// four times.
TEST(HostilePickle, SharedNamesDoNotMultiply) {
  const std::string storage =
      "(" + text("storage") + "ctorch\nFloatStorage\n" + text("key") + text("cpu") + number(4) + "tQ";
  const std::string tensor =
      "ctorch._utils\n_rebuild_tensor_v2\n(" + storage + number(0) + numbers({0}) + numbers({1}) + "\x89}tR";
  std::string pickle = "\x80\x02" + tensor + std::string("q\0", 2);
  for (char i = 0; i < 4; ++i) {
    pickle += "}" + text(std::string(100, 'n')) + "](";
    for (int k = 0; k < 10; ++k) pickle += std::string("h") + i;
    pickle += std::string("esq") + static_cast<char>(i + 1);
  }
  pickle = legacy(pickle + ".", "\x80\x02]" + text("key") + "a." + std::string("\4\0\0\0\0\0\0\0", 8) +
                                    std::string(16, '\0'));
  ASSERT_LT(pickle.size(), 2'000U);
  const test::HeapMeter meter;
  EXPECT_NE(refusal(pickle).find("nested too deeply or repeated too often"), std::string::npos);
  EXPECT_LT(meter.peak(), 4'000'000U);
}

TEST(HostilePickle, AListWithinItselfIsRefused) {
  EXPECT_NE(
      refusal(legacy(std::string("\x80\x02]q\0h\0a.", 9))).find("nested too deeply or repeated too often"),
      std::string::npos);
}

TEST(HostilePickle, DeepNestingAndEndlessWorkAreRefused) {
  EXPECT_NE(refusal(legacy("\x80\x02" + std::string(100'000, ']') + std::string(99'999, 'a') + "."))
                .find("nested too deeply or repeated too often"),
            std::string::npos);
  EXPECT_NE(refusal(legacy("\x80\x02" + std::string(3'000'000, 'N') + ".")).find("more objects"),
            std::string::npos);
  EXPECT_NE(refusal(legacy(std::string("\x80\x02X\xff\xff\xff\xff.", 8))).find("truncated"),
            std::string::npos);
}

// The most expensive objects: one byte creates an empty list and its entry on the stack, and another byte an
// entry in the memo.
TEST(HostilePickle, ObjectsTakeABoundedMultipleOfTheirBytes) {
  for (const char *instruction : {"]", "}", "N\x94", "N\x85", "(l", "2"}) {
    for (const std::size_t size : {4'000UL, 200'000UL}) {
      std::string pickle = "\x80\x02]";
      while (pickle.size() < size) pickle += instruction;
      const std::string file = legacy(pickle + ".");
      const test::HeapMeter meter;
      EXPECT_NE(refusal(file), "");
      EXPECT_LT(meter.peak(), 80 * file.size()) << instruction;
    }
  }
  const std::string file = legacy("\x80\x02" + std::string(2'000'000, ']') + ".");
  const test::HeapMeter meter;
  EXPECT_NE(refusal(file).find("more objects"), std::string::npos);
  EXPECT_LT(meter.peak(), 40'000'000U);
}

TEST(HostilePickle, StackAndMemoUnderflowAreRefused) {
  for (const char *program :
       {".", "0", "1", "2", "a", "e", "s", "u", "t", "\x85", "R", "b", "Q", "h\x01", "(0"}) {
    EXPECT_NE(refusal(legacy(std::string("\x80\x02") + program + ".")).find("reads from an empty stack"),
              std::string::npos)
        << program;
  }
}

// {"w": a tensor of a float storage of four elements}
std::string tensor_file(std::uint64_t offset, const std::vector<std::uint64_t> &shape,
                        const std::vector<std::uint64_t> &strides, std::uint64_t stored_elements = 4) {
  const std::string storage =
      "(" + text("storage") + "ctorch\nFloatStorage\n" + text("key") + text("cpu") + number(4) + "tQ";
  const std::string pickle = "\x80\x02}" + text("w") + "ctorch._utils\n_rebuild_tensor_v2\n(" + storage +
                             number(offset) + numbers(shape) + numbers(strides) + "\x89}tRs.";
  std::string tail = "\x80\x02]" + text("key") + "a.";
  tail.append(reinterpret_cast<const char *>(&stored_elements), sizeof stored_elements);
  return legacy(pickle, tail + std::string(16, '\0'));
}

TEST(HostilePickle, TensorsStayWithinTheirStorage) {
  constexpr std::uint64_t huge = 0x7fff'ffff'ffff'ffff;
  EXPECT_EQ(refusal(tensor_file(0, {4}, {1})), "");
  EXPECT_EQ(refusal(tensor_file(1, {2}, {2})), "");  // elements 1 and 3
  EXPECT_EQ(refusal(tensor_file(3, {1, 1}, {huge, huge})), "");
  EXPECT_EQ(refusal(tensor_file(huge, {0, 3}, {3, 1})), "");  // no elements

  const std::string beyond = "exceeds its storage";
  EXPECT_NE(refusal(tensor_file(1, {4}, {1})).find(beyond), std::string::npos);
  EXPECT_NE(refusal(tensor_file(0, {5}, {1})).find(beyond), std::string::npos);
  EXPECT_NE(refusal(tensor_file(0, {3}, {2})).find(beyond), std::string::npos);
  EXPECT_NE(refusal(tensor_file(4, {}, {})).find(beyond), std::string::npos);
  EXPECT_NE(refusal(tensor_file(huge, {3}, {huge})).find(beyond), std::string::npos);
  EXPECT_NE(refusal(tensor_file(0, {huge, huge}, {0, 0})).find(beyond), std::string::npos);
  EXPECT_NE(refusal(tensor_file(0, {1'000'000'000}, {0})).find("many times larger"), std::string::npos);
  EXPECT_NE(refusal(tensor_file(0, {~0ULL}, {1})).find("not a natural number"), std::string::npos);
  EXPECT_NE(refusal(tensor_file(0, {2}, {1, 1})).find("do not fit its shape"), std::string::npos);
  EXPECT_NE(refusal(tensor_file(0, std::vector<std::uint64_t>(9, 1), {1})).find("usable shape"),
            std::string::npos);
  EXPECT_NE(refusal(tensor_file(0, {4}, {1}, 3)).find("size that the file states"), std::string::npos);
  EXPECT_NE(refusal(tensor_file(0, {4}, {1}, ~0ULL)).find("truncated"), std::string::npos);
}

}  // namespace
}  // namespace uniad
