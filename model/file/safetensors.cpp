// SPDX-License-Identifier: Apache-2.0
#include "model/file/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>
#include <tuple>
#include <utility>

#include "model/error.h"
#include "model/file/whole_file.h"
#include "model/json_text.h"

namespace uniad {
namespace {

static_assert(std::endian::native == std::endian::little,
              "tensors are stored and used in little-endian order");

constexpr std::uint64_t header_limit = 100'000'000;  // the format's own
constexpr std::size_t rank_limit = 8;
constexpr const char *fetch_again = "the file is damaged or not a safetensors file: fetch or write it again";

struct DTypeInfo {
  DType dtype;
  std::string_view name;
  std::size_t size;
};
constexpr std::array<DTypeInfo, 10> dtypes{{{DType::F64, "F64", 8},
                                            {DType::F32, "F32", 4},
                                            {DType::F16, "F16", 2},
                                            {DType::BF16, "BF16", 2},
                                            {DType::I64, "I64", 8},
                                            {DType::I32, "I32", 4},
                                            {DType::I16, "I16", 2},
                                            {DType::I8, "I8", 1},
                                            {DType::U8, "U8", 1},
                                            {DType::Bool, "BOOL", 1}}};

const DTypeInfo &info_of(DType dtype) {
  return *std::find_if(dtypes.begin(), dtypes.end(), [dtype](const auto &d) { return d.dtype == dtype; });
}

// Where a tensor lies in the data behind the header.
struct Entry {
  DType dtype = DType::F32;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

struct Header {
  std::map<std::string, Entry> entries;
  std::map<std::string, std::string> metadata;
};

// Takes the header's JSON token by token, so that nothing is kept that the format does not know: memory stays
// small however the JSON is nested, and no key is read twice.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderReader(std::string file) : file_(std::move(file)) {}
  Header take() { return std::move(header_); }

  bool start_object(std::size_t) override {
    if (++depth_ > 2 || in_array_) refuse("an object where none belongs");
    return true;
  }
  bool end_object() override {
    if (--depth_ == 1 && entry_ != nullptr) {
      if (!has_dtype_ || !has_shape_ || offsets_read_ != 2) refuse("no dtype, shape or data_offsets");
      entry_ = nullptr;
    }
    return true;
  }
  bool key(std::string &key) override {
    key_ = key;
    if (depth_ == 2) return true;
    where_ = key;
    in_metadata_ = key == "__metadata__";
    if (in_metadata_) {
      if (std::exchange(has_metadata_, true)) refuse("named twice");
      return true;
    }
    const auto [place, is_new] = header_.entries.try_emplace(key);
    if (!is_new) refuse("named twice");
    entry_ = &place->second;
    has_dtype_ = has_shape_ = false;
    offsets_read_ = 0;
    return true;
  }
  bool string(std::string &text) override {
    if (depth_ != 2 || in_array_) refuse("a text where none belongs");
    if (in_metadata_) {
      if (!header_.metadata.emplace(key_, text).second) refuse(key_ + " is named twice");
    } else if (key_ == "dtype" && !has_dtype_) {
      const auto *found =
          std::find_if(dtypes.begin(), dtypes.end(), [&](const DTypeInfo &d) { return d.name == text; });
      if (found == dtypes.end()) refuse("unknown dtype '" + text.substr(0, 32) + "'");
      entry_->dtype = found->dtype;
      has_dtype_ = true;
    } else {
      refuse("a text where none belongs");
    }
    return true;
  }
  bool start_array(std::size_t) override {
    const bool known = depth_ == 2 && !in_array_ && entry_ != nullptr &&
                       ((key_ == "shape" && !std::exchange(has_shape_, true)) ||
                        (key_ == "data_offsets" && offsets_read_ == 0));
    if (!known) refuse("an array where none belongs");
    in_array_ = true;
    return true;
  }
  bool end_array() override {
    in_array_ = false;
    return true;
  }
  bool number_unsigned(std::uint64_t number) override {
    if (!in_array_) refuse("a number where none belongs");
    if (key_ == "shape") {
      if (number > std::numeric_limits<std::int64_t>::max() || entry_->shape.size() == rank_limit) {
        refuse("a shape beyond all measure");
      }
      entry_->shape.push_back(static_cast<std::int64_t>(number));
    } else {
      if (offsets_read_ == 2) refuse("more than two data_offsets");
      (offsets_read_++ == 0 ? entry_->begin : entry_->end) = number;
    }
    return true;
  }
  bool number_integer(std::int64_t) override { refuse("a negative number"); }
  bool number_float(double, const std::string &) override { refuse("a number that is not whole"); }
  bool boolean(bool) override { refuse("true or false where none belongs"); }
  bool null() override { refuse("null where none belongs"); }
  bool binary(nlohmann::json::binary_t &) override { refuse("bytes where none belong"); }
  bool parse_error(std::size_t position, const std::string &, const nlohmann::json::exception &) override {
    refuse_json(position);
  }
  [[noreturn]] void refuse_json(std::size_t position) const {
    throw Error(file_, "the header is not JSON at byte " + std::to_string(position), fetch_again);
  }

 private:
  [[noreturn]] void refuse(const std::string &what) const {
    throw Error(file_, "header entry '" + where_.substr(0, 200) + "': " + what, fetch_again);
  }

  std::string file_;
  Header header_;
  int depth_ = 0;
  bool in_array_ = false;
  bool in_metadata_ = false;
  bool has_metadata_ = false;
  bool has_dtype_ = false;
  bool has_shape_ = false;
  int offsets_read_ = 0;
  Entry *entry_ = nullptr;
  std::string where_;
  std::string key_;
};

bool multiply(std::uint64_t a, std::uint64_t b, std::uint64_t &product) {
  return !__builtin_mul_overflow(a, b, &product);
}

void check_size(const std::string &tensor, const Entry &entry, const std::string &file) {
  std::uint64_t size = size_of(entry.dtype);
  const bool fits = std::all_of(entry.shape.begin(), entry.shape.end(), [&](std::int64_t extent) {
    return multiply(size, static_cast<std::uint64_t>(extent), size);
  });
  if (!fits || entry.end < entry.begin || entry.end - entry.begin != size) {
    throw Error(file, "tensor '" + tensor + "': its offsets do not fit its dtype and shape", fetch_again);
  }
}

// The tensors cover the data exactly: no hole, no overlap, nothing beyond.
void check_layout(const Header &header, std::uint64_t data_size, const std::string &file) {
  std::vector<const std::pair<const std::string, Entry> *> by_offset;
  for (const auto &item : header.entries) {
    check_size(item.first, item.second, file);
    by_offset.push_back(&item);
  }
  std::sort(by_offset.begin(), by_offset.end(), [](const auto *a, const auto *b) {
    return std::tie(a->second.begin, a->second.end) < std::tie(b->second.begin, b->second.end);
  });
  std::uint64_t covered = 0;
  for (const auto *item : by_offset) {
    if (item->second.begin != covered) {
      throw Error(file, "tensor '" + item->first + "' overlaps another or leaves a gap", fetch_again);
    }
    covered = item->second.end;
  }
  if (covered > data_size) {
    throw Error(file,
                "cut short: " + std::to_string(data_size) + " bytes of " + std::to_string(covered) +
                    " bytes of tensors are there",
                "fetch or write it again");
  }
  if (covered < data_size) throw Error(file, "bytes that belong to no tensor at its end", fetch_again);
}

std::uint64_t header_size(std::span<const std::byte> first_eight, std::uint64_t file_size,
                          const std::string &file) {
  std::uint64_t size = 0;
  if (first_eight.size() == sizeof size) std::memcpy(&size, first_eight.data(), sizeof size);
  if (first_eight.size() < sizeof size || size < 2 || size > header_limit || size > file_size - sizeof size) {
    throw Error(file, "no safetensors header at its start", fetch_again);
  }
  return size;
}

Header parse_header(std::string_view json, std::uint64_t data_size, const std::string &file) {
  HeaderReader reader(file);
  if (!json.starts_with('{')) throw Error(file, "no safetensors header at its start", fetch_again);
  const std::size_t zero = json.find('\0');  // where nlohmann's parser would take it for the end
  nlohmann::json::sax_parse(json.substr(0, zero), &reader);
  if (zero != json.npos) reader.refuse_json(zero);
  Header header = reader.take();
  check_layout(header, data_size, file);
  return header;
}

TensorFile read(const std::filesystem::path &path, bool with_bytes) {
  const InputFile file(path);
  std::vector<std::byte> start(std::min<std::uint64_t>(8, file.size()));
  file.read(0, start);
  std::string json(header_size(start, file.size(), path.string()), '\0');
  file.read(8, std::as_writable_bytes(std::span(json)));
  const std::uint64_t data_start = 8 + json.size();
  Header header = parse_header(json, file.size() - data_start, path.string());

  TensorFile content{{}, std::move(header.metadata)};
  for (auto &[name, entry] : header.entries) {
    StoredTensor &tensor = content.tensors[name];
    tensor.dtype = entry.dtype;
    tensor.shape = std::move(entry.shape);
    if (!with_bytes) continue;
    tensor.bytes.resize(entry.end - entry.begin);
    file.read(data_start + entry.begin, tensor.bytes);
  }
  return content;
}

std::uint64_t bytes_of(const std::string &name, const StoredTensor &tensor, const std::string &file) {
  const Entry entry{tensor.dtype, tensor.shape, 0, tensor.bytes.size()};
  check_size(name, entry, file);
  return tensor.bytes.size();
}

float half_to_float(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const int fraction = bits & 1023;
  float magnitude = std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
  if (exponent == 0) magnitude = std::ldexp(static_cast<float>(fraction), -24);
  if (exponent == 31) {
    magnitude =
        fraction == 0 ? std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
  }
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

float bfloat_to_float(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

template <typename Element, typename Convert>
std::vector<float> convert(std::span<const std::byte> bytes, Convert to_float) {
  std::vector<float> values(bytes.size() / sizeof(Element));
  for (std::size_t i = 0; i < values.size(); ++i) {
    Element element;
    std::memcpy(&element, bytes.data() + i * sizeof(Element), sizeof(Element));
    values[i] = to_float(element);
  }
  return values;
}

template <typename Element>
std::vector<float> cast(std::span<const std::byte> bytes) {
  return convert<Element>(bytes, [](Element element) { return static_cast<float>(element); });
}

}  // namespace

std::size_t size_of(DType dtype) {
  return info_of(dtype).size;
}

bool is_floating(DType dtype) {
  return dtype == DType::F64 || dtype == DType::F32 || dtype == DType::F16 || dtype == DType::BF16;
}

std::vector<float> to_float(const StoredTensor &tensor) {
  switch (tensor.dtype) {
    case DType::F64:
      return cast<double>(tensor.bytes);
    case DType::F32:
      return cast<float>(tensor.bytes);
    case DType::F16:
      return convert<std::uint16_t>(tensor.bytes, half_to_float);
    case DType::BF16:
      return convert<std::uint16_t>(tensor.bytes, bfloat_to_float);
    case DType::I64:
      return cast<std::int64_t>(tensor.bytes);
    case DType::I32:
      return cast<std::int32_t>(tensor.bytes);
    case DType::I16:
      return cast<std::int16_t>(tensor.bytes);
    case DType::I8:
      return cast<std::int8_t>(tensor.bytes);
    case DType::U8:
    case DType::Bool:
      return cast<std::uint8_t>(tensor.bytes);
  }
  return {};
}

TensorFile read_safetensors(const std::filesystem::path &path) {
  return read(path, true);
}

TensorFile read_safetensors_header(const std::filesystem::path &path) {
  return read(path, false);
}

TensorFile parse_safetensors(std::span<const std::byte> bytes, const std::string &name) {
  const std::uint64_t json_size =
      header_size(bytes.first(std::min<std::size_t>(8, bytes.size())), bytes.size(), name);
  const auto json = bytes.subspan(8, json_size);
  const auto data = bytes.subspan(8 + json_size);
  Header header = parse_header({reinterpret_cast<const char *>(json.data()), json.size()}, data.size(), name);
  TensorFile content{{}, std::move(header.metadata)};
  for (auto &[tensor, entry] : header.entries) {
    const auto part = data.subspan(entry.begin, entry.end - entry.begin);
    content.tensors[tensor] = {entry.dtype, std::move(entry.shape), {part.begin(), part.end()}};
  }
  return content;
}

void write_safetensors(const TensorFile &file, const std::filesystem::path &path) {
  // Wide elements first, so that every tensor lies aligned to its element.
  std::vector<const std::pair<const std::string, StoredTensor> *> order;
  order.reserve(file.tensors.size());
  for (const auto &item : file.tensors) order.push_back(&item);
  std::stable_sort(order.begin(), order.end(), [](const auto *a, const auto *b) {
    return size_of(a->second.dtype) > size_of(b->second.dtype);
  });

  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!file.metadata.empty()) header["__metadata__"] = file.metadata;
  std::uint64_t offset = 0;
  for (const auto *item : order) {
    const std::uint64_t end = offset + bytes_of(item->first, item->second, path.string());
    header[item->first] = {{"dtype", info_of(item->second.dtype).name},
                           {"shape", item->second.shape},
                           {"data_offsets", {offset, end}}};
    offset = end;
  }
  // A path in the metadata may be no UTF-8; the rest of the file is worth more than its exact letters.
  std::string json = json_text(header);
  json.append((8 - json.size() % 8) % 8, ' ');
  const std::uint64_t json_size = json.size();

  NewFile output(path);
  output.write(std::as_bytes(std::span(&json_size, 1)));
  output.write(std::as_bytes(std::span(json)));
  for (const auto *item : order) output.write(item->second.bytes);
  output.commit();
}

}  // namespace uniad
