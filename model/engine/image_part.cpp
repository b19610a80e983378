// SPDX-License-Identifier: Apache-2.0
#include "model/engine/image_part.h"

namespace uniad {

void add_image_part(const ScoreStatistics *normal, std::optional<float> distance, Detection &detection) {
  detection.image_part = 0;
  detection.usual_score = 0;
  if (normal == nullptr || !normal->image || !distance || has_watch_zones(detection.zones.get())) return;
  detection.usual_score = static_cast<float>(normal->mean);
  detection.image_part = static_cast<float>(normal->image->part(*distance));
  detection.score += detection.image_part;
  if (!detection.part_scores.empty()) detection.part_scores.front() = detection.score;
}

RaisedBy raised_by(const Detection &detection, double threshold) {
  const bool local_alone = detection.score - detection.image_part >= threshold;
  const bool image_alone = detection.usual_score + detection.image_part >= threshold;
  if (local_alone == image_alone) return RaisedBy::Both;
  return local_alone ? RaisedBy::Local : RaisedBy::Image;
}

const char *name_of(RaisedBy part) {
  switch (part) {
    case RaisedBy::Local:
      return "local";
    case RaisedBy::Image:
      return "image";
    case RaisedBy::Both:
      break;
  }
  return "both";
}

}  // namespace uniad
