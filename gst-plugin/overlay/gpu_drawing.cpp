// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/overlay/gpu_drawing.h"

#include <algorithm>
#include <utility>

namespace uniad {

namespace {

// The formats that the kernels draw on, with planes in FrameView's order. YV12 is not one of them, because
// its chroma planes are swapped.
bool is_drawn_on(const GstVideoInfo &info) {
  if (GST_VIDEO_INFO_IS_INTERLACED(&info)) return false;
  switch (GST_VIDEO_INFO_FORMAT(&info)) {
    case GST_VIDEO_FORMAT_NV12:
    case GST_VIDEO_FORMAT_I420:
    case GST_VIDEO_FORMAT_YUY2:
    case GST_VIDEO_FORMAT_RGB:
    case GST_VIDEO_FORMAT_BGR:
    case GST_VIDEO_FORMAT_RGBx:
    case GST_VIDEO_FORMAT_BGRx:
      return true;
    default:
      return false;
  }
}

cuda::DrawnFrame drawn_frame(const FrameView &view) {
  cuda::DrawnFrame frame{view.layout, {view.width, view.height}, {}};
  for (std::size_t i = 0; i < frame.planes.size(); ++i)
    frame.planes[i] = {const_cast<std::uint8_t *>(view.planes[i].data), view.planes[i].stride};
  return frame;
}

}  // namespace

std::unique_ptr<GpuDrawing> GpuDrawing::create(GstElement *element, const GstCaps *caps,
                                               const GstVideoInfo &info) {
  if (!in_cuda_memory(caps) || !is_drawn_on(info)) return nullptr;
  return std::unique_ptr<GpuDrawing>(new GpuDrawing(element, info));
}

void GpuDrawing::begin(GstBuffer *buffer) {
  if (std::exchange(begun_, true)) return;
  const auto device = cuda_device_of(buffer);
  if (!device) return;
  kernels_ = cuda::painter_of_open_module(*device);
  if (kernels_) frames_ = CudaFrames::create(element_, *device);
}

bool GpuDrawing::paint(GstBuffer *buffer, Painter &painter, std::span<const Heat> heats,
                       const Canvas &canvas) {
  // The kernels do not support borders.
  if (std::any_of(heats.begin(), heats.end(), [](const Heat &heat) { return heat.picture != Area{}; }))
    return false;
  begin(buffer);
  if (!kernels_ || !cuda_device_of(buffer)) return false;
  const auto held = frames_->map_for_drawing(buffer, info_);
  if (!held) return false;
  const cuda::DrawnFrame frame = drawn_frame(held->view());
  for (const Heat &heat : heats) {
    const SmoothMap &map = heat.levels;
    kernels_->paint(frame, {{map.columns(), map.rows()}, map.values(), map.area()}, painter.tables_of(heat));
  }
  const Painter::CanvasPaints paints = painter.paints_of(canvas);
  kernels_->paint(frame, paints.spans, paints.paints);
  return true;
}

}  // namespace uniad
