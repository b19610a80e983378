// SPDX-License-Identifier: Apache-2.0
#include "model/scoring/zone_grid.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace uniad {
namespace {

CellMask both(CellMask a, const CellMask &b) {
  std::transform(a.cells.begin(), a.cells.end(), b.cells.begin(), a.cells.begin(),
                 [](std::uint8_t x, std::uint8_t y) { return static_cast<std::uint8_t>(x & y); });
  return a;
}

}  // namespace

std::optional<double> JudgedPart::threshold_by(std::optional<double> of_model) const {
  if (threshold) return threshold;
  if (of_model) return *of_model / sensitivity;
  return std::nullopt;
}

ZoneGrid zones_on(Zones zones, const Grid &shape) {
  return zones_on(std::move(zones), area_of(shape), shape.width, shape.height);
}

ZoneGrid zones_on(Zones zones, const Area &area, int width, int height) {
  ZoneGrid grid;
  grid.kept = kept_cells(zones, area, width, height);
  for (const Zone &zone : zones.zones) {
    if (zone.kind != ZoneKind::Watch) continue;
    grid.parts.push_back({zone.name, zone.threshold, zone.sensitivity.value_or(1),
                          both(cells_of(zone, area, width, height), grid.kept)});
  }
  if (grid.parts.empty()) grid.parts.push_back({"", std::nullopt, 1, grid.kept});
  grid.zones = std::move(zones);
  return grid;
}

bool has_watch_zones(const ZoneGrid *zones) {
  return zones != nullptr && (zones->parts.size() != 1 || !zones->parts.front().name.empty());
}

bool is_judged(const ZoneGrid &zones, std::size_t cell) {
  return std::any_of(zones.parts.begin(), zones.parts.end(),
                     [cell](const JudgedPart &part) { return part.cells.cells[cell] != 0; });
}

std::vector<std::uint8_t> judged_pixels(const ZoneGrid &zones, const Grid &shape, int width, int height) {
  const Area area = area_of(shape);
  const auto cell_at = [](int pixel, int pixels, double begin, double length, int cells) {
    const double place = ((pixel + 0.5) / pixels - begin) / length;
    return static_cast<std::size_t>(std::clamp(static_cast<int>(std::floor(place * cells)), 0, cells - 1));
  };
  std::vector<std::uint8_t> judged;
  judged.reserve(static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
  for (int y = 0; y < height; ++y) {
    const std::size_t row = cell_at(y, height, area.y, area.height, shape.height);
    for (int x = 0; x < width; ++x) {
      const std::size_t column = cell_at(x, width, area.x, area.width, shape.width);
      judged.push_back(is_judged(zones, row * static_cast<std::size_t>(shape.width) + column) ? 1 : 0);
    }
  }
  return judged;
}

void clear_unjudged(const ZoneGrid &zones, Grid &grid) {
  for (std::size_t i = 0; i < grid.values.size(); ++i)
    if (!is_judged(zones, i)) grid.values[i] = 0;
}

std::vector<std::size_t> learned_cells(const CellMask &kept) {
  std::vector<std::size_t> those;
  for (std::size_t i = 0; i < kept.cells.size(); ++i)
    if (kept.cells[i] != 0) those.push_back(i);
  if (those.empty() || those.size() == kept.cells.size()) return {};
  std::vector<std::size_t> learned(kept.cells.size());
  std::size_t next = 0;
  for (std::size_t i = 0; i < learned.size(); ++i)
    learned[i] = kept.cells[i] != 0 ? i : those[next++ % those.size()];
  return learned;
}

std::vector<std::string> warnings_about(const ZoneGrid &zones) {
  std::vector<std::string> warnings;
  for (const JudgedPart &part : zones.parts) {
    if (part.cells.count() > 0) continue;
    warnings.push_back(part.name.empty() ? "All of the frame is ignored: nothing is judged."
                                         : "All of the zone \"" + part.name +
                                               "\" is ignored by other zones or the mask: nothing is judged "
                                               "there.");
  }
  return warnings;
}

float image_score(const Grid &grid, const ZoneGrid &zones, ScoreKind kind) {
  float highest = 0;
  for (const JudgedPart &part : zones.parts)
    highest = std::max(highest, Scorer(part.cells, kind).score(grid));
  return highest;
}

}  // namespace uniad
