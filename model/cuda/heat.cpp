// SPDX-License-Identifier: Apache-2.0
#include "model/cuda/heat.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "model/base/error.h"
#include "model/preprocess/rows.h"

namespace uniad::cuda {

namespace {

constexpr int unused = -1;

struct Lanes {
  int plane;
  std::vector<int> components;       // for each byte of a pixel, or `unused`
  int horizontal = 0, vertical = 0;  // subsampling, as shifts
};

std::vector<Lanes> lanes_of(PixelLayout layout) {
  switch (layout) {
    case PixelLayout::I420:
      return {{0, {0}}, {1, {1}, 1, 1}, {2, {2}, 1, 1}};
    case PixelLayout::NV12:
      return {{0, {0}}, {1, {1, 2}, 1, 1}};
    case PixelLayout::YUY2:
      return {{0, {0, unused}}, {0, {unused, 1, unused, 2}, 1, 0}};
    case PixelLayout::GRAY8:
      return {{0, {0}}};
    case PixelLayout::P010:
    case PixelLayout::Rows:
      throw Error(ErrorKind::Unsupported, "heatmap",
                  "frames with this layout cannot be drawn on in GPU memory",
                  "convert them first, for example with cudaconvert to NV12");
    default:
      break;
  }
  const Layout packed = describe(layout);
  Lanes pixels{0, std::vector<int>(packed.pixel_bytes, unused)};
  for (std::size_t c = 0; c < 3; ++c) pixels.components[packed.rgb[c]] = static_cast<int>(c);
  return {pixels};
}

// A pixel belongs to the cell that contains its center; cells -1 and `columns` represent everything beyond
// the grid. The steps are the same as the overlay's, so that levels are rounded in the same direction.
std::vector<HeatPosition> positions_across(int columns, const Area &area, int frame_width, int shift) {
  const int width = (frame_width + (1 << shift) - 1) >> shift;
  const double left = area.column_at(0, columns);
  const double cells_per_pixel = (area.column_at(1, columns) - left) * (1 << shift) / frame_width;
  std::vector<HeatPosition> positions;
  for (int cell = -1; cell <= columns; ++cell) {
    const auto first = static_cast<int>(positions.size());
    const double next = std::ceil((cell + 1 - left) / cells_per_pixel - 0.5);
    const int end = cell == columns ? width : static_cast<int>(std::clamp<double>(next, first, width));
    const auto start = static_cast<float>((first + 0.5) * cells_per_pixel + left - cell);
    for (int x = first; x < end; ++x)
      positions.push_back(
          {cell, start + static_cast<float>(cells_per_pixel) * static_cast<float>(x - first)});
  }
  return positions;
}

std::vector<HeatPosition> positions_down(int rows, const Area &area, int frame_height, int shift) {
  const int height = (frame_height + (1 << shift) - 1) >> shift;
  std::vector<HeatPosition> positions;
  for (int y = 0; y < height; ++y) {
    const double center = (2 * y + 1) * (1 << shift) / 2.0;
    const double v = std::min(center / frame_height, 1.0);
    const double position = std::clamp(area.row_at(v, rows), 0.0, static_cast<double>(rows));
    const int cell = std::min(static_cast<int>(position), rows - 1);
    positions.push_back({cell, static_cast<float>(position - cell)});
  }
  return positions;
}

}  // namespace

std::vector<HeatBand> heat_bands(PixelLayout layout, Extent frame, Extent grid, const HeatTables &tables,
                                 const Area &area) {
  if (frame.width < 1 || frame.height < 1 || grid.width < 1 || grid.height < 1)
    throw Error(ErrorKind::Unsupported, "heatmap", "the frame or the grid is empty",
                "both need a width and a height");
  std::vector<HeatBand> bands;
  for (const Lanes &lanes : lanes_of(layout)) {
    HeatBand band{lanes.plane,
                  static_cast<int>(lanes.components.size()),
                  {},
                  positions_across(grid.width, area, frame.width, lanes.horizontal),
                  positions_down(grid.height, area, frame.height, lanes.vertical),
                  {}};
    band.extent = {static_cast<int>(band.across.size()), static_cast<int>(band.down.size())};
    for (const int component : lanes.components) {
      if (component == unused) {
        band.paints.insert(band.paints.end(), 256, untouched);
      } else {
        const auto &table = tables[static_cast<std::size_t>(component)];
        band.paints.insert(band.paints.end(), table.begin(), table.end());
      }
    }
    bands.push_back(std::move(band));
  }
  return bands;
}

}  // namespace uniad::cuda
