// SPDX-License-Identifier: Apache-2.0
// Computes the padding of a convolution.
#pragma once

#include <algorithm>
#include <cstdint>

#include "model/config/model_config.h"

namespace uniad {

// Number of padding pixels along one axis.
struct Padding {
  std::int64_t before, after;
};

// The padding of `extent` pixels by a rule (docs/network-details.md, "Padding") for a convolution with this
// kernel and stride. native: the extent at the network's native size, used by StaticSame only. TensorFlow's
// "same" pads as much as the last window requires, with the odd pixel on the high side.
inline Padding padding_along(std::int64_t extent, std::int64_t native, std::int64_t kernel,
                             std::int64_t stride, PaddingRule rule) {
  if (rule == PaddingRule::Symmetric) return {kernel / 2, kernel / 2};
  const std::int64_t seen = rule == PaddingRule::StaticSame ? native : extent;
  const std::int64_t windows = (seen + stride - 1) / stride;
  const std::int64_t total = std::max<std::int64_t>((windows - 1) * stride + kernel - seen, 0);
  return {total / 2, total - total / 2};
}

}  // namespace uniad
