// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/drawing/smooth_map.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

namespace uniad {

namespace {

// The spline within a cell, from the coefficients of the previous cell, this cell and the next one. Beyond
// the edges, the caller repeats the outermost value.
SmoothMap::Parabola parabola(float before, float here, float after) {
  return {(before + here) / 2, here - before, (before + after) / 2 - here};
}

float at(const SmoothMap::Parabola &p, float t) {
  return p.a + t * (p.b + t * p.c);
}

// The surface at the corners of a lattice that is `steps` times as fine as the grid.
struct Lattice {
  int columns, rows;  // of corners
  std::vector<float> values;

  std::size_t index(int x, int y) const {
    return static_cast<std::size_t>(y) * static_cast<std::size_t>(columns) + static_cast<std::size_t>(x);
  }
  float value(int x, int y) const { return values[index(x, y)]; }
  Point position(double x, double y) const { return {x / (columns - 1), y / (rows - 1)}; }
};

// Samples about a hundred squares per side, so that the corners of a line are not visible at 1080 rows.
Lattice sample(const SmoothMap &map) {
  const int steps = std::clamp(112 / std::max(map.columns(), map.rows()), 1, 16);
  Lattice lattice{map.columns() * steps + 1, map.rows() * steps + 1, {}};
  lattice.values.reserve(static_cast<std::size_t>(lattice.columns) * static_cast<std::size_t>(lattice.rows));
  std::vector<float> coefficients(static_cast<std::size_t>(map.columns()));
  std::vector<SmoothMap::Parabola> parabolas(coefficients.size());
  for (int y = 0; y < lattice.rows; ++y) {
    map.section(static_cast<double>(y) / (lattice.rows - 1), coefficients, parabolas);
    for (int x = 0; x < lattice.columns; ++x) {
      const double column = std::clamp(map.column_at(static_cast<double>(x) / (lattice.columns - 1)), 0.0,
                                       static_cast<double>(map.columns()));
      const int cell = std::min(static_cast<int>(column), map.columns() - 1);
      lattice.values.push_back(
          at(parabolas[static_cast<std::size_t>(cell)], static_cast<float>(column - cell)));
    }
  }
  return lattice;
}

// Adds the segments of the line within the square whose upper left corner is (x, y). The line crosses the
// edges of the square at zero, two or four points.
void add_crossings(const Lattice &lattice, int x, int y, float level, std::vector<Segment> &segments) {
  constexpr std::array<std::pair<int, int>, 4> around{{{0, 0}, {1, 0}, {1, 1}, {0, 1}}};
  std::array<float, 4> corner{};
  int inside = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    corner[i] = lattice.value(x + around[i].first, y + around[i].second) - level;
    inside += corner[i] >= 0 ? 1 : 0;
  }
  if (inside == 0 || inside == 4) return;

  std::array<Point, 4> crossings{};
  std::size_t count = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const std::size_t next = (i + 1) % 4;
    if ((corner[i] >= 0) == (corner[next] >= 0)) continue;
    const double t = static_cast<double>(corner[i]) / (static_cast<double>(corner[i]) - corner[next]);
    crossings[count++] =
        lattice.position(x + around[i].first + t * (around[next].first - around[i].first),
                         y + around[i].second + t * (around[next].second - around[i].second));
  }
  if (count == 2) {
    segments.push_back({crossings[0], crossings[1]});
    return;
  }
  // A saddle: the value in the middle decides which two corners are connected.
  const bool middle_inside = corner[0] + corner[1] + corner[2] + corner[3] >= 0;
  const std::size_t first = (corner[0] >= 0) == middle_inside ? 0 : 1;
  segments.push_back({crossings[first], crossings[first + 1]});
  segments.push_back({crossings[first + 2], crossings[(first + 3) % 4]});
}

std::vector<Segment> line_at(const Lattice &lattice, float level) {
  std::vector<Segment> segments;
  for (int y = 0; y + 1 < lattice.rows; ++y)
    for (int x = 0; x + 1 < lattice.columns; ++x) add_crossings(lattice, x, y, level, segments);
  return segments;
}

// The corner with the largest value within the part of the frame, or the one at its center if no other value
// is larger.
std::size_t highest_corner(const Lattice &lattice, const Area &part) {
  const auto corner = [](double position, int count) {
    return static_cast<int>(std::clamp(position * (count - 1), 0.0, count - 1.0));
  };
  std::size_t highest = lattice.index(corner(part.x + part.width / 2, lattice.columns),
                                      corner(part.y + part.height / 2, lattice.rows));
  for (int y = corner(part.y, lattice.rows); y <= corner(part.y + part.height, lattice.rows); ++y)
    for (int x = corner(part.x, lattice.columns); x <= corner(part.x + part.width, lattice.columns); ++x)
      if (lattice.values[lattice.index(x, y)] > lattice.values[highest]) highest = lattice.index(x, y);
  return highest;
}

// The corners at or above the level that are connected to this one (8 neighbors).
std::vector<std::size_t> connected(const Lattice &lattice, std::size_t start, float level) {
  std::vector<char> seen(lattice.values.size());
  std::vector<std::size_t> found{start};
  seen[start] = 1;
  for (std::size_t next = 0; next < found.size(); ++next) {
    const int x = static_cast<int>(found[next]) % lattice.columns;
    const int y = static_cast<int>(found[next]) / lattice.columns;
    for (int ny = std::max(y - 1, 0); ny <= std::min(y + 1, lattice.rows - 1); ++ny) {
      for (int nx = std::max(x - 1, 0); nx <= std::min(x + 1, lattice.columns - 1); ++nx) {
        const std::size_t corner = lattice.index(nx, ny);
        if (seen[corner] != 0 || !(lattice.values[corner] >= level)) continue;
        seen[corner] = 1;
        found.push_back(corner);
      }
    }
  }
  return found;
}

}  // namespace

SmoothMap::SmoothMap(int columns, int rows, std::vector<float> values, const Area &area)
    : columns_(columns), rows_(rows), values_(std::move(values)), area_(area) {}

void SmoothMap::section(double v, std::span<float> coefficients, std::span<Parabola> parabolas) const {
  const double position = std::clamp(area_.row_at(v, rows_), 0.0, static_cast<double>(rows_));
  const int row = std::min(static_cast<int>(position), rows_ - 1);
  const auto t = static_cast<float>(position - row);
  const auto values_of = [this](int y) {
    return values_.data() + static_cast<std::ptrdiff_t>(std::clamp(y, 0, rows_ - 1)) * columns_;
  };
  const float *before = values_of(row - 1);
  const float *here = values_of(row);
  const float *after = values_of(row + 1);
  const auto columns = static_cast<std::size_t>(columns_);
  for (std::size_t x = 0; x < columns; ++x) coefficients[x] = at(parabola(before[x], here[x], after[x]), t);
  for (std::size_t x = 0; x < columns; ++x)
    parabolas[x] = parabola(coefficients[x == 0 ? 0 : x - 1], coefficients[x],
                            coefficients[std::min(x + 1, columns - 1)]);
}

std::vector<Segment> iso_line(const SmoothMap &map, float level) {
  const auto [lowest, highest] = std::minmax_element(map.values().begin(), map.values().end());
  if (map.values().empty() || *lowest >= level || *highest < level) return {};
  return line_at(sample(map), level);
}

std::vector<Segment> outline(const SmoothMap &map, float level, const Area &part) {
  if (map.values().empty()) return {};
  const Lattice lattice = sample(map);
  const std::size_t top = highest_corner(lattice, part);
  const float peak = lattice.values[top];
  std::vector<std::size_t> inside = connected(lattice, top, level);
  const auto reaches_higher = [&] {
    return std::any_of(inside.begin(), inside.end(),
                       [&](std::size_t corner) { return lattice.values[corner] > peak; });
  };
  for (int step = 0; step < 16 && reaches_higher(); ++step) {
    level += (peak - level) / 4;
    inside = connected(lattice, top, level);
  }
  if (!(peak >= level)) return {};
  Lattice alone = lattice;
  const float below = std::nextafter(level, -std::numeric_limits<float>::infinity());
  for (float &value : alone.values) value = std::min(value, below);
  for (const std::size_t corner : inside) alone.values[corner] = lattice.values[corner];
  return line_at(alone, level);
}

}  // namespace uniad
