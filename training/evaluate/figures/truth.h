// SPDX-License-Identifier: Apache-2.0
// The ground truth of an item.
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
  Reference,  // the authors' rule (docs/network-details.md, "Evaluation"): any pixel of its mask after
              // resizing to the input size, or its label without a mask. A picture is normal if its defect is
              // lost in resizing.
  Strict,     // its label, or any pixel of its mask at full size
};

// The ground truth of one picture or frame.
struct Truth {
  std::optional<bool> abnormal;    // absent: unlabeled
  std::vector<std::uint8_t> mask;  // at input size, row-major, 1 where abnormal; empty: none
  bool pixels_known = false;       // there is a mask, or the picture is normal
  bool lost_in_resize = false;     // labeled abnormal, but no mask pixel remains
  bool lossy_mask = false;         // in a format like JPEG, where pixels from half of the maximum on count
  std::string unreadable_mask;     // why the masks could not be read; the label is used instead
};

// shape: that of the item's picture; masks of another shape are not used; absent: not checked.
Truth truth_of(const Item &item, std::optional<PictureShape> shape, int input_width, int input_height,
               LabelRule rule);

}  // namespace uniad
