// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace uniad {

// Red, green, blue: 0..255.
struct Rgb {
  float r, g, b;
};

enum class ColourMap { Turbo, Jet, Inferno, Viridis, Red };

// `position`: 0..1 from least to most.
Rgb colour_of(ColourMap map, float position);

}  // namespace uniad
