// SPDX-License-Identifier: Apache-2.0
// An anomaly grid of random values.
#pragma once

#include <random>

#include "model/scoring/score.h"

namespace uniad::test {

// Values from 0 to 5.
inline Grid random_grid(int width, int height, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(0, 5);
  Grid grid{width, height, {}};
  for (int i = 0; i < width * height; ++i) grid.values.push_back(uniform(random));
  return grid;
}

}  // namespace uniad::test
