// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "training/data/mask.h"
#include "training/data/source.h"

namespace uniad {

// What makes a picture abnormal.
enum class LabelRule {
  Reference,  // the authors' (facts 9): any pixel of its mask after the resize to input size; without a mask
              // its label. A defect that the resize loses makes the picture normal.
  Strict,     // its label, or any pixel of its mask in full size
};

// What the data says of one picture or frame.
struct Truth {
  std::optional<bool> abnormal;    // absent: nobody has said
  std::vector<std::uint8_t> mask;  // at input size, row-major, 1 where abnormal; empty: none
  bool pixels_known = false;       // the mask tells of every pixel, or the picture is normal
  bool lost_in_resize = false;     // labelled abnormal, but the mask has no pixel left
  bool lossy_mask = false;         // of a format like JPEG, which is read by half of its maximum
  std::string unreadable_mask;     // why the masks could not be read; then the label counts
};

// `shape`: of the item's picture; masks of another shape are none; absent: not compared.
Truth truth_of(const Item &item, std::optional<PictureShape> shape, int input_width, int input_height,
               LabelRule rule);

}  // namespace uniad
