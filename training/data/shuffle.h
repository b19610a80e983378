// SPDX-License-Identifier: Apache-2.0
// A shuffle with the same result on every machine.
#pragma once

#include <cstdint>
#include <random>
#include <utility>
#include <vector>

namespace uniad {

// Fisher-Yates, so that a seed gives the same order everywhere; the order of std::shuffle depends on the
// standard library.
template <typename T>
void shuffle(std::vector<T> &values, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  for (auto i = values.size(); i > 1; --i) std::swap(values[i - 1], values[random() % i]);
}

}  // namespace uniad
