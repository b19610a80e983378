// SPDX-License-Identifier: Apache-2.0
#include "model/engine/score.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace uniad {
namespace {

constexpr int cell = 16;  // input pixels a grid cell stands for, and the side of the pooling window

std::size_t index(std::int64_t row, std::int64_t column, std::int64_t columns) {
  return static_cast<std::size_t>(row * columns + column);
}

// rows x columns, row-major.
struct Matrix {
  int rows = 0;
  int columns = 0;
  std::vector<double> values;
  Matrix(int r, int c) : rows(r), columns(c), values(index(r, 0, c)) {}
  double &at(int r, int c) { return values[index(r, c, columns)]; }
  double at(int r, int c) const { return values[index(r, c, columns)]; }
};

// Bilinear interpolation of `from` samples to `to`, corners aligned.
Matrix interpolation(int from, int to) {
  Matrix matrix(to, from);
  const double step = to > 1 ? static_cast<double>(from - 1) / (to - 1) : 0.0;
  for (int i = 0; i < to; ++i) {
    const double position = i * step;
    const int low = std::min(static_cast<int>(position), from - 1);
    const int high = std::min(low + 1, from - 1);
    matrix.at(i, low) += 1.0 - (position - low);
    matrix.at(i, high) += position - low;
  }
  return matrix;
}

// Interpolation to 16 times the size, then the mean of every 16 neighbours.
Matrix pooling(int from) {
  const Matrix fine = interpolation(from, cell * from);
  Matrix matrix(cell * from - cell + 1, from);
  for (int i = 0; i < matrix.rows; ++i) {
    for (int k = 0; k < cell; ++k) {
      for (int c = 0; c < from; ++c) matrix.at(i, c) += fine.at(i + k, c) / cell;
    }
  }
  return matrix;
}

// vertical * grid * horizontal^T. Each row of the matrices has two or three neighbouring entries that are not
// zero.
Grid apply(const Matrix &vertical, const Grid &grid, const Matrix &horizontal) {
  Grid rows{grid.width, vertical.rows, std::vector<float>(index(vertical.rows, 0, grid.width))};
  for (int y = 0; y < vertical.rows; ++y) {
    for (int k = 0; k < vertical.columns; ++k) {
      const double weight = vertical.at(y, k);
      if (weight == 0.0) continue;
      for (int x = 0; x < grid.width; ++x) {
        rows.values[index(y, x, grid.width)] +=
            static_cast<float>(weight * static_cast<double>(grid.at(x, k)));
      }
    }
  }
  Grid result{horizontal.rows, vertical.rows, std::vector<float>(index(vertical.rows, 0, horizontal.rows))};
  for (int x = 0; x < horizontal.rows; ++x) {
    for (int k = 0; k < horizontal.columns; ++k) {
      const double weight = horizontal.at(x, k);
      if (weight == 0.0) continue;
      for (int y = 0; y < vertical.rows; ++y) {
        result.values[index(y, x, result.width)] +=
            static_cast<float>(weight * static_cast<double>(rows.at(k, y)));
      }
    }
  }
  return result;
}

}  // namespace

Grid upsample(const Grid &grid, int width, int height) {
  return apply(interpolation(grid.height, height), grid, interpolation(grid.width, width));
}

Grid pooled_map(const Grid &grid) {
  return apply(pooling(grid.height), grid, pooling(grid.width));
}

float image_score(const Grid &grid, ScoreKind kind) {
  if (kind == ScoreKind::Max) {
    const Grid pooled = pooled_map(grid);
    return *std::max_element(pooled.values.begin(), pooled.values.end());
  }
  const Grid map = upsample(grid, cell * grid.width, cell * grid.height);
  const auto count = static_cast<double>(map.values.size());
  const double mean = std::accumulate(map.values.begin(), map.values.end(), 0.0) / count;
  if (kind == ScoreKind::Mean) return static_cast<float>(mean);
  const double squares =
      std::accumulate(map.values.begin(), map.values.end(), 0.0, [mean](double sum, float v) {
        return sum + (static_cast<double>(v) - mean) * (static_cast<double>(v) - mean);
      });
  return static_cast<float>(std::sqrt(squares / count));
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
      const auto frame_width = static_cast<float>(cell * grid.width);
      const auto frame_height = static_cast<float>(cell * grid.height);
      found.push_back({static_cast<float>(left) / frame_width, static_cast<float>(top) / frame_height,
                       static_cast<float>(right - left + cell) / frame_width,
                       static_cast<float>(bottom - top + cell) / frame_height, score});
    }
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const Region &a, const Region &b) { return a.score > b.score; });
  return found;
}

double probability(double score, double threshold, const ScoreStatistics *normal) {
  double spread = normal != nullptr ? (threshold - normal->mean) / 4 : 0.0;
  if (!(spread > 0)) spread = std::max(std::abs(threshold) / 10, 1e-6);
  return 1.0 / (1.0 + std::exp(-(score - threshold) / spread));
}

}  // namespace uniad
