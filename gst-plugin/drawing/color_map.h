// SPDX-License-Identifier: Apache-2.0
// The colors of the heatmap.
#pragma once

namespace uniad {

// Red, green, blue: 0..255.
struct Rgb {
  float r, g, b;
};

enum class ColorMap { Turbo, Jet, Inferno, Viridis, Red };

// position: 0..1, from the lowest to the highest value.
Rgb color_of(ColorMap map, float position);

}  // namespace uniad
