// SPDX-License-Identifier: Apache-2.0
// Hashes that identify the content of a model.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "model/file/model_file.h"

namespace uniad {

// A fast 64-bit hash of content. Not cryptographic: it does not protect against forgery.
class Fingerprint {
 public:
  void add(std::span<const std::byte> bytes);
  void add(const std::string &text) { add(std::as_bytes(std::span(text))); }
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0x9e3779b97f4a7c15;
};

// Of names, shapes and values.
std::uint64_t fingerprint_of(const std::map<std::string, StoredTensor> &tensors);

// Of everything that a model's features depend on. Statistics of models with the same fingerprint can be
// merged.
std::uint64_t network_fingerprint(const Model &model);

}  // namespace uniad
