// SPDX-License-Identifier: Apache-2.0
#include "model/scoring/score.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <numeric>
#include <utility>

#include "model/scoring/extreme_value.h"
#include "model/scoring/levels.h"

namespace uniad {
namespace {

constexpr int cell = 16;  // input pixels per grid cell, and the side of the pooling window

// A peak is a region of its own, not a bump on the slope of a higher one, if the map between them falls to
// this fraction of it.
constexpr float apart = 0.85F;

}  // namespace

std::vector<Band> interpolation(int from, int to, double begin) {
  std::vector<Band> bands(static_cast<std::size_t>(to));
  const double step = to > 1 ? static_cast<double>(from - 1) / (to - 1) : 0.0;
  const double first = -begin * (from - 1);
  for (int i = 0; i < to; ++i) {
    Band &band = bands[static_cast<std::size_t>(i)];
    const double position = std::clamp(first + i * step, 0.0, from - 1.0);
    band.first = std::min(static_cast<int>(position), from - 1);
    band.count = band.first + 1 < from ? 2 : 1;
    if (band.count == 2) band.weights[1] = position - band.first;
    band.weights[0] = 1.0 - band.weights[1];
  }
  return bands;
}

std::vector<Band> pooling(int from) {
  const std::vector<Band> fine = interpolation(from, cell * from);
  std::vector<Band> bands(fine.size() - cell + 1);
  for (std::size_t i = 0; i < bands.size(); ++i) {
    Band &band = bands[i];
    band.first = fine[i].first;
    for (std::size_t k = i; k < i + cell; ++k) {
      for (int c = 0; c < fine[k].count; ++c) {
        const int at = fine[k].first + c - band.first;
        band.weights[static_cast<std::size_t>(at)] += fine[k].weights[static_cast<std::size_t>(c)] / cell;
        band.count = std::max(band.count, at + 1);
      }
    }
  }
  return bands;
}

namespace {

std::size_t index(std::int64_t row, std::int64_t column, std::int64_t columns) {
  return static_cast<std::size_t>(row * columns + column);
}

// vertical * grid * horizontal^T. rows: horizontal.size() x grid.height, the result of the first step.
void apply(const std::vector<Band> &vertical, const Grid &grid, const std::vector<Band> &horizontal,
           std::vector<float> &rows, Grid &result) {
  result.width = static_cast<int>(horizontal.size());
  result.height = static_cast<int>(vertical.size());
  rows.resize(index(grid.height, 0, result.width));
  result.values.resize(index(result.height, 0, result.width));
  for (int y = 0; y < grid.height; ++y) {
    for (int x = 0; x < result.width; ++x) {
      const Band &band = horizontal[static_cast<std::size_t>(x)];
      double sum = 0;
      for (int k = 0; k < band.count; ++k)
        sum += band.weights[static_cast<std::size_t>(k)] * static_cast<double>(grid.at(band.first + k, y));
      rows[index(y, x, result.width)] = static_cast<float>(sum);
    }
  }
  for (int y = 0; y < result.height; ++y) {
    const Band &band = vertical[static_cast<std::size_t>(y)];
    float *to = result.values.data() + index(y, 0, result.width);
    std::fill(to, to + result.width, 0.0F);
    for (int k = 0; k < band.count; ++k) {
      const auto weight = static_cast<float>(band.weights[static_cast<std::size_t>(k)]);
      const float *from = rows.data() + index(band.first + k, 0, result.width);
      for (int x = 0; x < result.width; ++x) to[x] += weight * from[x];
    }
  }
}

// The beginning and the length of the cells' area along one side of the frame.
std::pair<double, double> side_of(int cells, double begin) {
  if (cells < 2) return {begin, 1};
  return {begin - 0.5 / (cells - 1), cells / (cells - 1.0)};
}

// The part of one side of the frame that the pooling windows `first` to `last` cover, without `inset` pixels
// at either end, but at least one cell. At the frame's own edges, nothing is removed.
std::pair<float, float> part_of_frame(int first, int last, double inset, int cells, double begin) {
  const double length = cell * cells;
  double from = first;
  double to = last + cell;
  inset = std::min(inset, (to - from - cell) / 2);
  if (first > 0) from += inset;
  if (to < length) to -= inset;
  const auto place = [&](double pixel) {
    return static_cast<float>(std::clamp(begin + pixel / length, 0.0, 1.0));
  };
  return {place(from), place(to) - place(from)};
}

// A peak of the pooled map with the places around it that belong to it.
struct Hill {
  float peak = 0;
  float level = 0;  // the value of the lowest place
  int left = 0, right = 0, top = 0, bottom = 0;
  std::size_t joined = 0;  // the hill that it was merged into, or itself
  bool is_region = true;

  bool reaches_down_to(float value) const { return value >= region_foot * peak; }
  void include(const Hill &other) {
    left = std::min(left, other.left);
    right = std::max(right, other.right);
    top = std::min(top, other.top);
    bottom = std::max(bottom, other.bottom);
    level = std::min(level, other.level);
  }
};

// The receptive field of a feature is larger than its cell, so the map also rises around a defect. At the
// foot of a hill, the inner edges of the pooling windows are closest to the edges of the defect. The peak
// itself represents its whole window.
double inset(const Hill &hill) {
  if (!(hill.peak > 0)) return 0;
  return std::clamp((1 - static_cast<double>(hill.level / hill.peak)) / (1 - region_foot), 0.0, 1.0) * cell;
}

// Grows hills from the places of a map, processed in descending order.
class Hills {
 public:
  Hills(int columns, int rows) : columns_(columns), rows_(rows), hill_at_(index(rows, 0, columns), none) {}

  void add(std::size_t place, float value) {
    const int x = static_cast<int>(place) % columns_;
    const int y = static_cast<int>(place) / columns_;
    std::size_t here = none;
    for (int ny = std::max(y - 1, 0); ny <= std::min(y + 1, rows_ - 1); ++ny) {
      for (int nx = std::max(x - 1, 0); nx <= std::min(x + 1, columns_ - 1); ++nx) {
        const std::size_t hill = hill_at_[index(ny, nx, columns_)];
        if (hill == none) continue;
        here = here == none ? whole(hill) : meet(here, whole(hill), value);
      }
    }
    const Hill single{value, value, x, x, y, y, hills_.size()};
    if (here == none) {
      here = hills_.size();
      hills_.push_back(single);
    } else if (hills_[here].reaches_down_to(value)) {
      hills_[here].include(single);
    }
    hill_at_[place] = here;
  }

  std::vector<Hill> regions() const {
    std::vector<Hill> result;
    std::copy_if(hills_.begin(), hills_.end(), std::back_inserter(result),
                 [](const Hill &hill) { return hill.is_region; });
    return result;
  }

 private:
  static constexpr auto none = static_cast<std::size_t>(-1);

  std::size_t whole(std::size_t hill) {
    while (hills_[hill].joined != hill) hill = hills_[hill].joined = hills_[hills_[hill].joined].joined;
    return hill;
  }

  // Two hills meet at `value`. Returns the higher one, which continues to grow.
  std::size_t meet(std::size_t a, std::size_t b, float value) {
    if (a == b) return a;
    if (hills_[a].peak < hills_[b].peak) std::swap(a, b);
    Hill &higher = hills_[a];
    Hill &lower = hills_[b];
    lower.joined = a;
    const bool tops_of_one = higher.reaches_down_to(value);
    if (tops_of_one) higher.include(lower);
    lower.is_region = !tops_of_one && value <= apart * lower.peak;
    return a;
  }

  int columns_, rows_;
  std::vector<std::size_t> hill_at_;
  std::vector<Hill> hills_;
};

Grid applied(const std::vector<Band> &vertical, const Grid &grid, const std::vector<Band> &horizontal) {
  std::vector<float> rows;
  Grid result;
  apply(vertical, grid, horizontal, rows, result);
  return result;
}

}  // namespace

Area area_of(const Grid &grid) {
  const auto [x, width] = side_of(grid.width, grid.left);
  const auto [y, height] = side_of(grid.height, grid.top);
  return {x, y, width, height};
}

Grid upsample(const Grid &grid, int width, int height) {
  return applied(interpolation(grid.height, height, grid.top), grid,
                 interpolation(grid.width, width, grid.left));
}

Grid pooled_map(const Grid &grid) {
  return applied(pooling(grid.height), grid, pooling(grid.width));
}

namespace {

// The input that is nearest to the center of an output.
int nearest(const Band &band) {
  double middle = 0;
  for (int k = 0; k < band.count; ++k) middle += k * band.weights[static_cast<std::size_t>(k)];
  return band.first + std::min(static_cast<int>(std::lround(middle)), band.count - 1);
}

// The grid with zeros outside the mask.
void keep(const Grid &grid, const CellMask &mask, Grid &kept) {
  kept.width = grid.width;
  kept.height = grid.height;
  kept.values.resize(grid.values.size());
  for (std::size_t i = 0; i < grid.values.size(); ++i)
    kept.values[i] = mask.cells[i] != 0 ? grid.values[i] : 0.0F;
}

// For each place of the map, the share that is on the mask; 0 if the nearest cell is not.
Grid weights_of(const CellMask &mask, const std::vector<Band> &vertical,
                const std::vector<Band> &horizontal) {
  const Grid ones{mask.width, mask.height, std::vector<float>(mask.cells.begin(), mask.cells.end())};
  Grid weights = applied(vertical, ones, horizontal);
  for (int y = 0; y < weights.height; ++y)
    for (int x = 0; x < weights.width; ++x)
      if (!mask.at(nearest(horizontal[static_cast<std::size_t>(x)]),
                   nearest(vertical[static_cast<std::size_t>(y)])))
        weights.values[index(y, x, weights.width)] = 0;
  return weights;
}

}  // namespace

Grid pooled_map(const Grid &grid, const CellMask &mask) {
  const std::vector<Band> vertical = pooling(grid.height);
  const std::vector<Band> horizontal = pooling(grid.width);
  const Grid weights = weights_of(mask, vertical, horizontal);
  Grid kept;
  keep(grid, mask, kept);
  Grid map = applied(vertical, kept, horizontal);
  for (std::size_t i = 0; i < map.values.size(); ++i)
    map.values[i] =
        weights.values[i] > 0 ? map.values[i] / weights.values[i] : -std::numeric_limits<float>::infinity();
  return map;
}

Scorer::Scorer(int width, int height, ScoreKind kind)
    : kind_(kind),
      vertical_(kind == ScoreKind::Max ? pooling(height) : interpolation(height, cell * height)),
      horizontal_(kind == ScoreKind::Max ? pooling(width) : interpolation(width, cell * width)) {}

Scorer::Scorer(CellMask mask, ScoreKind kind) : Scorer(mask.width, mask.height, kind) {
  const Grid weights = weights_of(mask, vertical_, horizontal_);
  for (std::size_t i = 0; i < weights.values.size(); ++i)
    if (weights.values[i] > 0) places_.push_back({i, weights.values[i]});
  mask_ = std::move(mask);
}

float Scorer::score(const Grid &grid) {
  if (mask_.width == 0) {
    apply(vertical_, grid, horizontal_, rows_, map_);
    return score_of(map_.values);
  }
  if (places_.empty()) return 0;
  keep(grid, mask_, masked_);
  apply(vertical_, masked_, horizontal_, rows_, map_);
  scored_.clear();
  for (const Place &place : places_) scored_.push_back(map_.values[place.index] / place.weight);
  return score_of(scored_);
}

float Scorer::score_of(const std::vector<float> &values) const {
  // (std::max_element skips NaN.)
  const auto count = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  if (kind_ == ScoreKind::Max)
    return std::isfinite(mean) ? *std::max_element(values.begin(), values.end()) : static_cast<float>(mean);
  if (kind_ == ScoreKind::Mean) return static_cast<float>(mean);
  const double squares = std::accumulate(values.begin(), values.end(), 0.0, [mean](double sum, float value) {
    return sum + (static_cast<double>(value) - mean) * (static_cast<double>(value) - mean);
  });
  return static_cast<float>(std::sqrt(squares / count));
}

float image_score(const Grid &grid, ScoreKind kind) {
  return Scorer(grid.width, grid.height, kind).score(grid);
}

namespace {

// grid: only its shape and position are used.
std::vector<Region> regions_of(const Grid &pooled, const Grid &grid, float threshold) {
  std::vector<std::pair<float, std::size_t>> places;  // negated values, so that the highest come first
  for (std::size_t i = 0; i < pooled.values.size(); ++i)
    if (pooled.values[i] >= threshold) places.emplace_back(-pooled.values[i], i);
  std::sort(places.begin(), places.end());
  Hills hills(pooled.width, pooled.height);
  for (const auto &[depth, place] : places) hills.add(place, -depth);

  std::vector<Region> found;
  for (const Hill &hill : hills.regions()) {
    const auto [x, width] = part_of_frame(hill.left, hill.right, inset(hill), grid.width, grid.left);
    const auto [y, height] = part_of_frame(hill.top, hill.bottom, inset(hill), grid.height, grid.top);
    found.push_back({x, y, width, height, hill.peak});
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const Region &a, const Region &b) { return a.score > b.score; });
  return found;
}

}  // namespace

std::vector<Region> regions(const Grid &grid, float threshold) {
  return regions_of(pooled_map(grid), grid, threshold);
}

std::vector<Region> regions(const Grid &grid, const CellMask &mask, float threshold) {
  return regions_of(pooled_map(grid, mask), grid, threshold);
}

double probability(double score, double threshold, const ScoreStatistics *normal) {
  double scale = 0;
  if (normal != nullptr && normal->tail) scale = mean_excess(*normal->tail);
  if (normal != nullptr && !(scale > 0)) scale = normal->standard_deviation;
  if (!(scale > 0)) scale = std::abs(threshold) / 10;
  scale = std::max({scale, std::abs(threshold) / 400, 1e-6});
  return 1.0 / (1.0 + std::exp(-(score - threshold) / scale));
}

}  // namespace uniad
