// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/preprocess/preprocess.h"

namespace {

struct PlaneSize {
  int row_bytes;
  int rows;
};

std::vector<PlaneSize> planes(uniad::PixelLayout layout, int width, int height) {
  using enum uniad::PixelLayout;
  const int half_width = (width + 1) / 2;
  const int half_height = (height + 1) / 2;
  switch (layout) {
    case I420:
      return {{width, height}, {half_width, half_height}, {half_width, half_height}};
    case NV12:
      return {{width, height}, {2 * half_width, half_height}};
    case P010:
      return {{2 * width, height}, {4 * half_width, half_height}};
    case YUY2:
      return {{4 * half_width, height}};
    case RGB:
    case BGR:
      return {{3 * width, height}};
    case GRAY8:
      return {{width, height}};
    default:
      return {{4 * width, height}};
  }
}

}  // namespace

// Frames of any layout, size and padding, each plane in memory of exactly its size: a byte read outside is
// seen by AddressSanitizer.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  if (size < 8) return 0;
  const auto layout =
      static_cast<uniad::PixelLayout>(data[0] % (static_cast<int>(uniad::PixelLayout::GRAY8) + 1));
  uniad::FrameView frame{
      .layout = layout, .width = 1 + data[1] * data[2] / 256, .height = 1 + data[3] * data[4] / 256};
  frame.matrix = static_cast<uniad::ColorMatrix>(data[5] % 5);
  frame.range = static_cast<uniad::ColorRange>(data[5] / 5 % 2);
  const int padding = data[6];
  std::vector<std::vector<std::uint8_t>> memory;
  for (std::size_t p = 0; const PlaneSize &plane : planes(layout, frame.width, frame.height)) {
    const int stride = plane.row_bytes + padding;
    memory.emplace_back(static_cast<std::size_t>(stride) * static_cast<std::size_t>(plane.rows - 1) +
                            static_cast<std::size_t>(plane.row_bytes),
                        data[7]);
    frame.planes.at(p++) = {memory.back().data(), stride};
  }
  const uniad::InputConfig input{.height = 32, .width = 48};
  std::vector<std::uint8_t> rgb(static_cast<std::size_t>(input.height * input.width * 3));
  uniad::Preprocessor(input).resize(frame, rgb);
  return 0;
}
