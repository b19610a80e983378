// SPDX-License-Identifier: Apache-2.0
// Zones of a frame, and the cells of a grid that they cover.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/base/area.h"
#include "model/base/point.h"

namespace uniad {

enum class ZoneKind {
  Ignore,  // neither learned nor judged
  Watch,   // if there is one, only watch zones are judged
};

// A part of the frame. The polygon is closed, and its points are in 0..1 of the frame. If it intersects
// itself, the even-odd rule determines its interior.
struct Zone {
  std::string name;
  ZoneKind kind = ZoneKind::Ignore;
  std::vector<Point> polygon;
  std::optional<double> threshold;    // of a watch zone: replaces the model's; above 0
  std::optional<double> sensitivity;  // of a watch zone: divides the model's threshold; above 0

  bool operator==(const Zone &) const = default;
};

// A picture of any size that covers the whole frame and marks what is ignored.
struct MaskPicture {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> ignored;  // height x width, 0 or 1

  bool operator==(const MaskPicture &) const = default;
};

struct Zones {
  std::vector<Zone> zones;
  MaskPicture mask;  // width 0: there is none

  bool empty() const { return zones.empty() && mask.width == 0; }
  bool operator==(const Zones &) const = default;
};

// A set of cells of a grid.
struct CellMask {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> cells;  // height x width, 0 or 1

  bool at(int x, int y) const {
    return cells[static_cast<std::size_t>(y) * static_cast<std::size_t>(width) +
                 static_cast<std::size_t>(x)] != 0;
  }
  std::size_t count() const;
  bool operator==(const CellMask &) const = default;
};

// The share of each cell that is inside the polygon, 0 to 1, row-major, for cells that divide `area` evenly.
// Only the part of a cell that is in the frame counts; cells beyond the frame are treated like the nearest
// part of its edge. Exact along rows; along columns, the mean of 4 to 32 lines through each cell.
std::vector<double> share_inside(std::span<const Point> polygon, const Area &area, int width, int height);

// The same for everything that ignore zones and the mask cover together.
std::vector<double> share_ignored(const Zones &zones, const Area &area, int width, int height);

// The cells that are judged and learned, which are those of which less than half is ignored.
CellMask kept_cells(const Zones &zones, const Area &area, int width, int height);

// The cells of which at least half is inside the zone. If there are none, the cell that is covered most, so
// that a small zone still has an effect.
CellMask cells_of(const Zone &zone, const Area &area, int width, int height);

}  // namespace uniad
