// SPDX-License-Identifier: Apache-2.0
// Zones on the anomaly grid of a model.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/scoring/score.h"
#include "model/scoring/zones.h"

namespace uniad {

// A part of the frame that is judged by itself: a watch zone, or, where there is none, all that is not
// ignored.
struct JudgedPart {
  std::string name;  // of the zone; empty: it is not one
  std::optional<double> threshold;
  double sensitivity = 1;
  CellMask cells;  // without those that are ignored

  // The zone's own, or the model's divided by the sensitivity; absent without either.
  std::optional<double> threshold_by(std::optional<double> of_model) const;
};

struct ZoneGrid {
  Zones zones;
  CellMask kept;  // the cells that are not ignored
  std::vector<JudgedPart> parts;

  bool ignores_any() const { return kept.count() < kept.cells.size(); }
};

// shape: a grid of the model; its values do not matter.
ZoneGrid zones_on(Zones zones, const Grid &shape);

// Whether some part contains this cell, by its index in the grid.
bool is_judged(const ZoneGrid &zones, std::size_t cell);

// For each pixel of a frame of this size, row-major: 1 if the cell that it lies in is judged, otherwise 0.
std::vector<std::uint8_t> judged_pixels(const ZoneGrid &zones, const Grid &shape, int width, int height);

// Sets the cells of a grid that nothing judges to 0, so that what draws it draws nothing there.
void clear_unjudged(const ZoneGrid &zones, Grid &grid);

// For each cell, the one whose token is learned in its place: itself if it is kept, else one that is, each in
// turn. So nothing of what is ignored is learned, and the mean and the covariance of kept tokens stay as they
// are. Empty if none or all are ignored.
std::vector<std::size_t> learned_cells(const CellMask &kept);

// Sentences for the user about zones in which nothing is judged; mostly empty.
std::vector<std::string> warnings_about(const ZoneGrid &zones);

// The highest score of any part, by which thresholds are computed. For grids of the shape of `zones`.
float image_score(const Grid &grid, const ZoneGrid &zones, ScoreKind kind);

}  // namespace uniad
