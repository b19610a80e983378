// SPDX-License-Identifier: Apache-2.0
// Frames of noise for measurements.
#pragma once

#include <cstdint>
#include <vector>

#include "model/preprocess/frame_view.h"

namespace uniad {

// A frame of noise, always the same, on which no stage has less work than on a real picture.
class NoisyFrame {
 public:
  static NoisyFrame rgb(int width, int height);
  static NoisyFrame nv12(int width, int height);  // of even width and height

  NoisyFrame(NoisyFrame &&) noexcept = default;
  NoisyFrame &operator=(NoisyFrame &&) noexcept = default;
  NoisyFrame(const NoisyFrame &) = delete;  // view() would refer to the other's memory
  NoisyFrame &operator=(const NoisyFrame &) = delete;
  ~NoisyFrame() = default;

  const FrameView &view() const { return view_; }

 private:
  NoisyFrame(PixelLayout layout, int width, int height, int bytes);

  std::vector<std::uint8_t> pixels_;
  FrameView view_;
};

}  // namespace uniad
