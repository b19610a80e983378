// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "model/cuda/heat.h"
#include "model/cuda/runtime.h"

namespace uniad::cuda {

// A frame in the GPU's memory that is drawn on.
struct HeatFrame {
  struct Plane {
    std::uint8_t *data = nullptr;
    std::ptrdiff_t stride = 0;
  };
  PixelLayout layout = PixelLayout::NV12;
  Extent extent;
  std::array<Plane, 3> planes{};
};

// Blends grids into frames on the device. Keeps what it worked out for one layout, size and set of colours.
class HeatPainter {
 public:
  explicit HeatPainter(Runtime &runtime) : runtime_(runtime), stream_(create_stream(runtime)) {}
  ~HeatPainter() { runtime_.synchronise(stream_.get()); }

  // `levels`: grid.height x grid.width, 0..255 and beyond. Done on return. Throws Error.
  void paint(const HeatFrame &frame, Extent grid, std::span<const float> levels, const HeatTables &tables);

 private:
  void prepare(const HeatFrame &frame, Extent grid, const HeatTables &tables);

  Runtime &runtime_;
  PixelLayout layout_{};
  Extent extent_, grid_;
  HeatTables tables_{};
  std::vector<PaintHeat> bodies_;  // without their samples
  std::vector<Extent> extents_;
  std::vector<int> planes_;
  DeviceMemory memory_;  // the bands' tables, then the grid
  float *levels_ = nullptr;
  OwnedStream stream_;
};

}  // namespace uniad::cuda
