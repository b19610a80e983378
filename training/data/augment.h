// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace uniad {

// How pictures are varied while a network learns, as UniAD's code does it: each with a chance of one half.
struct Augmentation {
  bool flip_horizontal = false;
  bool flip_vertical = false;
  bool rotate = false;  // by 0, 90, 180 or 270 degrees, evenly likely; 0 or 180 where the input is not square
  bool colour = false;  // brightness 0.1, contrast 0.5, saturation 0.5 and hue 0.07, in random order

  bool any() const { return flip_horizontal || flip_vertical || rotate || colour; }
};

// "flip-h,flip-v,rotate,colour", any of them. Throws Error naming what is none.
Augmentation parse_augmentation(const std::string &list);

// What chance depends on, and on nothing else: a picture looks the same whoever asks, in whatever order.
struct AugmentationDraw {
  std::uint64_t seed = 0;
  std::uint64_t epoch = 0;
  std::uint64_t picture = 0;  // its index
};

// Varies a picture at the network's input size (R G B, height x width x 3) in place. Colours change as
// Pillow's ImageEnhance does it and torchvision's ColorJitter asks for it: a factor evenly from 1 - x to 1 +
// x blends the picture with black, with the mean of its grey, with its grey; hue turns by up to x of the
// circle.
void augment(std::span<std::uint8_t> rgb, int width, int height, const Augmentation &augmentation,
             const AugmentationDraw &draw);

}  // namespace uniad
