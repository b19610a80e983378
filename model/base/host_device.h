// SPDX-License-Identifier: Apache-2.0
// Marks functions that also run on a GPU.
#pragma once

// Marks functions that CUDA kernels call too: nvcc compiles them for both sides, for g++ they are plain
// functions.
#ifdef __CUDACC__
#define UNIAD_HOST_DEVICE __host__ __device__
#else
#define UNIAD_HOST_DEVICE
#endif
