// SPDX-License-Identifier: Apache-2.0
// The bodies of the depthwise kernel and of the kernel that finishes convolutions.
#pragma once

#include <cmath>
#include <cstddef>

#include "model/base/activation.h"
#include "model/base/host_device.h"
#include "model/cuda/dtype.h"

namespace uniad::cuda {

UNIAD_HOST_DEVICE inline float activate(float value, Activation activation) {
  switch (activation) {
    case Activation::Relu:
      return value > 0 ? value : 0;
    case Activation::Relu6:
      return value > 0 ? (value < 6 ? value : 6) : 0;
    case Activation::Silu:
      return value / (1 + expf(-value));
    case Activation::None:
      break;
  }
  return value;
}

// Neighboring channels of one pixel, loaded and stored as one.
template <typename Element, int lanes>
struct alignas(sizeof(Element) * lanes) Pack {
  Element values[lanes];
};

// The operations after a convolution, in place and in one pass: activation(x + bias + skip). LibTorch's CUDA
// convolutions need two or three passes. Position: (pack in a row of pixels, row of pixels of all pictures)
// of a channels-last tensor.
template <typename Element, int lanes>
struct FinishConvolution {
  Pack<Element, lanes> *values;
  const Pack<Element, lanes> *skip;  // or null
  const float *bias;                 // per channel
  int packs;                         // of one pixel
  int row_packs;                     // of one row of pixels
  Activation activation;

  UNIAD_HOST_DEVICE void operator()(int x, int y) const {
    const std::ptrdiff_t at = std::ptrdiff_t{row_packs} * y + x;
    const float *channel_bias = bias + std::ptrdiff_t{lanes} * (x % packs);
    Pack<Element, lanes> pack = values[at];
    Pack<Element, lanes> other{};
    if (skip != nullptr) other = skip[at];
    for (int i = 0; i < lanes; ++i) {
      float value = load(pack.values[i]) + channel_bias[i];
      if (skip != nullptr) value += load(other.values[i]);
      store(activate(value, activation), pack.values[i]);
    }
    values[at] = pack;
  }
};

// A depthwise convolution with bias and activation in one pass, with asymmetric padding if required. LibTorch
// needs four passes. Position: (pack in a row of output pixels, row of output pixels of all pictures) of
// channels-last tensors.
template <typename Element, int lanes, int kernel>
struct DepthwiseConvolution {
  const Pack<Element, lanes> *in;
  const Pack<Element, lanes> *weights;  // (kernel, kernel, packs)
  const float *bias;                    // per channel
  Pack<Element, lanes> *out;
  int in_height, in_width, out_height;
  int packs;      // of one pixel
  int row_packs;  // of one row of output pixels
  int stride, top, left;
  Activation activation;

  UNIAD_HOST_DEVICE void operator()(int x, int y) const {
    const int pack = x % packs;
    const int first_column = x / packs * stride - left;
    const int first_row = y % out_height * stride - top;
    const std::ptrdiff_t picture = std::ptrdiff_t{in_height} * (y / out_height);
    float sums[lanes];
    for (int i = 0; i < lanes; ++i) sums[i] = bias[lanes * pack + i];
    for (int ky = 0; ky < kernel; ++ky) {
      const int row = first_row + ky;
      if (row < 0 || row >= in_height) continue;
      for (int kx = 0; kx < kernel; ++kx) {
        const int column = first_column + kx;
        if (column < 0 || column >= in_width) continue;
        const Pack<Element, lanes> pixel = in[((picture + row) * in_width + column) * packs + pack];
        const Pack<Element, lanes> weight = weights[(kernel * ky + kx) * packs + pack];
        for (int i = 0; i < lanes; ++i) sums[i] += load(pixel.values[i]) * load(weight.values[i]);
      }
    }
    Pack<Element, lanes> result;
    for (int i = 0; i < lanes; ++i) store(activate(sums[i], activation), result.values[i]);
    out[std::ptrdiff_t{row_packs} * y + x] = result;
  }
};

}  // namespace uniad::cuda
