// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <span>

#include "model/base/error.h"
#include "model/file/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  try {
    const auto file = uniad::parse_safetensors(std::as_bytes(std::span(data, size)), "input");
    for (const auto &[name, tensor] : file.tensors) uniad::to_float(tensor);
  } catch (const uniad::Error &) {  // refused with a reason, as it should be
  }
  return 0;
}
