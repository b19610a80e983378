// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "model/file/model_file.h"

namespace uniad {

// Pixels beside a map along one axis.
struct Padding {
  std::int64_t before, after;
};

// What a rule (facts 4.2) puts beside `extent` pixels for a convolution of this kernel and stride. `native`:
// the extent where the network is fed its native size; only StaticSame looks at it. TensorFlow's "same" is as
// much as the last window needs, the odd pixel on the high side.
inline Padding padding_along(std::int64_t extent, std::int64_t native, std::int64_t kernel,
                             std::int64_t stride, PaddingRule rule) {
  if (rule == PaddingRule::Symmetric) return {kernel / 2, kernel / 2};
  const std::int64_t seen = rule == PaddingRule::StaticSame ? native : extent;
  const std::int64_t windows = (seen + stride - 1) / stride;
  const std::int64_t total = std::max<std::int64_t>((windows - 1) * stride + kernel - seen, 0);
  return {total / 2, total - total / 2};
}

}  // namespace uniad
