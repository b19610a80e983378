// SPDX-License-Identifier: Apache-2.0
// The body of the kernel that paints spans of pixels.
#pragma once

#include "model/base/host_device.h"
#include "model/cuda/frame_painter.h"

namespace uniad::cuda {

// Applies a paint to each sample of the spans. Position: (sample of the span, span); the plane of positions
// is as wide as the longest span.
struct PaintSpans {
  const PaintedSpan *spans;
  const Paint *paints;
  DrawnFrame::Plane planes[3];

  UNIAD_HOST_DEVICE void operator()(int x, int y) const {
    const PaintedSpan span = spans[y];
    if (x >= span.count) return;
    const Paint paint = paints[span.paints + static_cast<std::uint32_t>(x)];
    if (paint == untouched) return;  // may belong to another span
    const DrawnFrame::Plane plane = planes[span.plane];
    std::uint8_t *sample = plane.data + plane.stride * span.row + span.first + x;
    *sample = static_cast<std::uint8_t>(painted(*sample, paint));
  }
};

}  // namespace uniad::cuda
