// SPDX-License-Identifier: Apache-2.0
#include "model/engine/judgment.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace uniad {
namespace {

// The places of the map that reach this are shown: the threshold or, if only the picture as a whole lifted
// the score above it, the highest place.
float shown_level(const Detection &detection, float score, double threshold) {
  constexpr float rounding = 1e-4F;
  const float highest = score - detection.image_part;
  return std::min(static_cast<float>(threshold), highest * (1 - rounding));
}

bool raised_as_a_whole(const Detection &detection, double threshold) {
  return raised_by(detection, threshold) == RaisedBy::Image;
}

PartJudgment judge_frame(const Detection &detection, std::optional<double> threshold) {
  const double score = detection.score;
  PartJudgment part{"", score, threshold, threshold && score >= *threshold, {}};
  if (part.anomalous && !raised_as_a_whole(detection, *threshold))
    part.regions = regions(detection.grid, shown_level(detection, detection.score, *threshold));
  return part;
}

PartJudgment judge_part(const Detection &detection, std::size_t number, std::optional<double> of_model) {
  const JudgedPart &zone = detection.zones->parts[number];
  const double score = detection.part_scores[number];
  const std::optional<double> threshold = zone.threshold_by(of_model);
  PartJudgment part{zone.name, score, threshold, threshold && score >= *threshold, {}};
  if (part.anomalous && !raised_as_a_whole(detection, *threshold))
    part.regions = regions(detection.grid, zone.cells,
                           shown_level(detection, detection.part_scores[number], *threshold));
  for (Region &region : part.regions) region.zone = zone.name;
  return part;
}

// Parts without a threshold come after those that have one.
bool is_weaker(const PartJudgment &a, const PartJudgment &b) {
  if (a.threshold.has_value() != b.threshold.has_value()) return b.threshold.has_value();
  if (!a.threshold) return a.score < b.score;
  return a.score * *b.threshold < b.score * *a.threshold;
}

}  // namespace

bool Detection::anomalous(std::optional<double> threshold) const {
  const Judgment judgment = judgment_of(*this, threshold);
  return judgment.anomalous;
}

Judgment judgment_of(const Detection &detection, std::optional<double> threshold) {
  Judgment judgment;
  const std::size_t parts = detection.zones ? detection.zones->parts.size() : 0;
  for (std::size_t i = 0; i < parts; ++i) judgment.parts.push_back(judge_part(detection, i, threshold));
  if (parts == 0) judgment.parts.push_back(judge_frame(detection, threshold));
  for (PartJudgment &part : judgment.parts) {
    // The picture as a whole, or a mean or standard deviation of the map, can reach a threshold that no
    // single place of it does.
    if (part.anomalous && part.regions.empty())
      part.regions = {{0, 0, 1, 1, static_cast<float>(part.score), part.zone}};
    judgment.anomalous = judgment.anomalous || part.anomalous;
    judgment.regions.insert(judgment.regions.end(), part.regions.begin(), part.regions.end());
  }
  std::stable_sort(judgment.regions.begin(), judgment.regions.end(),
                   [](const Region &a, const Region &b) { return a.score > b.score; });
  const auto strongest = std::max_element(judgment.parts.begin(), judgment.parts.end(), is_weaker);
  judgment.strongest = static_cast<std::size_t>(strongest - judgment.parts.begin());
  if (judgment.frame().anomalous) judgment.raised_by = raised_by(detection, *judgment.frame().threshold);
  if (!judgment.frame().threshold || !detection.unknown_scene()) return judgment;
  judgment.anomalous = true;
  judgment.regions = {{0, 0, 1, 1, detection.score, ""}};
  return judgment;
}

}  // namespace uniad
