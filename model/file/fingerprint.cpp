// SPDX-License-Identifier: Apache-2.0
#include "model/file/fingerprint.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace uniad {
namespace {

void add_tensor(Fingerprint &fingerprint, const std::string &name, const StoredTensor &tensor) {
  fingerprint.add(name);
  fingerprint.add(std::as_bytes(std::span(&tensor.dtype, 1)));
  fingerprint.add(std::as_bytes(std::span(tensor.shape)));
  fingerprint.add(tensor.bytes);
}

}  // namespace

// The finalizer of MurmurHash3 (Appleby), applied to each word.
void Fingerprint::add(std::span<const std::byte> bytes) {
  const auto mix = [this](std::uint64_t word) {
    word *= 0xff51afd7ed558ccd;
    word ^= word >> 33;
    value_ = std::rotl(value_ ^ word, 27) * 0xc4ceb9fe1a85ec53 + 0x52dce729;
  };
  const std::uint64_t size = bytes.size();
  for (; !bytes.empty(); bytes = bytes.subspan(std::min<std::size_t>(8, bytes.size()))) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), std::min<std::size_t>(8, bytes.size()));
    mix(word);
  }
  mix(size);
}

std::uint64_t fingerprint_of(const std::map<std::string, StoredTensor> &tensors) {
  Fingerprint fingerprint;
  for (const auto &[name, tensor] : tensors) add_tensor(fingerprint, name, tensor);
  return fingerprint.value();
}

std::uint64_t network_fingerprint(const Model &model) {
  Fingerprint fingerprint;
  ModelConfig config = model.config;
  config.statistics.reset();
  fingerprint.add(config_text(config));
  if (model.config.statistics && model.config.statistics->residuals) fingerprint.add("residuals");
  for (const auto &[name, tensor] : model.tensors)
    if (!name.starts_with("statistics.")) add_tensor(fingerprint, name, tensor);
  return fingerprint.value();
}

}  // namespace uniad
