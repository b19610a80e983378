// SPDX-License-Identifier: Apache-2.0
#include "model/cuda/kernels.h"

namespace uniad::cuda {

namespace {

template <typename Body>
__global__ void __launch_bounds__(block.width *block.height) run(Body body, Extent plane) {
  run_thread(body, plane, {static_cast<int>(blockIdx.x), static_cast<int>(blockIdx.y)},
             {static_cast<int>(threadIdx.x), static_cast<int>(threadIdx.y)});
}

struct DeviceLauncher {
  CUstream_st *stream;

  template <typename Body>
  void operator()(const Body &body, Extent plane) const {
    const Extent blocks = blocks_over(plane);
    run<<<dim3(static_cast<unsigned>(blocks.width), static_cast<unsigned>(blocks.height)),
          dim3(block.width, block.height), 0, stream>>>(body, plane);
  }
};

}  // namespace

int launch(const Resize &job, CUstream_st *stream) {
  resize(job, DeviceLauncher{stream});
  return cudaGetLastError();
}

int launch(const PaintHeat &body, Extent plane, CUstream_st *stream) {
  DeviceLauncher{stream}(body, plane);
  return cudaGetLastError();
}

int launch(const PaintSpans &body, Extent plane, CUstream_st *stream) {
  DeviceLauncher{stream}(body, plane);
  return cudaGetLastError();
}

int launch(const FinishJob &job, CUstream_st *stream) {
  finish(job, DeviceLauncher{stream});
  return cudaGetLastError();
}

int launch(const DepthwiseJob &job, CUstream_st *stream) {
  depthwise(job, DeviceLauncher{stream});
  return cudaGetLastError();
}

}  // namespace uniad::cuda
