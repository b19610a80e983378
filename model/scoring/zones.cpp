// SPDX-License-Identifier: Apache-2.0
#include "model/scoring/zones.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

namespace uniad {
namespace {

// Small cells need fewer lines each, which limits the cost of many points and many cells.
int lines_a_cell(int height) {
  return std::clamp(512 / height, 4, 32);
}

// An interval of a horizontal line, in 0..1 of the frame's width.
struct Stretch {
  double begin = 0, end = 0;
};

// Adds the intervals of the line at height y that are inside, by the even-odd rule.
void add_inside(std::span<const Point> polygon, double y, std::vector<Stretch> &stretches) {
  std::vector<double> crossings;
  for (std::size_t i = 0; i < polygon.size(); ++i) {
    const Point &from = polygon[i];
    const Point &to = polygon[(i + 1) % polygon.size()];
    if ((from.y <= y) == (to.y <= y)) continue;
    crossings.push_back(from.x + (y - from.y) / (to.y - from.y) * (to.x - from.x));
  }
  std::sort(crossings.begin(), crossings.end());
  for (std::size_t i = 0; i + 1 < crossings.size(); i += 2)
    stretches.push_back({crossings[i], crossings[i + 1]});
}

void add_ignored(const MaskPicture &mask, double y, std::vector<Stretch> &stretches) {
  if (mask.width == 0) return;
  const int row = std::clamp(static_cast<int>(y * mask.height), 0, mask.height - 1);
  const auto begin = mask.ignored.begin() + std::ptrdiff_t{row} * mask.width;
  const auto end = begin + mask.width;
  const auto place = [&](auto at) { return static_cast<double>(at - begin) / mask.width; };
  for (auto from = std::find(begin, end, 1); from != end;) {
    const auto to = std::find(from, end, 0);
    stretches.push_back({place(from), place(to)});
    from = std::find(to, end, 1);
  }
}

// Joins overlapping intervals.
void merge(std::vector<Stretch> &stretches) {
  std::sort(stretches.begin(), stretches.end(),
            [](const Stretch &a, const Stretch &b) { return a.begin < b.begin; });
  std::size_t kept = 0;
  for (const Stretch &next : stretches) {
    if (kept > 0 && next.begin <= stretches[kept - 1].end)
      stretches[kept - 1].end = std::max(stretches[kept - 1].end, next.end);
    else
      stretches[kept++] = next;
  }
  stretches.resize(kept);
}

// The edges of `cells` equal parts of a side, clipped to the frame. A part beyond the frame becomes a thin
// strip at its edge.
std::vector<Stretch> parts_of_side(double begin, double length, int cells) {
  constexpr double thin = 1e-6;
  std::vector<Stretch> parts;
  for (int i = 0; i < cells; ++i) {
    const double from = std::clamp(begin + length * i / cells, 0.0, 1.0 - thin);
    parts.push_back({from, std::clamp(begin + length * (i + 1) / cells, from + thin, 1.0)});
  }
  return parts;
}

// Adds to each column the share of it that the interval covers, times a weight.
void add_lengths(const Stretch &covered, const std::vector<Stretch> &columns, double weight, double *shares) {
  const auto first = std::upper_bound(columns.begin(), columns.end(), covered.begin,
                                      [](double x, const Stretch &column) { return x < column.end; });
  for (auto column = first; column != columns.end() && column->begin < covered.end; ++column) {
    const double length = std::min(column->end, covered.end) - std::max(column->begin, covered.begin);
    shares[column - columns.begin()] += weight * length / (column->end - column->begin);
  }
}

// lines(y, stretches): adds the covered intervals of the line at height y, which must not overlap.
std::vector<double> coverage(const Area &area, int width, int height,
                             const std::function<void(double, std::vector<Stretch> &)> &lines) {
  const std::vector<Stretch> columns = parts_of_side(area.x, area.width, width);
  const std::vector<Stretch> rows = parts_of_side(area.y, area.height, height);
  std::vector<double> shares(static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
  std::vector<Stretch> stretches;
  const int count = lines_a_cell(height);
  for (std::size_t y = 0; y < rows.size(); ++y) {
    for (int line = 0; line < count; ++line) {
      stretches.clear();
      lines(rows[y].begin + (rows[y].end - rows[y].begin) * (line + 0.5) / count, stretches);
      for (const Stretch &covered : stretches)
        add_lengths(covered, columns, 1.0 / count, shares.data() + y * columns.size());
    }
  }
  return shares;
}

// Because of rounding, sums of shares are slightly too small.
bool is_half(double share) {
  return share >= 0.5 - 1e-9;
}

Point middle_of(std::span<const Point> polygon) {
  const auto [left, right] = std::minmax_element(polygon.begin(), polygon.end(),
                                                 [](const Point &a, const Point &b) { return a.x < b.x; });
  const auto [top, bottom] = std::minmax_element(polygon.begin(), polygon.end(),
                                                 [](const Point &a, const Point &b) { return a.y < b.y; });
  return {(left->x + right->x) / 2, (top->y + bottom->y) / 2};
}

std::size_t cell_at(const Point &place, const Area &area, int width, int height) {
  const double x = std::clamp(area.column_at(place.x, width), 0.0, width - 1.0);
  const double y = std::clamp(area.row_at(place.y, height), 0.0, height - 1.0);
  return static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x);
}

template <typename Is>
CellMask mask_of(const std::vector<double> &shares, int width, int height, Is is) {
  CellMask mask{width, height, std::vector<std::uint8_t>(shares.size())};
  std::transform(shares.begin(), shares.end(), mask.cells.begin(),
                 [&](double share) { return static_cast<std::uint8_t>(is(share) ? 1 : 0); });
  return mask;
}

}  // namespace

std::size_t CellMask::count() const {
  return std::accumulate(cells.begin(), cells.end(), std::size_t{0});
}

std::vector<double> share_inside(std::span<const Point> polygon, const Area &area, int width, int height) {
  return coverage(area, width, height,
                  [&](double y, std::vector<Stretch> &stretches) { add_inside(polygon, y, stretches); });
}

std::vector<double> share_ignored(const Zones &zones, const Area &area, int width, int height) {
  return coverage(area, width, height, [&](double y, std::vector<Stretch> &stretches) {
    for (const Zone &zone : zones.zones)
      if (zone.kind == ZoneKind::Ignore) add_inside(zone.polygon, y, stretches);
    add_ignored(zones.mask, y, stretches);
    merge(stretches);
  });
}

CellMask kept_cells(const Zones &zones, const Area &area, int width, int height) {
  return mask_of(share_ignored(zones, area, width, height), width, height,
                 [](double share) { return !is_half(share); });
}

CellMask cells_of(const Zone &zone, const Area &area, int width, int height) {
  const std::vector<double> shares = share_inside(zone.polygon, area, width, height);
  CellMask mask = mask_of(shares, width, height, is_half);
  if (mask.count() > 0 || shares.empty()) return mask;
  const auto most = std::max_element(shares.begin(), shares.end());
  // A polygon that is so thin that no line crosses it has no share at all.
  const std::size_t cell = *most > 0 ? static_cast<std::size_t>(most - shares.begin())
                                     : cell_at(middle_of(zone.polygon), area, width, height);
  mask.cells[cell] = 1;
  return mask;
}

}  // namespace uniad
