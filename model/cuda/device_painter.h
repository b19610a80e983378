// SPDX-License-Identifier: Apache-2.0
// Draws on frames in a device's memory through a Runtime.
#pragma once

#include <string_view>
#include <vector>

#include "model/cuda/frame_painter.h"
#include "model/cuda/heat_kernel.h"
#include "model/cuda/runtime.h"

namespace uniad::cuda {

// Caches the data for one layout, size and set of colors. The runtime's device must be current when a
// function of this class is called.
class DevicePainter : public FramePainter {
 public:
  explicit DevicePainter(Runtime &runtime) : runtime_(runtime), stream_(create_stream(runtime)) {}
  ~DevicePainter() override { runtime_.synchronize(stream_.get()); }

  void paint(const DrawnFrame &frame, const HeatSurface &heat, const HeatTables &tables) override;
  void paint(const DrawnFrame &frame, std::span<const PaintedSpan> spans,
             std::span<const Paint> paints) override;

 private:
  void prepare(const DrawnFrame &frame, const HeatSurface &heat, const HeatTables &tables);
  void reserve(std::size_t bytes);
  // Calls `enqueue` with a function that checks calls, and waits for the work that it puts into the stream,
  // also on failure, because the stream uses the caller's memory.
  template <typename Enqueue>
  void run(std::string_view doing, Enqueue enqueue);

  Runtime &runtime_;

  PixelLayout layout_{};
  Extent extent_, grid_;
  Area area_;
  HeatTables tables_{};
  std::vector<PaintHeat> bodies_;  // without samples
  std::vector<Extent> extents_;
  std::vector<int> planes_;
  DeviceMemory heat_memory_;  // the bands' tables, then the grid
  float *levels_ = nullptr;

  DeviceMemory span_memory_;  // spans, then paints
  std::size_t span_bytes_ = 0;

  OwnedStream stream_;
};

}  // namespace uniad::cuda
