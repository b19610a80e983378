// SPDX-License-Identifier: Apache-2.0
// Prepares a frame's samples for the kernel that draws the heatmap.
#pragma once

#include <vector>

#include "model/cuda/frame_painter.h"
#include "model/cuda/heat_kernel.h"

namespace uniad::cuda {

// Adjacent samples of a frame, pixel after pixel, with the parameters for PaintHeat.
struct HeatBand {
  int plane;
  int lanes;
  Extent extent;
  std::vector<HeatPosition> across, down;
  std::vector<Paint> paints;  // lanes x 256
};

// The bands for a grid whose cells divide `area` evenly, on progressive frames. Throws Error for P010 and
// Rows. The fourth byte of RGBx and similar layouts is not changed.
std::vector<HeatBand> heat_bands(PixelLayout layout, Extent frame, Extent grid, const HeatTables &tables,
                                 const Area &area = {});

}  // namespace uniad::cuda
