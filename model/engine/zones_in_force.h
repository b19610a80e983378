// SPDX-License-Identifier: Apache-2.0
// Applies the zones of a detector to its frames.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "model/engine/backend/backend.h"
#include "model/engine/detector.h"
#include "model/scoring/zone_grid.h"
#include "model/statistics/routed_gaussians.h"

namespace uniad {

// The zones of a detector, with what is computed once for all frames. One call at a time.
class ZonesInForce {
 public:
  // shape: a grid of the model; its values do not matter.
  ZonesInForce(Zones zones, const Grid &shape, ScoreKind kind);

  const std::shared_ptr<const ZoneGrid> &grid() const { return grid_; }

  // The scene of a frame by the tokens that are not ignored. number: another one for other statistics.
  Scene scene_of(const RoutedGaussians &statistics, std::uint64_t number, const Tokens &tokens,
                 TokenGaussian::Scratch &scratch);

  // Scores each part of the detection's grid.
  void score(Detection &detection);

  // Replaces ignored tokens before the picture is learned; see learned_cells().
  void fill_ignored(Tokens &tokens) const;

 private:
  std::shared_ptr<const ZoneGrid> grid_;
  std::vector<std::size_t> learned_cells_;
  std::vector<Scorer> scorers_;  // of each part
  std::optional<Scenes> scenes_;
  std::uint64_t scenes_of_ = 0;  // the statistics' number
};

}  // namespace uniad
