// SPDX-License-Identifier: Apache-2.0
#include "model/engine/zones_in_force.h"

#include <algorithm>
#include <utility>

#include "model/scoring/anomaly_map.h"

namespace uniad {

ZonesInForce::ZonesInForce(Zones zones, const ModelConfig &config)
    : grid_(std::make_shared<ZoneGrid>(zones_on(std::move(zones), shape_of_grids(config)))),
      learned_cells_(learned_cells(grid_->kept)),
      paint_(grid_->zones, config.input.width, config.input.height) {
  for (const JudgedPart &part : grid_->parts) scorers_.emplace_back(part.cells, config.score);
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

void ZonesInForce::paint(std::span<Picture> pictures) {
  if (!paint_.ignores_any()) return;
  seen_.resize(pictures.size());
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    seen_[i].ignored.clear();
    pictures[i].paint = &paint_;
    pictures[i].seen = &seen_[i];
  }
}

void ZonesInForce::painted() {
  for (const InputPaint::Seen &seen : seen_) paint_.remember(seen);
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
