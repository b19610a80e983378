// SPDX-License-Identifier: Apache-2.0
#include "model/cuda/device_painter.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "model/cuda/heat.h"

namespace uniad::cuda {

namespace {

bool same(Extent a, Extent b) {
  return a.width == b.width && a.height == b.height;
}

// Concatenates arrays. The elements of all of them are 4 bytes or pairs of 4 bytes, so they stay aligned.
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

template <typename Enqueue>
void DevicePainter::run(std::string_view doing, Enqueue enqueue) {
  const auto check_run = [&](int code) { check(runtime_, code, doing, During::Run); };
  try {
    enqueue(check_run);
    check_run(runtime_.synchronize(stream_.get()));
  } catch (const Error &) {
    runtime_.synchronize(stream_.get());
    throw;
  }
}

void DevicePainter::prepare(const DrawnFrame &frame, const HeatSurface &heat, const HeatTables &tables) {
  const Extent grid = heat.grid;
  if (heat_memory_ && layout_ == frame.layout && same(extent_, frame.extent) && same(grid_, grid) &&
      area_ == heat.area && tables_ == tables)
    return;
  const std::vector<HeatBand> bands = heat_bands(frame.layout, frame.extent, grid, tables, heat.area);
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

  heat_memory_.reset();
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
  area_ = heat.area;
  tables_ = tables;
  run("uploading a heatmap", [&](auto check_run) {
    check_run(
        runtime_.copy_to_device(memory.get(), packing.bytes().data(), packing.bytes().size(), stream_.get()));
  });
  heat_memory_ = std::move(memory);
}

void DevicePainter::paint(const DrawnFrame &frame, const HeatSurface &heat, const HeatTables &tables) {
  prepare(frame, heat, tables);
  run("drawing a heatmap", [&](auto check_run) {
    check_run(runtime_.copy_to_device(levels_, heat.levels.data(), heat.levels.size_bytes(), stream_.get()));
    for (std::size_t i = 0; i < bodies_.size(); ++i) {
      PaintHeat body = bodies_[i];
      const DrawnFrame::Plane &plane = frame.planes[static_cast<std::size_t>(planes_[i])];
      body.samples = plane.data;
      body.stride = plane.stride;
      check_run(runtime_.paint(body, extents_[i], stream_.get()));
    }
  });
}

void DevicePainter::reserve(std::size_t bytes) {
  if (bytes <= span_bytes_) return;
  span_memory_.reset();
  span_bytes_ = 0;
  span_memory_ = allocate(runtime_, 2 * bytes, During::Run);
  span_bytes_ = 2 * bytes;
}

void DevicePainter::paint(const DrawnFrame &frame, std::span<const PaintedSpan> spans,
                          std::span<const Paint> paints) {
  if (spans.empty()) return;
  reserve(spans.size_bytes() + paints.size_bytes());
  auto *device_spans = static_cast<PaintedSpan *>(span_memory_.get());
  auto *device_paints = reinterpret_cast<Paint *>(device_spans + spans.size());
  PaintSpans body{device_spans, device_paints, {}};
  std::copy(frame.planes.begin(), frame.planes.end(), body.planes);
  const auto longest =
      std::max_element(spans.begin(), spans.end(), [](auto &a, auto &b) { return a.count < b.count; })->count;
  run("drawing lines and text", [&](auto check_run) {
    check_run(runtime_.copy_to_device(device_spans, spans.data(), spans.size_bytes(), stream_.get()));
    check_run(runtime_.copy_to_device(device_paints, paints.data(), paints.size_bytes(), stream_.get()));
    check_run(runtime_.paint(body, {longest, static_cast<int>(spans.size())}, stream_.get()));
  });
}

}  // namespace uniad::cuda
