// SPDX-License-Identifier: Apache-2.0
#include "model/file/torch_file.h"

#include <zip.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "model/base/error.h"
#include "model/file/atomic_file.h"
#include "model/file/pickle.h"

namespace uniad {
namespace {

using pickle::Dict;
using pickle::List;
using pickle::Objects;
using pickle::Storage;
using pickle::Tensor;
using pickle::Value;

using Bytes = std::span<const std::byte>;
using NamedTensors = std::vector<std::pair<std::string, const Tensor *>>;

constexpr const char *fetch_weights_again =
    "it is damaged or not a torch.save file of weights: download it again";
// The legacy format begins with a pickle of 0x1950a86a20f9469cfc6c.
constexpr std::string_view legacy_start("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15);
constexpr std::string_view zip_start("PK\x03\x04", 4);
constexpr std::int64_t legacy_protocol = 1001;

constexpr int depth_limit = 32;
constexpr std::size_t name_limit = 512;
constexpr std::size_t visit_limit = 500'000;
// The memory limit for names. A megabyte is enough for any network, but a pickle with shared parts could
// repeat names without end.
constexpr std::size_t names_limit = 1'000'000;
constexpr std::size_t name_overhead = 64;  // bytes

bool starts_with(Bytes bytes, std::string_view start) {
  return bytes.size() >= start.size() && std::memcmp(bytes.data(), start.data(), start.size()) == 0;
}

const Value *find(const Dict &dict, std::string_view key) {
  const auto found = std::find_if(dict.items.begin(), dict.items.end(), [key](const auto &item) {
    const auto *text = std::get_if<std::string_view>(&item.first);
    return text != nullptr && *text == key;
  });
  return found == dict.items.end() ? nullptr : &found->second;
}

// Visits the containers. They may share parts or contain themselves, so depth and number are limited.
class Collector {
 public:
  explicit Collector(const std::string &file) : file_(file) {}
  NamedTensors take() { return std::move(found_); }

  void visit(const Value &value, const std::string &name, int depth = 0) {
    if (++visits_ > visit_limit || depth > depth_limit || name.size() > name_limit) refuse();
    if (const auto *tensor = std::get_if<Tensor *>(&value)) {
      names_size_ += name.size() + name_overhead;
      if (names_size_ > names_limit) refuse();
      found_.emplace_back(name, *tensor);
    } else if (const auto *dict = std::get_if<Dict *>(&value)) {
      for (const auto &[key, member] : (*dict)->items) visit_member(name, key, member, depth);
    } else if (const auto *list = std::get_if<List *>(&value)) {
      std::int64_t index = 0;
      for (const Value &element : (*list)->values) visit_member(name, index++, element, depth);
    }
  }

 private:
  [[noreturn]] void refuse() const {
    throw Error(ErrorKind::Malformed, file_, "its objects are nested too deeply or repeated too often",
                fetch_weights_again);
  }

  void visit_member(const std::string &parent, const Value &key, const Value &member, int depth) {
    const auto *text = std::get_if<std::string_view>(&key);
    const auto *number = std::get_if<std::int64_t>(&key);
    if (text == nullptr && number == nullptr) return;
    std::string name = parent;
    if (!name.empty()) name += '.';
    name += text != nullptr ? text->substr(0, name_limit + 1) : std::to_string(*number);
    visit(member, name, depth + 1);
  }

  const std::string &file_;
  std::size_t visits_ = 0;
  std::size_t names_size_ = 0;
  NamedTensors found_;
};

NamedTensors named_tensors(const Value &root, const std::string &file) {
  const Value *start = &root;
  if (const auto *dict = std::get_if<Dict *>(&root)) {
    const Value *state = find(**dict, "state_dict");
    if (state != nullptr && std::holds_alternative<Dict *>(*state)) start = state;
  }
  Collector collector(file);
  collector.visit(*start, "");
  NamedTensors tensors = collector.take();
  if (tensors.empty())
    throw Error(ErrorKind::Malformed, file, "contains no tensors",
                "use a file of weights saved by torch.save");
  return tensors;
}

// The size of a tensor's elements in bytes, and of the part of the storage that contains them.
struct Extent {
  std::uint64_t bytes = 0;
  std::uint64_t reach = 0;  // number of elements from the view's start to the end of the last one used
};

Extent extent_of(const Tensor &tensor, const std::string &name, const std::string &file) {
  std::uint64_t count = 1;
  auto reach = static_cast<std::uint64_t>(tensor.offset);
  bool fits = true;
  for (std::size_t d = 0; d < tensor.shape.size(); ++d) {
    const auto extent = static_cast<std::uint64_t>(tensor.shape[d]);
    std::uint64_t span = 0;
    fits = fits && !__builtin_mul_overflow(count, extent, &count);
    fits = fits && (extent == 0 || (!__builtin_mul_overflow(
                                        extent - 1, static_cast<std::uint64_t>(tensor.strides[d]), &span) &&
                                    !__builtin_add_overflow(reach, span, &reach)));
  }
  fits = fits && !__builtin_add_overflow(reach, std::uint64_t{1}, &reach);
  Extent result{0, count == 0 ? 0 : reach};
  fits = fits && !__builtin_mul_overflow(count, size_of(tensor.storage->dtype), &result.bytes);
  if (!fits || result.reach > static_cast<std::uint64_t>(tensor.storage->view_elements)) {
    throw Error(ErrorKind::Malformed, file, "tensor '" + name + "' exceeds its storage", fetch_weights_again);
  }
  return result;
}

// storage: all bytes under the storage's key, with the size that the pickle specifies.
StoredTensor copy_out(const Tensor &tensor, const Extent &extent, Bytes storage) {
  const std::size_t size = size_of(tensor.storage->dtype);
  StoredTensor stored{tensor.storage->dtype, tensor.shape, std::vector<std::byte>(extent.bytes)};
  if (stored.bytes.empty()) return stored;
  const std::byte *source =
      storage.data() + static_cast<std::size_t>(tensor.storage->view_start + tensor.offset) * size;
  std::vector<std::int64_t> index(tensor.shape.size(), 0);
  std::uint64_t at = 0;  // unsigned, because the stride of an axis with one element is arbitrary
  for (std::size_t done = 0; done < stored.bytes.size(); done += size) {
    std::memcpy(stored.bytes.data() + done, source + at * size, size);
    for (std::size_t d = tensor.shape.size(); d-- > 0;) {
      const auto stride = static_cast<std::uint64_t>(tensor.strides[d]);
      at += stride;
      if (++index[d] < tensor.shape[d]) break;
      at -= stride * static_cast<std::uint64_t>(index[d]);
      index[d] = 0;
    }
  }
  return stored;
}

// The total size of the tensors. Tied weights share storage, but only a few times.
std::vector<Extent> extents_of(const NamedTensors &tensors, std::size_t file_size, const std::string &file) {
  std::vector<Extent> extents;
  std::uint64_t total = 0;
  for (const auto &[name, tensor] : tensors) {
    extents.push_back(extent_of(*tensor, name, file));
    const bool overflows = __builtin_add_overflow(total, extents.back().bytes, &total);
    if (overflows || total > 4 * static_cast<std::uint64_t>(file_size)) {
      throw Error(ErrorKind::Malformed, file, "its tensors are many times larger than the file",
                  fetch_weights_again);
    }
  }
  return extents;
}

// storage_bytes: key -> the bytes stored under it, valid until the next call.
template <typename StorageBytes>
TensorFile copy_all(const NamedTensors &tensors, std::size_t file_size, const std::string &file,
                    StorageBytes storage_bytes) {
  const std::vector<Extent> extents = extents_of(tensors, file_size, file);
  std::map<std::string_view, std::vector<std::size_t>> by_storage;
  for (std::size_t i = 0; i < tensors.size(); ++i) by_storage[tensors[i].second->storage->key].push_back(i);
  TensorFile content;
  for (const auto &[key, users] : by_storage) {
    const Bytes bytes = storage_bytes(key);
    for (std::size_t i : users) {
      const auto &[name, tensor] = tensors[i];
      std::uint64_t expected = 0;
      const bool overflows =
          __builtin_mul_overflow(tensor->storage->elements, size_of(tensor->storage->dtype), &expected);
      if (overflows || expected != bytes.size()) {
        throw Error(ErrorKind::Malformed, file,
                    "the storage of tensor '" + name + "' does not have the size that the file states",
                    fetch_weights_again);
      }
      content.tensors[name] = copy_out(*tensor, extents[i], bytes);
    }
  }
  return content;
}

// The file consists of five pickles (magic number, protocol, system, the object, and the keys of its
// storages), followed by the storages in this order, each with its number of elements first.
class LegacyFile {
 public:
  LegacyFile(Bytes bytes, const std::string &file) : rest_(bytes), size_(bytes.size()), file_(file) {}

  TensorFile read() {
    rest_ = rest_.subspan(legacy_start.size());
    const Value protocol = next();
    const auto *number = std::get_if<std::int64_t>(&protocol);
    if (number == nullptr || *number != legacy_protocol) {
      throw Error(ErrorKind::Malformed, file_, "has an unknown torch.save protocol", fetch_weights_again);
    }
    next();  // byte order and type sizes of the writing machine: little-endian on all that PyTorch supports
    const Value root = next();
    const Value keys = next();
    const NamedTensors tensors = named_tensors(root, file_);
    locate(keys);
    return copy_all(tensors, size_, file_, [this](std::string_view key) {
      const auto found = storages_.find(key);
      if (found == storages_.end())
        throw Error(ErrorKind::Malformed, file_, "a storage is missing", fetch_weights_again);
      return found->second;
    });
  }

 private:
  Value next() { return pickle::run(rest_, objects_, file_); }

  void locate(const Value &keys) {
    std::map<std::string_view, std::size_t> element_sizes;
    for (const Storage &storage : objects_.storages) element_sizes[storage.key] = size_of(storage.dtype);
    const auto *list = std::get_if<List *>(&keys);
    if (list == nullptr)
      throw Error(ErrorKind::Malformed, file_, "the list of its storages is missing", fetch_weights_again);
    for (const Value &value : (*list)->values) {
      const auto *key = std::get_if<std::string_view>(&value);
      const auto size = key != nullptr ? element_sizes.find(*key) : element_sizes.end();
      if (size == element_sizes.end()) {
        throw Error(ErrorKind::Malformed, file_, "has a storage of an unknown type",
                    "save only the weights, as float32");
      }
      std::uint64_t elements = 0;
      std::uint64_t bytes = 0;
      if (rest_.size() >= sizeof elements) {
        std::memcpy(&elements, rest_.data(), sizeof elements);
        rest_ = rest_.subspan(sizeof elements);
      }
      if (__builtin_mul_overflow(elements, size->second, &bytes) || bytes > rest_.size()) {
        throw Error(ErrorKind::Malformed, file_, "truncated: a storage extends beyond its end",
                    "download it again");
      }
      storages_[*key] = rest_.first(bytes);
      rest_ = rest_.subspan(bytes);
    }
  }

  Bytes rest_;
  std::size_t size_;
  const std::string &file_;
  Objects objects_;
  std::map<std::string_view, Bytes> storages_;
};

// NAME/data.pkl and NAME/data/KEY, stored without compression.
class ZipFile {
 public:
  ZipFile(Bytes bytes, const std::string &file) : size_(bytes.size()), file_(file), budget_(bytes.size()) {
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t *source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
    archive_.reset(source == nullptr ? nullptr : zip_open_from_source(source, ZIP_RDONLY, &error));
    const std::string reason = zip_error_strerror(&error);
    zip_error_fini(&error);
    if (archive_ == nullptr) {
      zip_source_free(source);
      throw Error(ErrorKind::Malformed, file_, "is truncated or a damaged zip archive: " + reason,
                  fetch_weights_again);
    }
  }

  TensorFile read() {
    const std::string prefix = find_prefix();
    if (has(prefix + "byteorder")) {
      const std::vector<std::byte> order = member(prefix + "byteorder");
      if (!starts_with(order, "little")) {
        throw Error(ErrorKind::Malformed, file_, "was written in big-endian order",
                    "save it on a little-endian machine");
      }
    }
    const std::vector<std::byte> program = member(prefix + "data.pkl");
    Objects objects;
    Bytes rest = program;
    const Value root = pickle::run(rest, objects, file_);
    std::vector<std::byte> storage;
    return copy_all(named_tensors(root, file_), size_, file_, [&](std::string_view key) {
      storage = member(prefix + "data/" + std::string(key));
      return Bytes(storage);
    });
  }

 private:
  std::string find_prefix() const {
    constexpr std::string_view pickle_name = "data.pkl";
    for (zip_int64_t i = 0; i < zip_get_num_entries(archive_.get(), 0); ++i) {
      const char *raw_name = zip_get_name(archive_.get(), static_cast<zip_uint64_t>(i), ZIP_FL_ENC_RAW);
      const std::string_view name = raw_name != nullptr ? raw_name : "";
      if (name == pickle_name || name.ends_with("/data.pkl")) {
        return std::string(name.substr(0, name.size() - pickle_name.size()));
      }
    }
    throw Error(ErrorKind::Malformed, file_, "is a zip archive without data.pkl",
                "use a file that torch.save wrote");
  }

  bool has(const std::string &name) const {
    return zip_name_locate(archive_.get(), name.c_str(), ZIP_FL_ENC_RAW) >= 0;
  }

  std::vector<std::byte> member(const std::string &name) {
    zip_stat_t stat;
    if (zip_stat(archive_.get(), name.c_str(), ZIP_FL_ENC_RAW, &stat) != 0) {
      throw Error(ErrorKind::Malformed, file_, "its part " + name + " is missing", fetch_weights_again);
    }
    if (stat.comp_method != ZIP_CM_STORE || stat.encryption_method != ZIP_EM_NONE) {
      throw Error(ErrorKind::Malformed, file_,
                  "its part " + name + " is compressed, which torch.save never does",
                  "save it again with torch.save");
    }
    // Overlapping parts could require many times the memory of the file.
    if (stat.size > budget_)
      throw Error(ErrorKind::Malformed, file_, "its parts are larger than the file", fetch_weights_again);
    budget_ -= stat.size;
    std::vector<std::byte> bytes(stat.size);
    const std::unique_ptr<zip_file_t, decltype(&zip_fclose)> stream(
        zip_fopen_index(archive_.get(), stat.index, 0), &zip_fclose);
    std::byte beyond{};
    const bool whole =
        stream != nullptr &&
        zip_fread(stream.get(), bytes.data(), bytes.size()) == static_cast<zip_int64_t>(bytes.size()) &&
        zip_fread(stream.get(), &beyond, 1) == 0;  // reading to the end verifies the checksum
    if (!whole)
      throw Error(ErrorKind::Malformed, file_, "its part " + name + " is damaged", fetch_weights_again);
    return bytes;
  }

  struct Discard {
    void operator()(zip_t *archive) const { zip_discard(archive); }
  };

  std::size_t size_;
  const std::string &file_;
  std::uint64_t budget_;
  std::unique_ptr<zip_t, Discard> archive_;
};

}  // namespace

TensorFile parse_torch_file(std::span<const std::byte> bytes, const std::string &name) {
  if (starts_with(bytes, legacy_start)) return LegacyFile(bytes, name).read();
  if (starts_with(bytes, zip_start)) return ZipFile(bytes, name).read();
  throw Error(ErrorKind::Malformed, name, "is not a torch.save file",
              "use a .pth, .pt or .tar file that torch.save wrote");
}

TensorFile read_torch_file(const std::filesystem::path &path) {
  return parse_torch_file(read_whole_file(path), path.string());
}

TensorFile read_tensor_file(const std::filesystem::path &path) {
  const InputFile file(path);
  std::array<std::byte, legacy_start.size()> start{};
  const Bytes known = std::span(start).first(std::min<std::uint64_t>(start.size(), file.size()));
  file.read(0, std::span(start).first(known.size()));
  const bool torch = starts_with(known, zip_start) || starts_with(known, legacy_start);
  return torch ? read_torch_file(path) : read_safetensors(path);
}

}  // namespace uniad
