// SPDX-License-Identifier: Apache-2.0
#include "model/file/safetensors.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <limits>

#include "model/file/atomic_file.h"
#include "tests/model/file/safetensors_bytes.h"
#include "tests/support/child_process.h"
#include "tests/support/heap_meter.h"
#include "tests/support/refusal.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/shared.h"

namespace uniad {
namespace {

using test::bytes_of;
using test::holds;
using test::refusal;
using test::safetensors_bytes;
using Floats = std::vector<float>;
using Shape = std::vector<std::int64_t>;

StoredTensor tensor_of(DType dtype, Shape shape, const std::string &bytes) {
  const auto content = bytes_of(bytes);
  return {dtype, std::move(shape), {content.begin(), content.end()}};
}

TensorFile parse(const std::string &bytes) {
  return parse_safetensors(bytes_of(bytes), "hostile.safetensors");
}

// Tensors of every dtype, encoded by hand. Each contains the numbers 1 and -2, or 1 and 0, or 1 and 254.
using namespace std::string_literals;
struct Sample {
  DType dtype;
  const char *name;
  std::string bytes;
  Floats values;
};
const std::vector<Sample> &samples() {
  static const std::vector<Sample> all{
      {DType::F64, "F64", "\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\0\xc0"s, {1, -2}},
      {DType::F32, "F32", "\0\0\x80\x3f\0\0\0\xc0"s, {1, -2}},
      {DType::F16, "F16", "\0\x3c\0\xc0"s, {1, -2}},
      {DType::BF16, "BF16", "\x80\x3f\0\xc0"s, {1, -2}},
      {DType::I64, "I64", "\1\0\0\0\0\0\0\0\xfe\xff\xff\xff\xff\xff\xff\xff"s, {1, -2}},
      {DType::I32, "I32", "\1\0\0\0\xfe\xff\xff\xff"s, {1, -2}},
      {DType::I16, "I16", "\1\0\xfe\xff"s, {1, -2}},
      {DType::I8, "I8", "\1\xfe"s, {1, -2}},
      {DType::U8, "U8", "\1\xfe"s, {1, 254}},
      {DType::Bool, "BOOL", "\1\0"s, {1, 0}}};
  return all;
}

TEST(Safetensors, ReadsEveryDType) {
  std::string header = "{";
  std::string data;
  for (const Sample &sample : samples()) {
    header += (header.size() > 1 ? "," : "") + "\""s + sample.name + "\":{\"dtype\":\"" + sample.name +
              "\",\"shape\":[2],\"data_offsets\":[" + std::to_string(data.size()) + "," +
              std::to_string(data.size() + sample.bytes.size()) + "]}";
    data += sample.bytes;
  }
  const TensorFile file = parse(safetensors_bytes(header + "}   ", data));  // writers pad with spaces
  ASSERT_EQ(file.tensors.size(), samples().size());
  for (const Sample &sample : samples()) {
    const StoredTensor &tensor = file.tensors.at(sample.name);
    EXPECT_EQ(tensor.dtype, sample.dtype) << sample.name;
    EXPECT_EQ(tensor.shape, Shape{2}) << sample.name;
    EXPECT_EQ(to_float(tensor), sample.values) << sample.name;
  }
}

TEST(Safetensors, HalvesBecomeTheirNumbers) {
  // Largest, smallest normal, smallest, both zeros, one third.
  const StoredTensor halves = tensor_of(DType::F16, {6}, "\xff\x7b\x00\x04\x01\x00\x00\x00\x00\x80\x55\x35"s);
  EXPECT_EQ(to_float(halves), (Floats{65504, 0x1p-14F, 0x1p-24F, 0, 0, 0.333251953125F}));
  EXPECT_TRUE(std::signbit(to_float(halves)[4]));
  const Floats special = to_float(tensor_of(DType::F16, {3}, "\x00\x7c\x00\xfc\x01\x7e"s));
  EXPECT_EQ(special[0], std::numeric_limits<float>::infinity());
  EXPECT_EQ(special[1], -std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(special[2]));
  EXPECT_EQ(to_float(tensor_of(DType::BF16, {2}, "\x7f\x7f\x80\xff"s)),
            (Floats{0x1.fep127F, -std::numeric_limits<float>::infinity()}));
}

TEST(Safetensors, ReadsScalarsEmptyTensorsMetadataAndAnyOrder) {
  const TensorFile file = parse(safetensors_bytes(
      R"({"b":{"data_offsets":[4,8],"dtype":"F32","shape":[]},"__metadata__":{"dtype":"x","shape":"é\n"},)"
      R"("none":{"dtype":"F32","shape":[3,0,5],"data_offsets":[4,4]},)"
      R"("a":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]}})",
      "\0\0\x80\x3f\0\0\0\xc0"s));
  EXPECT_EQ(to_float(file.tensors.at("a")), Floats{1});
  EXPECT_EQ(to_float(file.tensors.at("b")), Floats{-2});
  EXPECT_EQ(file.tensors.at("b").shape, Shape{});
  EXPECT_EQ(file.tensors.at("none").shape, (Shape{3, 0, 5}));
  EXPECT_TRUE(file.tensors.at("none").bytes.empty());
  EXPECT_EQ(file.metadata.at("dtype"), "x");
  EXPECT_EQ(file.metadata.at("shape"), "é\n");
  EXPECT_TRUE(parse(safetensors_bytes("{}")).tensors.empty());
}

class SafetensorsFile : public test::ScratchFolder {
 protected:
  // A file with a tensor of every dtype, a scalar, an empty tensor, a long name, and metadata with unusual
  // characters.
  static TensorFile everything() {
    TensorFile file;
    for (const Sample &sample : samples())
      file.tensors[sample.name] = tensor_of(sample.dtype, {2, 1}, sample.bytes);
    file.tensors["scalar"] = tensor_of(DType::F32, {}, "\0\0\x80\x3f"s);
    file.tensors["empty"] = tensor_of(DType::F64, {0, 7}, "");
    file.tensors[std::string(300, 'n') + "\"\\ é"] = tensor_of(DType::U8, {3}, "abc");
    file.metadata = {{"text", "quotes \" and \\, tab\t, é, 日本"}, {"", ""}};
    return file;
  }
};

TEST_F(SafetensorsFile, ComesBackAsItWasWritten) {
  const TensorFile written = everything();
  write_safetensors(written, file("a.safetensors"));
  for (const bool whole : {true, false}) {
    const TensorFile read =
        whole ? read_safetensors(file("a.safetensors")) : read_safetensors_header(file("a.safetensors"));
    EXPECT_EQ(read.metadata, written.metadata);
    ASSERT_EQ(read.tensors.size(), written.tensors.size());
    for (const auto &[name, tensor] : written.tensors) {
      EXPECT_EQ(read.tensors.at(name).dtype, tensor.dtype) << name;
      EXPECT_EQ(read.tensors.at(name).shape, tensor.shape) << name;
      EXPECT_EQ(read.tensors.at(name).bytes, whole ? tensor.bytes : std::vector<std::byte>()) << name;
    }
  }
  EXPECT_EQ(names(), std::vector<std::string>{"a.safetensors"});
}

TEST_F(SafetensorsFile, NothingButMetadataOrNothingAtAll) {
  write_safetensors({{}, {{"key", "value"}}}, file("a"));
  EXPECT_EQ(read_safetensors(file("a")).metadata.at("key"), "value");
  write_safetensors({}, file("a"));
  EXPECT_TRUE(read_safetensors(file("a")).metadata.empty());
}

// The reference is the Python library of the format's authors.
TEST_F(SafetensorsFile, AnotherReaderReadsIt) {
  write_safetensors(everything(), file("a.safetensors"));
  const auto reader = write("reader.py", R"(
import json, struct, sys
raw = open(sys.argv[1], "rb").read()
(size,) = struct.unpack("<Q", raw[:8])
header, data = json.loads(raw[8:8 + size].decode("utf-8")), raw[8 + size:]
assert size % 8 == 0 and raw[8:9] == b"{", size
assert header.pop("__metadata__") == {"text": "quotes \" and \\, tab\t, é, 日本", "": ""}
code = {"F64": "d", "F32": "f", "F16": "e", "I64": "q", "I32": "i", "I16": "h", "I8": "b", "U8": "B", "BOOL": "?"}
covered = 0
for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
    begin, end = entry["data_offsets"]
    assert begin == covered <= end <= len(data), name
    covered = end
    part, dtype = data[begin:end], entry["dtype"]
    if name == dtype:
        width = 2 if dtype == "BF16" else struct.calcsize("<" + code[dtype])
        assert entry["shape"] == [2, 1] and begin % width == 0, name
        if dtype == "BF16":
            numbers = tuple(struct.unpack("<f", b"\0\0" + part[i:i + 2])[0] for i in (0, 2))
        else:
            numbers = struct.unpack("<2" + code[dtype], part)
        assert numbers == (1, {"BOOL": False, "U8": 254}.get(dtype, -2)), (name, numbers)
    elif name == "scalar":
        assert entry["shape"] == [] and struct.unpack("<f", part) == (1,)
    elif name == "empty":
        assert entry["shape"] == [0, 7] and part == b""
    else:
        assert name == "n" * 300 + "\"\\ é" and part == b"abc", name
assert covered == len(data) and len(header) == 13
print("read")
)");
  const auto outcome = test::run({"/usr/bin/python3", reader.string(), file("a.safetensors").string()});
  EXPECT_EQ(outcome.out, "read\n") << outcome.err;
}

TEST_F(SafetensorsFile, AnotherWritersFileIsRead) {
  const auto writer = write("writer.py", R"(
import json, struct, sys
header = {"weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
          "steps": {"dtype": "I64", "shape": [], "data_offsets": [24, 32]},
          "__metadata__": {"format": "pt", "über": "ja"}}
text = json.dumps(header, indent=1).encode()
open(sys.argv[1], "wb").write(struct.pack("<Q", len(text)) + text + struct.pack("<6fq", 0, 1, 2, 3, 4, .5, -7))
)");
  ASSERT_EQ(test::run({"/usr/bin/python3", writer.string(), file("b").string()}).status, 0);
  const TensorFile read = read_safetensors(file("b"));
  EXPECT_EQ(read.tensors.at("weight").shape, (Shape{2, 3}));
  EXPECT_EQ(to_float(read.tensors.at("weight")), (Floats{0, 1, 2, 3, 4, .5}));
  EXPECT_EQ(to_float(read.tensors.at("steps")), Floats{-7});
  EXPECT_EQ(read.metadata, (std::map<std::string, std::string>{{"format", "pt"}, {"über", "ja"}}));
}

TEST_F(SafetensorsFile, ReadsRealWeights) {
  UNIAD_NEED_SHARED(path, "weights/efficientnet_b4_stages1-4.safetensors");
  const TensorFile weights = read_safetensors(path);
  EXPECT_EQ(weights.tensors.at("_conv_stem.weight").shape, (Shape{48, 3, 3, 3}));
  EXPECT_EQ(weights.tensors.at("_conv_stem.weight").bytes.size(), 48U * 27 * 4);
  EXPECT_FALSE(weights.metadata.empty());
}

// --- hostile files

// A file whose header has one tensor's entry, with four bytes of data.
std::string with_entry(const std::string &entry) {
  return safetensors_bytes(R"({"w":)" + entry + "}", "1234");
}

struct Hostile {
  const char *what;
  std::string bytes;
  const char *reason;
};

std::vector<Hostile> hostile_files() {
  const std::string good = R"({"dtype":"F32","shape":[1],"data_offsets":[0,4]})";
  const auto sized = [](std::uint64_t size, const std::string &rest) {
    std::string bytes = safetensors_bytes("");
    std::memcpy(bytes.data(), &size, sizeof size);
    return bytes + rest;
  };
  const auto pair = [](const std::string &first, const std::string &second, const std::string &data) {
    return safetensors_bytes(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":)" + first +
                                 R"(},"b":{"dtype":"U8","shape":[2],"data_offsets":)" + second + "}}",
                             data);
  };
  return {
      {"empty file", "", "no safetensors header"},
      {"seven bytes", "\2\0\0\0\0\0\0"s, "no safetensors header"},
      {"length alone", sized(2, ""), "no safetensors header"},
      {"header of no length", sized(0, "{}"), "no safetensors header"},
      {"header past the end", sized(3, "{}"), "no safetensors header"},
      {"header of 2^63 bytes", sized(1ULL << 63, "{}"), "no safetensors header"},
      {"header of 2^64-1 bytes", sized(~0ULL, "{}"), "no safetensors header"},
      {"header of 2^64-8 bytes", sized(~0ULL - 7, "{}"), "no safetensors header"},
      {"a text file", "Not everything that has a length is a tensor file.", "no safetensors header"},
      {"an array", safetensors_bytes("[]"), "no safetensors header"},
      {"spaces", safetensors_bytes("    "), "no safetensors header"},
      {"no JSON", safetensors_bytes("{\"w\": oops}"), "not JSON at byte"},
      {"half a JSON", safetensors_bytes("{\"w\":{"), "not JSON at byte"},
      {"text behind the JSON", safetensors_bytes("{} {}"), "not JSON at byte"},
      {"zeros behind the JSON", safetensors_bytes("{}\0\0"s), "not JSON at byte"},
      {"not UTF-8", safetensors_bytes("{\"__metadata__\":{\"a\":\"\xff\xfe\"}}"), "not JSON at byte"},
      {"key not UTF-8", safetensors_bytes("{\"\xc3(\":{}}"), "not JSON at byte"},
      {"byte order mark", safetensors_bytes("\xef\xbb\xbf{}"), "no safetensors header"},
      {"100,000 arrays", safetensors_bytes("{\"w\":" + std::string(100'000, '[')), "'w': unexpected array"},
      {"100,000 arrays as shape", with_entry("{\"shape\":" + std::string(100'000, '[')),
       "'w': unexpected array"},
      {"100,000 objects", safetensors_bytes([] {
         std::string nested;
         for (int i = 0; i < 100'000; ++i) nested += "{\"w\":";
         return nested;
       }()),
       "'w': unexpected object"},
      {"a tensor twice", safetensors_bytes("{\"w\":" + good + ",\"w\":" + good + "}", "1234"),
       "'w': occurs twice"},
      {"metadata twice", safetensors_bytes(R"({"__metadata__":{},"__metadata__":{}})"),
       "'__metadata__': occurs twice"},
      {"a metadata key twice", safetensors_bytes(R"({"__metadata__":{"k":"1","k":"2"}})"), "k occurs twice"},
      {"a dtype twice", with_entry(R"({"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]})"),
       "'w': unexpected string"},
      {"a shape twice", with_entry(R"({"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]})"),
       "'w': unexpected array"},
      {"offsets twice",
       with_entry(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4],"data_offsets":[0,4]})"),
       "'w': unexpected array"},
      {"no dtype", with_entry(R"({"shape":[1],"data_offsets":[0,4]})"),
       "'w': dtype, shape or data_offsets is missing"},
      {"no shape", with_entry(R"({"dtype":"F32","data_offsets":[0,4]})"),
       "'w': dtype, shape or data_offsets is missing"},
      {"no offsets", with_entry(R"({"dtype":"F32","shape":[1]})"), "data_offsets"},
      {"one offset", with_entry(R"({"dtype":"F32","shape":[1],"data_offsets":[0]})"), "data_offsets"},
      {"three offsets", with_entry(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4,4]})"),
       "more than two data_offsets"},
      {"unknown dtype", with_entry(R"({"dtype":"F128","shape":[1],"data_offsets":[0,4]})"),
       "unknown dtype 'F128'"},
      {"dtype a number", with_entry(R"({"dtype":32,"shape":[1],"data_offsets":[0,4]})"),
       "'w': unexpected number"},
      {"shape a number", with_entry(R"({"dtype":"F32","shape":1,"data_offsets":[0,4]})"),
       "'w': unexpected number"},
      {"shape of texts", with_entry(R"({"dtype":"F32","shape":["1"],"data_offsets":[0,4]})"),
       "'w': unexpected string"},
      {"shape of null", with_entry(R"({"dtype":"F32","shape":[null],"data_offsets":[0,4]})"),
       "'w': unexpected null"},
      {"shape of true", with_entry(R"({"dtype":"F32","shape":[true],"data_offsets":[0,4]})"),
       "'w': unexpected boolean"},
      {"fractional shape", with_entry(R"({"dtype":"F32","shape":[1.0],"data_offsets":[0,4]})"), "not whole"},
      {"endless shape", with_entry(R"({"dtype":"F32","shape":[1e999],"data_offsets":[0,4]})"), "byte"},
      {"negative shape", with_entry(R"({"dtype":"F32","shape":[-1],"data_offsets":[0,4]})"),
       "'w': negative number"},
      {"negative offset", with_entry(R"({"dtype":"F32","shape":[1],"data_offsets":[-4,0]})"),
       "'w': negative number"},
      {"a shape of nine", with_entry(R"({"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]})"),
       "shape is too large"},
      {"an extent of 2^63",
       with_entry(R"({"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,4]})"),
       "shape is too large"},
      {"an extent of 2^64",
       with_entry(R"({"dtype":"U8","shape":[18446744073709551616],"data_offsets":[0,4]})"), "not whole"},
      // 2^32 * 2^32 * 4 and 2^62 * 4 overflow to 0, (2^62 + 1) * 4 to 4.
      {"a size that wraps to 0",
       with_entry(R"({"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]})"),
       "do not match its dtype and shape"},
      {"an extent that wraps to 4",
       with_entry(R"({"dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,4]})"),
       "do not match its dtype and shape"},
      {"offsets reversed", with_entry(R"({"dtype":"F32","shape":[1],"data_offsets":[4,0]})"),
       "do not match its dtype and shape"},
      {"offsets reversed that wrap",
       with_entry(R"({"dtype":"F32","shape":[1],"data_offsets":[18446744073709551614,2]})"),
       "do not match its dtype and shape"},
      {"too few bytes", with_entry(R"({"dtype":"F32","shape":[2],"data_offsets":[0,4]})"),
       "do not match its dtype and shape"},
      {"a tensor past the end", with_entry(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})"),
       "truncated: 4 bytes of 8"},
      {"an offset at the end of 64 bits",
       with_entry(
           R"({"dtype":"F32","shape":[1],"data_offsets":[18446744073709551608,18446744073709551612]})"),
       "leaves a gap"},
      {"overlap", pair("[0,2]", "[1,3]", "123"), "'b' overlaps"},
      {"the same bytes", pair("[0,2]", "[0,2]", "12"), "'b' overlaps"},
      {"a hole", pair("[0,2]", "[3,5]", "12345"), "leaves a gap"},
      {"a hole at the start", pair("[1,3]", "[3,5]", "12345"), "'a' overlaps another or leaves a gap"},
      {"bytes behind", pair("[0,2]", "[2,4]", "12345"), "extra bytes at its end"},
      {"an entry that is a text", safetensors_bytes(R"({"w":"F32"})"), "'w': unexpected string"},
      {"an entry that is null", safetensors_bytes(R"({"w":null})"), "'w': unexpected null"},
      {"an entry that is an array", safetensors_bytes(R"({"w":[]})"), "'w': unexpected array"},
      {"an entry with an unknown key",
       with_entry(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":"x"})"),
       "'w': unexpected string"},
      {"metadata a number", safetensors_bytes(R"({"__metadata__":{"k":1}})"),
       "'__metadata__': unexpected number"},
      {"metadata an array", safetensors_bytes(R"({"__metadata__":{"k":[]}})"),
       "'__metadata__': unexpected array"},
      {"metadata an object", safetensors_bytes(R"({"__metadata__":{"k":{}}})"),
       "'__metadata__': unexpected object"},
      {"metadata null", safetensors_bytes(R"({"__metadata__":null})"), "'__metadata__': unexpected null"},
      {"metadata a text", safetensors_bytes(R"({"__metadata__":"k"})"), "'__metadata__': unexpected string"}};
}

TEST_F(SafetensorsFile, HostileFilesAreRefusedWithFileAndReason) {
  for (const Hostile &hostile : hostile_files()) {
    SCOPED_TRACE(hostile.what);
    const test::HeapMeter meter;
    const std::string reason = refusal([&] { parse(hostile.bytes); });
    EXPECT_TRUE(holds(reason, "hostile.safetensors: "));
    EXPECT_TRUE(holds(reason, hostile.reason));
    EXPECT_LT(reason.size(), 500U);
    EXPECT_LT(meter.peak(), 8 * hostile.bytes.size() + 10'000);

    const auto path = write("hostile.safetensors", hostile.bytes);
    const std::string in_file = path.string() + ": ";
    for (const auto read : {read_safetensors, read_safetensors_header}) {
      const std::string same = refusal([&] { read(path); });
      EXPECT_EQ(same, in_file + reason.substr(std::min(reason.size(), "hostile.safetensors: "s.size())));
    }
  }
}

TEST_F(SafetensorsFile, CutAnywhereIsRefused) {
  write_safetensors(everything(), file("whole"));
  const std::string whole = content(file("whole"));
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_TRUE(holds(refusal([&] { parse(whole.substr(0, size)); }), "hostile.safetensors: ")) << size;
}

TEST_F(SafetensorsFile, AnyByteOfTheHeaderChangedIsReadOrRefused) {
  write_safetensors(everything(), file("whole"));
  std::string bytes = content(file("whole"));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const char flip : {'\x01', '\x02', '\x10', '\x80', '\xff'}) {
      bytes[i] = static_cast<char>(bytes[i] ^ flip);
      try {
        parse(bytes);
      } catch (const Error &) {
      }
      bytes[i] = static_cast<char>(bytes[i] ^ flip);
    }
  }
}

// Headers full of the entries that take the most memory relative to their text.
TEST_F(SafetensorsFile, MemoryStaysWithinASmallMultipleOfTheFile) {
  std::string tensors = "{";
  std::string metadata = R"({"__metadata__":{)";
  for (int i = 0; i < 30'000; ++i) {
    const std::string name = std::to_string(i);
    const char *comma = i == 0 ? "" : ",";
    tensors += comma + ("\"" + name) + R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
    metadata += comma + ("\"" + name) + R"(":"")";
  }
  for (const std::string &header : {tensors + "}", metadata + "}}"}) {
    const auto path = write("many", safetensors_bytes(header));
    const test::HeapMeter meter;
    const TensorFile content = read_safetensors(path);
    EXPECT_EQ(content.tensors.size() + content.metadata.size(), 30'000U);
    EXPECT_LT(meter.peak(), 12 * header.size());
  }
  const auto path = write("large", safetensors_bytes(R"({"w":{"dtype":"F32","shape":[1000000],)"
                                                     R"("data_offsets":[0,4000000]}})",
                                                     std::string(4'000'000, '\0')));
  const test::HeapMeter meter;
  read_safetensors(path);
  EXPECT_LT(meter.peak(), 4'100'000U);
}

// --- writing

TEST_F(SafetensorsFile, ATensorWhoseBytesDoNotFitIsNotWritten) {
  write("a", "old");
  const TensorFile wrong{{{"w", tensor_of(DType::F32, {2}, "1234")}}, {}};
  EXPECT_TRUE(holds(refusal([&] { write_safetensors(wrong, file("a")); }), "'w'"));
  EXPECT_EQ(content(file("a")), "old");
  EXPECT_EQ(names(), std::vector<std::string>{"a"});
}

}  // namespace
}  // namespace uniad
