// SPDX-License-Identifier: Apache-2.0
// Holds a detection against thresholds, zone by zone.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "model/engine/detector.h"
#include "model/scoring/score.h"

namespace uniad {

// A part of the frame that is judged by itself.
struct PartJudgment {
  std::string zone;  // the watch zone; empty: all of the frame that is not ignored
  double score = 0;
  std::optional<double> threshold;
  bool anomalous = false;       // the score reaches the threshold
  std::vector<Region> regions;  // strongest first; never empty if anomalous, else empty
};

struct Judgment {
  std::vector<PartJudgment> parts;  // one at least
  std::size_t strongest = 0;        // the part whose score is the largest multiple of its threshold
  bool anomalous = false;           // any part is, or, given a threshold, the scene is unknown
  std::vector<Region> regions;      // of all parts, strongest first; of an unknown scene, the whole frame

  const PartJudgment &frame() const { return parts[strongest]; }
};

// threshold: the model's for the source of the frame, or one that replaces it; zones may have others.
Judgment judgment_of(const Detection &detection, std::optional<double> threshold);

}  // namespace uniad
