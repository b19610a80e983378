// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>

#include "model/error.h"
#include "model/file/model_file.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  const uniad::fuzz::InputFile file(data, size);
  try {
    uniad::read_model(file.path());
  } catch (const uniad::Error &) {  // refused with a reason, as it should be
  }
  return 0;
}
