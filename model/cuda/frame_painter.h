// SPDX-License-Identifier: Apache-2.0
// The CUDA module's interface for drawing on frames.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "model/base/area.h"
#include "model/base/paint.h"
#include "model/cuda/grid.h"
#include "model/preprocess/frame_view.h"

namespace uniad::cuda {

// A progressive frame in GPU memory to draw on.
struct DrawnFrame {
  struct Plane {
    std::uint8_t *data = nullptr;
    std::ptrdiff_t stride = 0;
  };
  PixelLayout layout = PixelLayout::NV12;
  Extent extent;
  std::array<Plane, 3> planes{};
};

// The surface of a grid, like the overlay's SmoothMap.
struct HeatSurface {
  Extent grid;
  std::span<const float> levels;  // grid.height x grid.width, 0..255 and beyond
  Area area;                      // the area that the cells divide evenly
};

// How each level changes a sample, for each component of a layout: R, G, B or Y', Cb, Cr (gray: only the
// first). Entry 0 leaves samples unchanged. Created by Painter::tables_of (gst-plugin/drawing/painter.h).
using HeatTables = std::array<std::array<Paint, 256>, 4>;

// Adjacent samples in a row of a plane, each with its own paint.
struct PaintedSpan {
  std::int32_t plane = 0;
  std::int32_t row = 0;
  std::int32_t first = 0;    // bytes from the row's beginning
  std::int32_t count = 0;    // bytes
  std::uint32_t paints = 0;  // index of the first one among all paints
};

// Draws on frames of one GPU, one at a time. Provided by libuniad-cuda.so for elements.
class FramePainter {
 public:
  virtual ~FramePainter() = default;

  // Both functions have finished on return. They throw Error if the device fails or the layout is not
  // supported (P010, Rows).
  virtual void paint(const DrawnFrame &frame, const HeatSurface &heat, const HeatTables &tables) = 0;
  // Spans of one plane may overlap if no sample has more than one paint other than `untouched`.
  virtual void paint(const DrawnFrame &frame, std::span<const PaintedSpan> spans,
                     std::span<const Paint> paints) = 0;
};

// A painter that uses the kernels of libuniad-cuda.so if this process has already opened that module, as a
// detector on a GPU does; otherwise null. The module loads LibTorch, so it is not opened for drawing alone.
// This function does not require linking libuniad.
std::unique_ptr<FramePainter> painter_of_open_module(int device);

}  // namespace uniad::cuda
