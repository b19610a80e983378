// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "model/cuda/frame_painter.h"
#include "model/cuda/heat_kernel.h"

namespace uniad::cuda {

// Samples of a frame that lie next to each other, pixel after pixel, and all that PaintHeat needs of them.
struct HeatBand {
  int plane;
  int lanes;
  Extent extent;
  std::vector<HeatPosition> across, down;
  std::vector<Paint> paints;  // lanes x 256
};

// For a grid of columns x rows, whose cells share `area` evenly, on progressive frames. Throws Error for P010
// and Rows. The fourth byte of RGBx and its like is left as it is.
std::vector<HeatBand> heat_bands(PixelLayout layout, Extent frame, Extent grid, const HeatTables &tables,
                                 const Area &area = {});

}  // namespace uniad::cuda
