// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/cuda/frame_painter.h"
#include "model/host_device.h"

namespace uniad::cuda {

// Gives each sample of spans its paint. Position: (sample of the span, span); the plane of positions is as
// wide as the longest span.
struct PaintSpans {
  const PaintedSpan *spans;
  const Paint *paints;
  DrawnFrame::Plane planes[3];

  UNIAD_HOST_DEVICE void operator()(int x, int y) const {
    const PaintedSpan span = spans[y];
    if (x >= span.count) return;
    const Paint paint = paints[span.paints + static_cast<std::uint32_t>(x)];
    if (paint == untouched) return;  // another span's, perhaps
    const DrawnFrame::Plane plane = planes[span.plane];
    std::uint8_t *sample = plane.data + plane.stride * span.row + span.first + x;
    *sample = static_cast<std::uint8_t>(painted(*sample, paint));
  }
};

}  // namespace uniad::cuda
