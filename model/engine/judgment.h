// SPDX-License-Identifier: Apache-2.0
// Compares a detection with thresholds, zone by zone.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "model/engine/detector.h"
#include "model/engine/image_part.h"
#include "model/scoring/score.h"

namespace uniad {

// A part of the frame that is judged separately.
struct PartJudgment {
  std::string zone;  // the watch zone; empty: all of the frame that is not ignored
  double score = 0;
  std::optional<double> threshold;
  bool anomalous = false;       // the score reaches the threshold
  std::vector<Region> regions;  // strongest first; never empty if anomalous, else empty
};

struct Judgment {
  std::vector<PartJudgment> parts;  // at least one
  std::size_t strongest = 0;        // the part whose score is the largest multiple of its threshold
  bool anomalous = false;           // any part is anomalous, or there is a threshold and the scene is unknown
  std::vector<Region> regions;      // of all parts, strongest first; the whole frame if the scene is unknown
  std::optional<RaisedBy> raised_by;  // absent if no part is anomalous

  const PartJudgment &frame() const { return parts[strongest]; }
};

// threshold: that of the model for the frame's source, or one that replaces it. Zones may have their own.
Judgment judgment_of(const Detection &detection, std::optional<double> threshold);

}  // namespace uniad
