// SPDX-License-Identifier: Apache-2.0
// Converts LibTorch's exceptions in work on a GPU to Errors.
#pragma once

#include <c10/util/Exception.h>

#include <string>
#include <string_view>
#include <utility>

#include "model/base/error.h"
#include "model/cuda/device_runtime.h"

namespace uniad::cuda {

// Runs `work` on a GPU; LibTorch's exceptions become Errors.
template <typename Work>
decltype(auto) guarded(int device, std::string_view doing, During during, Work &&work) {
  try {
    return std::forward<Work>(work)();
  } catch (const c10::OutOfMemoryError &) {
    throw error_of(failure_of(out_of_memory), device, std::string(doing), during);
  } catch (const c10::AcceleratorError &error) {
    throw error_of(failure_of(error.get_error_code()), device, std::string(doing), during);
  } catch (const c10::Error &error) {
    const std::string text = error.what_without_backtrace();
    throw error_of({0, "LibTorch's error", text.substr(0, text.find('\n'))}, device, std::string(doing),
                   during);
  }
}

}  // namespace uniad::cuda
