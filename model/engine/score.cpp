// SPDX-License-Identifier: Apache-2.0
#include "model/engine/score.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "model/engine/tail.h"

namespace uniad {
namespace {

constexpr int cell = 16;  // input pixels a grid cell stands for, and the side of the pooling window

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

// Of one side of the frame: where its cells' area begins, and how long it is.
std::pair<double, double> side_of(int cells, double begin) {
  if (cells < 2) return {begin, 1};
  return {begin - 0.5 / (cells - 1), cells / (cells - 1.0)};
}

// What pooling windows `first` to `last` cover of a side of the frame, in the same way.
std::pair<float, float> part_of_frame(int first, int last, int cells, double begin) {
  const auto place = [&](int pixel) {
    return static_cast<float>(std::clamp(begin + static_cast<double>(pixel) / (cell * cells), 0.0, 1.0));
  };
  return {place(first), place(last + cell) - place(first)};
}

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

Scorer::Scorer(int width, int height, ScoreKind kind)
    : kind_(kind),
      vertical_(kind == ScoreKind::Max ? pooling(height) : interpolation(height, cell * height)),
      horizontal_(kind == ScoreKind::Max ? pooling(width) : interpolation(width, cell * width)) {}

float Scorer::score(const Grid &grid) {
  apply(vertical_, grid, horizontal_, rows_, map_);
  const std::vector<float> &values = map_.values;
  // (std::max_element passes over what is no number.)
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

std::vector<Region> regions(const Grid &grid, float threshold) {
  const Grid pooled = pooled_map(grid);
  std::vector<char> seen(pooled.values.size());
  std::vector<Region> found;
  std::vector<std::pair<int, int>> open;
  for (int start_y = 0; start_y < pooled.height; ++start_y) {
    for (int start_x = 0; start_x < pooled.width; ++start_x) {
      if (seen[index(start_y, start_x, pooled.width)] || !(pooled.at(start_x, start_y) >= threshold))
        continue;
      int left = start_x;
      int right = start_x;
      int top = start_y;
      int bottom = start_y;
      float score = pooled.at(start_x, start_y);
      seen[index(start_y, start_x, pooled.width)] = 1;
      open.assign(1, {start_x, start_y});
      while (!open.empty()) {
        const auto [x, y] = open.back();
        open.pop_back();
        left = std::min(left, x);
        right = std::max(right, x);
        top = std::min(top, y);
        bottom = std::max(bottom, y);
        score = std::max(score, pooled.at(x, y));
        for (int ny = std::max(y - 1, 0); ny <= std::min(y + 1, pooled.height - 1); ++ny) {
          for (int nx = std::max(x - 1, 0); nx <= std::min(x + 1, pooled.width - 1); ++nx) {
            char &mark = seen[index(ny, nx, pooled.width)];
            if (mark || !(pooled.at(nx, ny) >= threshold)) continue;
            mark = 1;
            open.emplace_back(nx, ny);
          }
        }
      }
      const auto [x, width] = part_of_frame(left, right, grid.width, grid.left);
      const auto [y, height] = part_of_frame(top, bottom, grid.height, grid.top);
      found.push_back({x, y, width, height, score});
    }
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const Region &a, const Region &b) { return a.score > b.score; });
  return found;
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
