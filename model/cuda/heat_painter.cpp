// SPDX-License-Identifier: Apache-2.0
#include "model/cuda/heat_painter.h"

#include <cstring>
#include <utility>

namespace uniad::cuda {

namespace {

bool same(Extent a, Extent b) {
  return a.width == b.width && a.height == b.height;
}

// Puts arrays one after the other; all of them have elements of 4 bytes, or pairs of those.
class Packing {
 public:
  template <typename T>
  std::size_t add(const std::vector<T> &values) {
    const std::size_t at = bytes_.size();
    bytes_.resize(at + values.size() * sizeof(T));
    std::memcpy(bytes_.data() + at, values.data(), values.size() * sizeof(T));
    return at;
  }
  const std::vector<std::uint8_t> &bytes() const { return bytes_; }

 private:
  std::vector<std::uint8_t> bytes_;
};

}  // namespace

void HeatPainter::prepare(const HeatFrame &frame, Extent grid, const HeatTables &tables) {
  if (memory_ && layout_ == frame.layout && same(extent_, frame.extent) && same(grid_, grid) &&
      tables_ == tables)
    return;
  const std::vector<HeatBand> bands = heat_bands(frame.layout, frame.extent, grid, tables);
  Packing packing;
  struct Offsets {
    std::size_t across, down, paints;
  };
  std::vector<Offsets> offsets;
  offsets.reserve(bands.size());
  for (const HeatBand &band : bands)
    offsets.push_back({packing.add(band.across), packing.add(band.down), packing.add(band.paints)});
  const std::size_t cells = static_cast<std::size_t>(grid.width) * static_cast<std::size_t>(grid.height);
  const std::size_t levels_at = packing.add(std::vector<float>(cells));

  memory_.reset();
  DeviceMemory memory = allocate(runtime_, packing.bytes().size(), During::Run);
  auto *bytes = static_cast<std::uint8_t *>(memory.get());
  bodies_.clear();
  extents_.clear();
  planes_.clear();
  for (std::size_t i = 0; i < bands.size(); ++i) {
    PaintHeat body{};
    body.columns = grid.width;
    body.rows = grid.height;
    body.grid = reinterpret_cast<const float *>(bytes + levels_at);
    body.across = reinterpret_cast<const HeatPosition *>(bytes + offsets[i].across);
    body.down = reinterpret_cast<const HeatPosition *>(bytes + offsets[i].down);
    body.paints = reinterpret_cast<const std::uint32_t *>(bytes + offsets[i].paints);
    body.lanes = bands[i].lanes;
    bodies_.push_back(body);
    extents_.push_back(bands[i].extent);
    planes_.push_back(bands[i].plane);
  }
  levels_ = reinterpret_cast<float *>(bytes + levels_at);
  layout_ = frame.layout;
  extent_ = frame.extent;
  grid_ = grid;
  tables_ = tables;
  const auto check_run = [this](int code) { check(runtime_, code, "uploading a heatmap", During::Run); };
  check_run(
      runtime_.copy_to_device(memory.get(), packing.bytes().data(), packing.bytes().size(), stream_.get()));
  check_run(runtime_.synchronise(stream_.get()));
  memory_ = std::move(memory);
}

void HeatPainter::paint(const HeatFrame &frame, Extent grid, std::span<const float> levels,
                        const HeatTables &tables) {
  prepare(frame, grid, tables);
  const auto check_run = [this](int code) { check(runtime_, code, "drawing a heatmap", During::Run); };
  check_run(runtime_.copy_to_device(levels_, levels.data(), levels.size_bytes(), stream_.get()));
  for (std::size_t i = 0; i < bodies_.size(); ++i) {
    PaintHeat body = bodies_[i];
    const HeatFrame::Plane &plane = frame.planes[static_cast<std::size_t>(planes_[i])];
    body.samples = plane.data;
    body.stride = plane.stride;
    check_run(runtime_.paint(body, extents_[i], stream_.get()));
  }
  check_run(runtime_.synchronise(stream_.get()));
}

}  // namespace uniad::cuda
