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

#include "model/base/error.h"
#include "model/base/json_text.h"
#include "model/file/atomic_file.h"

namespace uniad {
namespace {

static_assert(std::endian::native == std::endian::little,
              "tensors are stored and used in little-endian order");

constexpr std::uint64_t header_limit = 100'000'000;  // the limit of the format
constexpr std::size_t rank_limit = 8;
constexpr const char *fetch_again =
    "the file is damaged or not a safetensors file: download or write it again";

struct DTypeName {
  DType dtype;
  std::string_view name;
};
constexpr std::array<DTypeName, 10> dtypes{{{DType::F64, "F64"},
                                            {DType::F32, "F32"},
                                            {DType::F16, "F16"},
                                            {DType::BF16, "BF16"},
                                            {DType::I64, "I64"},
                                            {DType::I32, "I32"},
                                            {DType::I16, "I16"},
                                            {DType::I8, "I8"},
                                            {DType::U8, "U8"},
                                            {DType::Bool, "BOOL"}}};

std::string_view name_of(DType dtype) {
  return std::find_if(dtypes.begin(), dtypes.end(), [dtype](const auto &d) { return d.dtype == dtype; })
      ->name;
}

// The position of a tensor in the data after the header.
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

// Parses the header's JSON token by token and ignores everything that is not part of the format. This limits
// memory, however deep the JSON is nested, and detects duplicate keys.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderReader(std::string file) : file_(std::move(file)) {}
  Header take() { return std::move(header_); }

  bool start_object(std::size_t) override {
    if (++depth_ > 2 || in_array_) refuse("unexpected object");
    return true;
  }
  bool end_object() override {
    if (--depth_ == 1 && entry_ != nullptr) {
      if (!has_dtype_ || !has_shape_ || offsets_read_ != 2) refuse("dtype, shape or data_offsets is missing");
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
      if (std::exchange(has_metadata_, true)) refuse("occurs twice");
      return true;
    }
    const auto [place, is_new] = header_.entries.try_emplace(key);
    if (!is_new) refuse("occurs twice");
    entry_ = &place->second;
    has_dtype_ = has_shape_ = false;
    offsets_read_ = 0;
    return true;
  }
  bool string(std::string &text) override {
    if (depth_ != 2 || in_array_) refuse("unexpected string");
    if (in_metadata_) {
      if (!header_.metadata.emplace(key_, text).second) refuse(key_ + " occurs twice");
    } else if (key_ == "dtype" && !has_dtype_) {
      const auto *found =
          std::find_if(dtypes.begin(), dtypes.end(), [&](const DTypeName &d) { return d.name == text; });
      if (found == dtypes.end()) refuse("unknown dtype '" + text.substr(0, 32) + "'");
      entry_->dtype = found->dtype;
      has_dtype_ = true;
    } else {
      refuse("unexpected string");
    }
    return true;
  }
  bool start_array(std::size_t) override {
    const bool known = depth_ == 2 && !in_array_ && entry_ != nullptr &&
                       ((key_ == "shape" && !std::exchange(has_shape_, true)) ||
                        (key_ == "data_offsets" && offsets_read_ == 0));
    if (!known) refuse("unexpected array");
    in_array_ = true;
    return true;
  }
  bool end_array() override {
    in_array_ = false;
    return true;
  }
  bool number_unsigned(std::uint64_t number) override {
    if (!in_array_) refuse("unexpected number");
    if (key_ == "shape") {
      if (number > std::numeric_limits<std::int64_t>::max() || entry_->shape.size() == rank_limit) {
        refuse("the shape is too large");
      }
      entry_->shape.push_back(static_cast<std::int64_t>(number));
    } else {
      if (offsets_read_ == 2) refuse("more than two data_offsets");
      (offsets_read_++ == 0 ? entry_->begin : entry_->end) = number;
    }
    return true;
  }
  bool number_integer(std::int64_t) override { refuse("negative number"); }
  bool number_float(double, const std::string &) override { refuse("number that is not whole"); }
  bool boolean(bool) override { refuse("unexpected boolean"); }
  bool null() override { refuse("unexpected null"); }
  bool binary(nlohmann::json::binary_t &) override { refuse("unexpected binary data"); }
  bool parse_error(std::size_t position, const std::string &, const nlohmann::json::exception &) override {
    refuse_json(position);
  }
  [[noreturn]] void refuse_json(std::size_t position) const {
    throw Error(ErrorKind::Malformed, file_, "the header is not JSON at byte " + std::to_string(position),
                fetch_again);
  }

 private:
  [[noreturn]] void refuse(const std::string &what) const {
    throw Error(ErrorKind::Malformed, file_, "header entry '" + where_.substr(0, 200) + "': " + what,
                fetch_again);
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
    throw Error(ErrorKind::Malformed, file,
                "tensor '" + tensor + "': its offsets do not match its dtype and shape", fetch_again);
  }
}

// Checks that the tensors cover the data exactly: without gaps, overlaps or bytes outside of the data.
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
      throw Error(ErrorKind::Malformed, file, "tensor '" + item->first + "' overlaps another or leaves a gap",
                  fetch_again);
    }
    covered = item->second.end;
  }
  if (covered > data_size) {
    throw Error(ErrorKind::Malformed, file,
                "truncated: " + std::to_string(data_size) + " bytes of " + std::to_string(covered) +
                    " bytes of tensors are present",
                "download or write it again");
  }
  if (covered < data_size) throw Error(ErrorKind::Malformed, file, "extra bytes at its end", fetch_again);
}

std::uint64_t header_size(std::span<const std::byte> first_eight, std::uint64_t file_size,
                          const std::string &file) {
  std::uint64_t size = 0;
  if (first_eight.size() == sizeof size) std::memcpy(&size, first_eight.data(), sizeof size);
  if (first_eight.size() < sizeof size || size < 2 || size > header_limit || size > file_size - sizeof size) {
    throw Error(ErrorKind::Malformed, file, "has no safetensors header at its start", fetch_again);
  }
  return size;
}

Header parse_header(std::string_view json, std::uint64_t data_size, const std::string &file) {
  HeaderReader reader(file);
  if (!json.starts_with('{'))
    throw Error(ErrorKind::Malformed, file, "has no safetensors header at its start", fetch_again);
  const std::size_t zero = json.find('\0');  // nlohmann's parser would treat it as the end
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

}  // namespace

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
  // Wide elements come first, so that every tensor is aligned to the size of its elements.
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
    header[item->first] = {{"dtype", name_of(item->second.dtype)},
                           {"shape", item->second.shape},
                           {"data_offsets", {offset, end}}};
    offset = end;
  }
  // A path in the metadata may not be valid UTF-8. That must not make the file unwritable.
  std::string json = json_text(header);
  json.append((8 - json.size() % 8) % 8, ' ');
  const std::uint64_t json_size = json.size();

  AtomicFileWriter output(path);
  output.write(std::as_bytes(std::span(&json_size, 1)));
  output.write(std::as_bytes(std::span(json)));
  for (const auto *item : order) output.write(item->second.bytes);
  output.commit();
}

}  // namespace uniad
