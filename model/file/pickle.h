// SPDX-License-Identifier: Apache-2.0
// Reads the pickles of LibTorch's files without running anything in them.
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

// The part of Python's pickle protocols 2 to 5 that torch.save writes. A pickle is a program. Here, it is run
// by an interpreter that can only build containers, numbers, strings and tensors; anything else that it
// imports or calls becomes an inert object.
namespace uniad::pickle {

struct Inert {};  // None, true, false, a float, or any object that is ignored

struct Callable {
  enum class Kind { MakeDict, RebuildTensor, RebuildParameter, StorageType };
  Kind kind = Kind::MakeDict;
  DType dtype = DType::F32;  // StorageType only
};

struct Storage {
  std::string_view key;  // location of its bytes, as named by the container
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

// The objects that a pickle builds. They may contain themselves, so all are stored here and refer to each
// other.
struct Objects {
  std::deque<List> lists;
  std::deque<Dict> dicts;
  std::deque<Storage> storages;
  std::deque<Tensor> tensors;
};

// Runs the pickle at the beginning of `bytes` and removes it from them. Strings of the result refer to
// `bytes`. Throws Error with `file`. Memory: less than 80 bytes per byte of the pickle, and less than 40 MB.
Value run(std::span<const std::byte> &bytes, Objects &objects, const std::string &file);

}  // namespace uniad::pickle
