// SPDX-License-Identifier: Apache-2.0
// Augments pictures in training.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace uniad {

// How pictures are augmented while a network is trained, as in UniAD's code: each way with probability 1/2.
struct Augmentation {
  bool flip_horizontal = false;
  bool flip_vertical = false;
  bool rotate = false;  // by a random multiple of 90 degrees, or of 180 if the input is not square
  bool color = false;   // brightness 0.1, contrast 0.5, saturation 0.5 and hue 0.07, in random order

  bool any() const { return flip_horizontal || flip_vertical || rotate || color; }
};

// Parses any of "flip-h,flip-v,rotate,color". Throws Error with the name that is not one of these.
Augmentation parse_augmentation(const std::string &list);

// The inputs of the random numbers. For the same inputs, a picture is always augmented in the same way,
// regardless of the order of the pictures.
struct AugmentationDraw {
  std::uint64_t seed = 0;
  std::uint64_t epoch = 0;
  std::uint64_t picture = 0;  // its index
};

// Augments a picture at the network's input size (R G B, height x width x 3) in place. Colors change as in
// torchvision's ColorJitter with Pillow's ImageEnhance: a factor, uniformly distributed from 1 - x to 1 + x,
// blends the picture with black, with its mean gray, and with its grayscale version; the hue is rotated by up
// to x of the circle.
void augment(std::span<std::uint8_t> rgb, int width, int height, const Augmentation &augmentation,
             const AugmentationDraw &draw);

}  // namespace uniad
