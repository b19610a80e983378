// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string>

#include "model/base/error.h"
#include "pipelines/uniad-rtsp/config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  try {
    uniad::rtsp::parse_config(std::string(data, data + size), "/etc/uniad/cameras.toml");
  } catch (const uniad::Error &) {  // refused with a reason, as it should be
  }
  return 0;
}
