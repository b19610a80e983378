// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "model/area.h"
#include "model/cuda/grid.h"
#include "model/paint.h"
#include "model/preprocess/frame_view.h"

namespace uniad::cuda {

// A progressive frame in the GPU's memory that is drawn on.
struct DrawnFrame {
  struct Plane {
    std::uint8_t *data = nullptr;
    std::ptrdiff_t stride = 0;
  };
  PixelLayout layout = PixelLayout::NV12;
  Extent extent;
  std::array<Plane, 3> planes{};
};

// The surface of a grid, as the overlay's SmoothMap has it.
struct HeatSurface {
  Extent grid;
  std::span<const float> levels;  // grid.height x grid.width, 0..255 and beyond
  Area area;                      // what the cells share evenly
};

// What each level makes of a sample, for each component of a layout: R, G, B or Y', Cb, Cr (grey: the
// first). Entry 0 leaves samples as they are. Painter::tables_of (gst-plugin/overlay/painter.h) makes them.
using HeatTables = std::array<std::array<Paint, 256>, 4>;

// Samples next to each other in a row of a plane, each with a paint of its own.
struct PaintedSpan {
  std::int32_t plane = 0;
  std::int32_t row = 0;
  std::int32_t first = 0;    // bytes from the row's beginning
  std::int32_t count = 0;    // bytes
  std::uint32_t paints = 0;  // where the first one's lies among all paints
};

// Draws on frames of one GPU, one at a time. What libuniad-cuda.so gives to elements.
class FramePainter {
 public:
  virtual ~FramePainter() = default;

  // Both are done on return, and throw Error: a device that fails, a layout that is not drawn on (P010,
  // Rows).
  virtual void paint(const DrawnFrame &frame, const HeatSurface &heat, const HeatTables &tables) = 0;
  // Spans of one plane may overlap where no sample has two paints other than `untouched`.
  virtual void paint(const DrawnFrame &frame, std::span<const PaintedSpan> spans,
                     std::span<const Paint> paints) = 0;
};

}  // namespace uniad::cuda
