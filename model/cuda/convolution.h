// SPDX-License-Identifier: Apache-2.0
// Launches depthwise convolutions, and what finishes a convolution, on a GPU.
#pragma once

#include <cstddef>

#include "model/cuda/convolution_kernel.h"
#include "model/cuda/grid.h"

namespace uniad::cuda {

// FinishConvolution on a channels-last tensor of rows x width pixels with `channels` channels, aligned to 16
// bytes. `skip` may be null.
struct FinishJob {
  void *values;
  const void *skip;
  const float *bias;
  ElementType type;
  int rows, width, channels;
  Activation activation;
};

template <typename Element, int lanes, typename Launch>
void finish(const FinishJob &job, const Launch &launch) {
  using Values = Pack<Element, lanes>;
  const int packs = job.channels / lanes;
  const int row_packs = packs * job.width;
  launch(FinishConvolution<Element, lanes>{static_cast<Values *>(job.values),
                                           static_cast<const Values *>(job.skip), job.bias, packs, row_packs,
                                           job.activation},
         Extent{row_packs, job.rows});
}

// Processes 16 bytes at once if the number of channels allows it.
template <typename Element, typename Launch>
void finish(const FinishJob &job, const Launch &launch) {
  constexpr int lanes = 16 / sizeof(Element);
  if (job.channels % lanes == 0) return finish<Element, lanes>(job, launch);
  finish<Element, 1>(job, launch);
}

template <typename Launch>
void finish(const FinishJob &job, const Launch &launch) {
  switch (job.type) {
    case ElementType::Fp32:
      return finish<float>(job, launch);
    case ElementType::Bf16:
      return finish<Bf16>(job, launch);
    case ElementType::Fp16:
      return finish<Fp16>(job, launch);
  }
}

// DepthwiseConvolution on channels-last tensors, aligned to 16 bytes; kernel 3 or 5.
struct DepthwiseJob {
  const void *in;
  const void *weights;  // (kernel, kernel, channels)
  const float *bias;
  void *out;
  ElementType type;
  int pictures, in_height, in_width, out_height, out_width, channels;
  int kernel, stride, top, left;  // padding above and to the left
  Activation activation;
};

template <typename Element, int lanes, int kernel, typename Launch>
void depthwise(const DepthwiseJob &job, const Launch &launch) {
  using Values = Pack<Element, lanes>;
  const int packs = job.channels / lanes;
  const int row_packs = packs * job.out_width;
  launch(DepthwiseConvolution<Element, lanes, kernel>{static_cast<const Values *>(job.in),
                                                      static_cast<const Values *>(job.weights), job.bias,
                                                      static_cast<Values *>(job.out), job.in_height,
                                                      job.in_width, job.out_height, packs, row_packs,
                                                      job.stride, job.top, job.left, job.activation},
         Extent{row_packs, job.pictures * job.out_height});
}

template <typename Element, typename Launch>
void depthwise(const DepthwiseJob &job, const Launch &launch) {
  constexpr int lanes = 16 / sizeof(Element);
  if (job.channels % lanes == 0)
    return job.kernel == 3 ? depthwise<Element, lanes, 3>(job, launch)
                           : depthwise<Element, lanes, 5>(job, launch);
  return job.kernel == 3 ? depthwise<Element, 1, 3>(job, launch) : depthwise<Element, 1, 5>(job, launch);
}

template <typename Launch>
void depthwise(const DepthwiseJob &job, const Launch &launch) {
  switch (job.type) {
    case ElementType::Fp32:
      return depthwise<float>(job, launch);
    case ElementType::Bf16:
      return depthwise<Bf16>(job, launch);
    case ElementType::Fp16:
      return depthwise<Fp16>(job, launch);
  }
}

}  // namespace uniad::cuda
