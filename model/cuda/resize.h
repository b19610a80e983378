// SPDX-License-Identifier: Apache-2.0
// The antialiased resize on a GPU.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "model/cuda/frame_reader.h"
#include "model/cuda/grid.h"
#include "model/cuda/resize_kernel.h"
#include "model/preprocess/frame_view.h"
#include "model/preprocess/preprocess.h"
#include "model/preprocess/rows.h"

namespace uniad::cuda {

// The memory for one picture of the network's input: 3 x height x width elements, or height x width x 3.
struct Target {
  void *data = nullptr;
  ElementType type = ElementType::Fp32;
  bool channels_last = false;
};

// The parameters for resizing one frame to the network's input, all in memory that the launcher's threads can
// access. For PixelLayout::Rows, the first plane contains the output of unpack_row, row after row.
struct Resize {
  FrameView frame;
  FilterView horizontal, vertical;
  std::int16_t *between = nullptr;  // frame height x 3 x input width
  InputConfig input;
  Target target;
};

// Like Preprocessor::run (model/preprocess/preprocess.h): the same levels for RGB layouts, and at most one
// level off for Y'CbCr layouts. launch(body, extent) runs a body over a plane, possibly asynchronously, in
// order.
template <typename Launch>
void resize(const Resize &job, Launch launch) {
  const FrameView &frame = job.frame;
  const InputConfig &input = job.input;
  // Like on the CPU, pixels of these pictures are rounded to levels; for others, sums of rows are rounded.
  const bool levels_first = frame.height < input.height || frame.height / input.height >= 32;
  int fraction = 0;

  const auto plane = [&](std::size_t i) { return PlaneView{frame.planes[i].data, frame.planes[i].stride}; };
  const auto filter_rows = [&](auto reader) {
    if (decltype(reader)::fraction > 0 && !levels_first) fraction = decltype(reader)::fraction;
    launch(FilterRows<decltype(reader)>{reader, job.horizontal, levels_first, job.between, input.width},
           Extent{input.width, frame.height});
  };
  const auto filter_subsampled = [&](auto rows, bool chroma_together) {
    using Rows = typename decltype(rows)::type;
    filter_rows(SubsampledReader<Rows>{{plane(0), plane(1), plane(chroma_together ? 1 : 2)},
                                       frame.width,
                                       frame.height,
                                       frame.chroma_site.left,
                                       frame.chroma_site.top,
                                       color_transform(frame.matrix, frame.range)});
  };
  switch (frame.layout) {
    case PixelLayout::I420:
      filter_subsampled(std::type_identity<I420Rows>{}, false);
      break;
    case PixelLayout::NV12:
      filter_subsampled(std::type_identity<Nv12Rows>{}, true);
      break;
    case PixelLayout::P010:
      filter_subsampled(std::type_identity<P010Rows>{}, true);
      break;
    case PixelLayout::YUY2:
      filter_subsampled(std::type_identity<Yuy2Rows>{}, true);
      break;
    case PixelLayout::GRAY8:
      filter_rows(GrayReader{plane(0), frame.range == ColorRange::Limited});
      break;
    case PixelLayout::Rows:
      if (frame.unpacked == UnpackedPixel::ARGB8) {
        filter_rows(PackedRgbReader{plane(0), 4, 1, 2, 3});
      } else if (frame.unpacked == UnpackedPixel::ARGB16) {
        filter_rows(WideRgbReader{plane(0)});
      } else {
        filter_rows(AyuvReader{plane(0), frame.unpacked == UnpackedPixel::AYUV16,
                               color_transform(frame.matrix, frame.range)});
      }
      break;
    default: {
      const Layout layout = describe(frame.layout);
      const auto at = [&layout](std::size_t c) { return static_cast<int>(layout.rgb[c]); };
      filter_rows(PackedRgbReader{plane(0), static_cast<int>(layout.pixel_bytes), at(0), at(1), at(2)});
    }
  }

  const auto filter_columns = [&](auto element) {
    FilterColumns<decltype(element)> body{};
    body.in = job.between;
    body.fraction = fraction;
    body.filter = job.vertical;
    body.width = input.width;
    for (std::size_t c = 0; c < 3; ++c) {
      body.scale[c] = 1 / (255 * input.std[c]);
      body.offset[c] = -input.mean[c] / input.std[c];
    }
    body.out = static_cast<decltype(element) *>(job.target.data);
    const bool last = job.target.channels_last;
    body.column_step = last ? 3 : 1;
    body.row_step = body.column_step * input.width;
    body.channel_step = last ? 1 : std::ptrdiff_t{input.width} * input.height;
    launch(body, Extent{input.width, input.height});
  };
  switch (job.target.type) {
    case ElementType::Fp32:
      return filter_columns(float{});
    case ElementType::Bf16:
      return filter_columns(Bf16{});
    case ElementType::Fp16:
      return filter_columns(Fp16{});
  }
}

}  // namespace uniad::cuda
