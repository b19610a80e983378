// SPDX-License-Identifier: Apache-2.0
#include "training/bench/noisy_frame.h"

#include <random>

namespace uniad {

NoisyFrame::NoisyFrame(PixelLayout layout, int width, int height, int bytes)
    : pixels_(static_cast<std::size_t>(bytes)) {
  std::mt19937 random(1);
  for (std::uint8_t &pixel : pixels_) pixel = static_cast<std::uint8_t>(random());
  view_.layout = layout;
  view_.width = width;
  view_.height = height;
}

NoisyFrame NoisyFrame::rgb(int width, int height) {
  NoisyFrame frame(PixelLayout::RGB, width, height, 3 * width * height);
  frame.view_.planes[0] = {frame.pixels_.data(), std::ptrdiff_t{3} * width};
  return frame;
}

NoisyFrame NoisyFrame::nv12(int width, int height) {
  NoisyFrame frame(PixelLayout::NV12, width, height, width * height * 3 / 2);
  frame.view_.planes[0] = {frame.pixels_.data(), width};
  frame.view_.planes[1] = {frame.pixels_.data() + std::ptrdiff_t{width} * height, width};
  return frame;
}

}  // namespace uniad
