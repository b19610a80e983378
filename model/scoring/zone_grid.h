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

// A part of the frame that is judged separately: a watch zone or, if there is none, everything that is not
// ignored.
struct JudgedPart {
  std::string name;  // name of the zone; empty: not a zone
  std::optional<double> threshold;
  double sensitivity = 1;
  CellMask cells;  // without ignored cells

  // The zone's own threshold, or the model's divided by the sensitivity; absent if there is neither.
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
ZoneGrid zones_on(Zones zones, const Area &area, int width, int height);

// Whether parts of the frame are judged separately; `zones` may be null. The distance of the picture as a
// whole (image_term.h) is then no part of any score, because it cannot tell in which zone something happens.
bool has_watch_zones(const ZoneGrid *zones);

// Whether some part contains this cell, by its index in the grid.
bool is_judged(const ZoneGrid &zones, std::size_t cell);

// For each pixel of a frame of this size, row-major: 1 if the cell that it lies in is judged, otherwise 0.
std::vector<std::uint8_t> judged_pixels(const ZoneGrid &zones, const Grid &shape, int width, int height);

// Sets the cells of a grid that are not judged to 0, so that a heatmap shows nothing there.
void clear_unjudged(const ZoneGrid &zones, Grid &grid);

// For each cell, the index of the cell whose token is learned in its place: the cell itself if it is kept,
// otherwise one of the kept cells, in rotation. So no ignored token is learned, and the mean and the
// covariance of kept tokens do not change. Empty if none or all cells are ignored.
std::vector<std::size_t> learned_cells(const CellMask &kept);

// Warnings for the user about zones in which nothing is judged; usually empty.
std::vector<std::string> warnings_about(const ZoneGrid &zones);

// The highest score of any part, from which thresholds are computed. For grids with the shape of `zones`.
float image_score(const Grid &grid, const ZoneGrid &zones, ScoreKind kind);

}  // namespace uniad
