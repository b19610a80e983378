// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "model/file/safetensors.h"

// The part of Python's pickle protocols 2 to 5 that torch.save writes. A pickle is a program; here it is run
// by a machine that can build containers, numbers, texts and tensors, and nothing else: whatever it imports
// or calls beyond that becomes an inert object.
namespace uniad::pickle {

struct Inert {};  // None, true, false, a float, any object that is passed over

struct Callable {
  enum class Kind { MakeDict, RebuildTensor, RebuildParameter, StorageType };
  Kind kind = Kind::MakeDict;
  DType dtype = DType::F32;  // StorageType only
};

struct Storage {
  std::string_view key;  // where its bytes are, in the container's terms
  DType dtype = DType::F32;
  std::int64_t elements = 0;  // stored under the key
  std::int64_t view_start = 0;
  std::int64_t view_elements = 0;
};

struct Tensor {
  const Storage *storage = nullptr;
  std::int64_t offset = 0;  // elements into the view
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;  // elements
};

struct List;
struct Dict;
using Value =
    std::variant<Inert, std::int64_t, std::string_view, Callable, List *, Dict *, Storage *, Tensor *>;

struct List {  // or tuple
  std::vector<Value> values;
};
struct Dict {
  std::vector<std::pair<Value, Value>> items;
};

// What a pickle builds. It may contain itself: objects live here, side by side, and point at one another.
struct Objects {
  std::deque<List> lists;
  std::deque<Dict> dicts;
  std::deque<Storage> storages;
  std::deque<Tensor> tensors;
};

// Runs the pickle at the beginning of `bytes` and cuts it off them. Texts of the result point into `bytes`.
// Throws Error naming `file`. Memory: less than 80 bytes for each of the pickle's, and less than 40 MB.
Value run(std::span<const std::byte> &bytes, Objects &objects, const std::string &file);

}  // namespace uniad::pickle
