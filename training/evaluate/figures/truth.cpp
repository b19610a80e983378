// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate/figures/truth.h"

#include <algorithm>

#include "model/base/error.h"
#include "training/data/picture.h"

namespace uniad {

Truth truth_of(const Item &item, std::optional<PictureShape> shape, int input_width, int input_height,
               LabelRule rule) {
  Truth truth;
  truth.abnormal = item.abnormal;
  truth.pixels_known = item.masks.empty() && item.abnormal == false;
  if (item.masks.empty()) return truth;
  try {
    truth.mask = read_masks(item.masks, input_width, input_height, shape);
    truth.lossy_mask = std::ranges::any_of(item.masks, is_lossy_picture);
    const bool any_pixel = std::find(truth.mask.begin(), truth.mask.end(), 1) != truth.mask.end();
    const bool labeled = item.abnormal.value_or(false);
    truth.pixels_known = true;
    truth.lost_in_resize = labeled && !any_pixel;
    truth.abnormal = any_pixel;
    if (rule == LabelRule::Strict && !any_pixel)
      truth.abnormal = labeled || std::ranges::any_of(item.masks, has_abnormal_pixel);
  } catch (const Error &unreadable) {
    truth.unreadable_mask = unreadable.what();
  }
  return truth;
}

}  // namespace uniad
