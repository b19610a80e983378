// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "gst-plugin/embed/frame_results.h"

// The first byte chooses how the access unit is read; results are then added to it and read back.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  if (size == 0) return 0;
  const uniad::NalFormat format{data[0] % 2 == 0 ? uniad::NalCodec::H264 : uniad::NalCodec::H265,
                                std::size_t{data[0]} / 2 % 5};
  const std::span<const std::uint8_t> unit(data + 1, size - 1);
  const std::string found = uniad::user_data_in(unit, format, uniad::results_uuid);
  uniad::results_of(found);
  const std::string text(unit.begin(), unit.end());
  const uniad::FrameResults lines = uniad::results_of(text);
  const auto added = uniad::user_data_for(unit, format, uniad::results_uuid, text);
  if (!added) return 0;
  std::vector<std::uint8_t> with(unit.begin(), unit.end());
  with.insert(with.begin() + static_cast<std::ptrdiff_t>(added->place), added->nal_units.begin(),
              added->nal_units.end());
  const std::string read = uniad::user_data_in(with, format, uniad::results_uuid);
  if (read.find(text) == std::string::npos) std::abort();
  if (uniad::results_of(uniad::text_of(lines)).damaged != 0) std::abort();
  return 0;
}
