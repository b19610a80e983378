// SPDX-License-Identifier: Apache-2.0
// The kernels that the CUDA module launches.
#pragma once

#include "model/cuda/convolution.h"
#include "model/cuda/grid.h"
#include "model/cuda/heat_kernel.h"
#include "model/cuda/resize.h"
#include "model/cuda/span_kernel.h"

struct CUstream_st;

namespace uniad::cuda {

// Launch the bodies on the current device, in stream order. Each returns 0 or the cudaError_t of the launch.
int launch(const Resize &job, CUstream_st *stream);
int launch(const PaintHeat &body, Extent plane, CUstream_st *stream);
int launch(const PaintSpans &body, Extent plane, CUstream_st *stream);
int launch(const FinishJob &job, CUstream_st *stream);
int launch(const DepthwiseJob &job, CUstream_st *stream);

}  // namespace uniad::cuda
