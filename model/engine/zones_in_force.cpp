// SPDX-License-Identifier: Apache-2.0
#include "model/engine/zones_in_force.h"

#include <algorithm>
#include <utility>

namespace uniad {

ZonesInForce::ZonesInForce(Zones zones, const Grid &shape, ScoreKind kind)
    : grid_(std::make_shared<ZoneGrid>(zones_on(std::move(zones), shape))),
      learned_cells_(learned_cells(grid_->kept)) {
  for (const JudgedPart &part : grid_->parts) scorers_.emplace_back(part.cells, kind);
}

Scene ZonesInForce::scene_of(const RoutedGaussians &statistics, std::uint64_t number, const Tokens &tokens,
                             TokenGaussian::Scratch &scratch) {
  if (!grid_->ignores_any()) return statistics.scene_of(tokens.features, scratch);
  if (!scenes_ || scenes_of_ != number) scenes_ = statistics.scenes_over(grid_->kept.cells);
  scenes_of_ = number;
  return scenes_->nearest(tokens.features, scratch.descriptor);
}

void ZonesInForce::score(Detection &detection) {
  detection.zones = grid_;
  detection.part_scores.clear();
  for (Scorer &scorer : scorers_) detection.part_scores.push_back(scorer.score(detection.grid));
  detection.score = *std::max_element(detection.part_scores.begin(), detection.part_scores.end());
}

void ZonesInForce::fill_ignored(Tokens &tokens) const {
  for (std::size_t i = 0; i < learned_cells_.size(); ++i) {
    if (learned_cells_[i] == i) continue;
    for (std::vector<float> *values : {&tokens.features, &tokens.residuals}) {
      const auto channels = static_cast<std::ptrdiff_t>(values->size() / learned_cells_.size());
      std::copy_n(values->begin() + static_cast<std::ptrdiff_t>(learned_cells_[i]) * channels, channels,
                  values->begin() + static_cast<std::ptrdiff_t>(i) * channels);
    }
  }
}

}  // namespace uniad
