// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <span>

#include "tests/support/memory_file.h"
#include "training/data/cut_short.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  const uniad::test::MemoryFile video(std::as_bytes(std::span(data, size)));
  uniad::missing_bytes(video.path());
  return 0;
}
