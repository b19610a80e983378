// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "model/base/error.h"
#include "model/scoring/zone_file.h"

// A mask that the text names is looked for in a folder that does not exist.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  try {
    const auto file =
        uniad::parse_zones({reinterpret_cast<const char *>(data), size}, "input", "/nonexistent");
    uniad::kept_cells(file.zones, {}, 14, 14);
    for (const uniad::Zone &zone : file.zones.zones) uniad::cells_of(zone, {-0.04, 0, 1.08, 1}, 14, 9);
  } catch (const uniad::Error &) {  // refused with a reason, as it should be
  }
  return 0;
}
