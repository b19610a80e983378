// SPDX-License-Identifier: Apache-2.0
#include "model/reconstruction/dropout.h"

#include <cmath>
#include <limits>

namespace uniad {

torch::Tensor fast_dropout(const torch::Tensor &input, double probability, bool training) {
  if (!training || probability <= 0) return input;
  constexpr std::int64_t lanes = 4;  // 16-bit numbers in a 64-bit draw
  const torch::Tensor draws =
      torch::empty({(input.numel() + lanes - 1) / lanes}, torch::kInt64)
          .random_(std::numeric_limits<std::int64_t>::min(), std::optional<std::int64_t>());
  const auto dropped =
      static_cast<std::int64_t>(std::lround(probability * 65536)) + std::numeric_limits<std::int16_t>::min();
  const torch::Tensor kept =
      draws.view(torch::kInt16).narrow(0, 0, input.numel()).ge(dropped).view(input.sizes());
  return input * kept.to(input.options()).mul_(1 / (1 - probability));
}

}  // namespace uniad
