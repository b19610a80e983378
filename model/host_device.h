// SPDX-License-Identifier: Apache-2.0
#pragma once

// Marks what CUDA kernels call as well: nvcc builds it for both sides, g++ sees a plain function.
#ifdef __CUDACC__
#define UNIAD_HOST_DEVICE __host__ __device__
#else
#define UNIAD_HOST_DEVICE
#endif
