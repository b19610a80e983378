// SPDX-License-Identifier: Apache-2.0
// Applies the zones of a detector to its frames.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "model/engine/backend/backend.h"
#include "model/engine/detector.h"
#include "model/scoring/zone_grid.h"
#include "model/statistics/routed_gaussians.h"

namespace uniad {

// The zones of a detector, with values that are computed once for all frames. Only one call at a time.
class ZonesInForce {
 public:
  // config: the model's.
  ZonesInForce(Zones zones, const ModelConfig &config);

  const std::shared_ptr<const ZoneGrid> &grid() const { return grid_; }

  // The scene of a frame, determined by the tokens that are not ignored. number: identifies the statistics;
  // it changes when they change.
  Scene scene_of(const RoutedGaussians &statistics, std::uint64_t number, const Tokens &tokens,
                 TokenGaussian::Scratch &scratch);

  // Scores each part of the detection's grid.
  void score(Detection &detection);

  // Sets up these pictures, which are run together, so that their ignored parts are painted.
  void paint(std::span<Picture> pictures);
  // Must be called after the pictures were run. Ignored parts are painted with what the very first picture
  // showed.
  void painted();

  const InputPaint &input_paint() const { return paint_; }

  // Replaces ignored tokens before the picture is learned from; see learned_cells().
  void fill_ignored(Tokens &tokens) const;

 private:
  std::shared_ptr<const ZoneGrid> grid_;
  std::vector<std::size_t> learned_cells_;
  InputPaint paint_;
  std::vector<InputPaint::Seen> seen_;  // for each of the pictures that are run
  std::vector<Scorer> scorers_;         // for each part
  std::optional<Scenes> scenes_;
  std::uint64_t scenes_of_ = 0;  // the number of the statistics
};

}  // namespace uniad
