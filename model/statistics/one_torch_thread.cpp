// SPDX-License-Identifier: Apache-2.0
#include "model/statistics/one_torch_thread.h"

#include <ATen/Parallel.h>

// OpenMP's and MKL's functions for the number of threads, which LibTorch uses. Each thread of the program has
// its own number for each of them. Some builds of LibTorch have no MKL.
extern "C" {
void omp_set_num_threads(int count);
__attribute__((weak)) int MKL_Set_Num_Threads_Local(
    int count);  // returns the number before; 0: none of its own
}

namespace uniad {
namespace {

int set_own_mkl_threads(int count) {
  return MKL_Set_Num_Threads_Local != nullptr ? MKL_Set_Num_Threads_Local(count) : 0;
}

}  // namespace

OneTorchThread::OneTorchThread() : before_(at::get_num_threads()), mkl_before_(set_own_mkl_threads(1)) {
  omp_set_num_threads(1);
}

OneTorchThread::~OneTorchThread() {
  omp_set_num_threads(before_);
  set_own_mkl_threads(mkl_before_);
}

}  // namespace uniad
