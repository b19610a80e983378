// SPDX-License-Identifier: Apache-2.0
// Enables LibTorch's bf16 autocast within a scope.
#pragma once

#include <ATen/autocast_mode.h>

namespace uniad {

// Enables bf16 autocast for a type of device, and disables it on destruction.
class Bf16Scope {
 public:
  Bf16Scope(bool wanted, at::DeviceType device) : wanted_(wanted), device_(device) {
    if (!wanted_) return;
    at::autocast::set_autocast_dtype(device_, at::kBFloat16);
    at::autocast::set_autocast_enabled(device_, true);
  }
  ~Bf16Scope() {
    if (!wanted_) return;
    at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(device_, false);
  }
  Bf16Scope(const Bf16Scope &) = delete;
  Bf16Scope &operator=(const Bf16Scope &) = delete;

 private:
  bool wanted_;
  at::DeviceType device_;
};

}  // namespace uniad
