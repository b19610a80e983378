// SPDX-License-Identifier: Apache-2.0
// What benchmarks share.
#pragma once

#include <algorithm>
#include <vector>

#include "training/bench/timing.h"

namespace uniad::bench {

using uniad::milliseconds;

inline double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

}  // namespace uniad::bench
