// SPDX-License-Identifier: Apache-2.0
// The body of the heatmap's kernel.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/base/host_device.h"
#include "model/base/paint.h"

namespace uniad::cuda {

// A position on one axis of the grid: the cell, and the position 0..1 within it.
struct HeatPosition {
  int cell;
  float t;
};

// Blends the surface of a grid into adjacent samples, as the overlay's Painter does
// (gst-plugin/drawing/painter.h): the grid's values, in levels 0..255, are the coefficients of a quadratic
// B-spline. Position: (pixel of the band, row of the band).
struct PaintHeat {
  const float *grid;  // rows x columns
  int columns, rows;
  const HeatPosition *across, *down;  // of every pixel and every row
  const Paint *paints;                // lanes x 256: how a level changes a sample
  int lanes;                          // bytes per pixel
  std::uint8_t *samples;
  std::ptrdiff_t stride;

  UNIAD_HOST_DEVICE static float parabola(float before, float here, float after, float t) {
    return (before + here) / 2 + t * (here - before + t * ((before + after) / 2 - here));
  }
  UNIAD_HOST_DEVICE static int within(int i, int size) { return i < 0 ? 0 : i < size ? i : size - 1; }

  // The spline's coefficient in a column of cells at the height of the row.
  UNIAD_HOST_DEVICE float coefficient(int column, HeatPosition row) const {
    const float *cells = grid + within(column, columns);
    const auto at = [&](int y) { return cells[std::ptrdiff_t{columns} * within(y, rows)]; };
    return parabola(at(row.cell - 1), at(row.cell), at(row.cell + 1), row.t);
  }

  UNIAD_HOST_DEVICE void operator()(int x, int y) const {
    const HeatPosition row = down[y];
    const HeatPosition column = across[x];
    const float level = parabola(coefficient(column.cell - 1, row), coefficient(column.cell, row),
                                 coefficient(column.cell + 1, row), column.t);
    if (!(level >= 1)) return;  // not visible
    const int entry = level < 255 ? static_cast<int>(level) : 255;
    std::uint8_t *pixel = samples + stride * y + std::ptrdiff_t{lanes} * x;
    for (int lane = 0; lane < lanes; ++lane) {
      pixel[lane] = static_cast<std::uint8_t>(painted(pixel[lane], paints[256 * lane + entry]));
    }
  }
};

}  // namespace uniad::cuda
