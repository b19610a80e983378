// SPDX-License-Identifier: Apache-2.0
// The small luma pictures that motion is measured in.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "model/health/picture.h"
#include "model/preprocess/frame_view.h"

namespace uniad {

// Resizes the luma of frames to a width of 180 pixels, with the mean of the area that each pixel covers. The
// height keeps the aspect ratio of the frame in pixels, within 1 to 720. Not thread-safe.
class SmallLuma {
 public:
  static constexpr int width = 180;

  // The luma of a frame in system memory, in 0..255 as of full range; reuses the memory of `luma`. Throws
  // Error if the frame has no size or no pixels, or is in the memory of a GPU.
  void reduce(const FrameView &frame, LumaPlane &luma);

 private:
  void add_row(const FrameView &frame, int y, float weight);
  void finish_row(std::span<float> out);

  std::vector<float> sums_;  // of the rows that an output row covers, for each input column
  std::vector<std::byte> unpacked_;
};

}  // namespace uniad
