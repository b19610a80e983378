// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "model/area.h"
#include "model/cuda/grid.h"
#include "model/cuda/heat_kernel.h"
#include "model/preprocess/frame_view.h"

namespace uniad::cuda {

// What each level 0..255 makes of a sample, for each component of a layout: R, G, B or Y', Cb, Cr (grey: the
// first). Entry 0 leaves samples as they are. Painter::tables_of (gst-plugin/overlay/painter.h) makes them.
using HeatTables = std::array<std::array<std::uint32_t, 256>, 4>;

// Samples of a frame that lie next to each other, pixel after pixel, and all that PaintHeat needs of them.
struct HeatBand {
  int plane;
  int lanes;
  Extent extent;
  std::vector<HeatPosition> across, down;
  std::vector<std::uint32_t> paints;  // lanes x 256
};

// For a grid of columns x rows, whose cells share `area` evenly, on progressive frames. Throws Error for P010
// and Rows. The fourth byte of RGBx and its like is left as it is.
std::vector<HeatBand> heat_bands(PixelLayout layout, Extent frame, Extent grid, const HeatTables &tables,
                                 const Area &area = {});

}  // namespace uniad::cuda
