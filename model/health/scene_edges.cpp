// SPDX-License-Identifier: Apache-2.0
#include "model/health/scene_edges.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <utility>

namespace uniad {
namespace {

constexpr double found_similarity = 0.45;  // at least: the edges are the same
constexpr double in_place_pixels = 1.5;
constexpr double better_elsewhere = 0.15;  // another place must be more similar by this much
constexpr float steady_deviation = 12;     // levels; a pixel with this standard deviation has half the weight
constexpr double fewest_edges = 4;         // weighted standard deviation of the edges of a tile
constexpr int search_reach = 10;           // the reach of the search, in pixels at half the resolution
constexpr double agreement = 2.5;          // pixels; the largest deviation of a tile that a movement explains
constexpr double most_zoom = 1.2;
constexpr double most_turn = 0.35;  // radians

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// The position of the maximum of a parabola through three values at -1, 0 and 1.
double peak_of(double before, double at, double after) {
  const double bend = before - 2 * at + after;
  return bend < 0 ? std::clamp((before - after) / (2 * bend), -0.5, 0.5) : 0;
}

using TilePoint = std::complex<double>;

// The original position of a tile, and the position at which it was found.
struct FoundTile {
  TilePoint from;
  TilePoint to;
};

// The largest set of tiles that a single movement of the picture explains, to = zoom_and_turn * from + shift,
// among the movements that two tiles determine.
std::vector<FoundTile> agreeing(const std::vector<FoundTile> &all) {
  std::vector<FoundTile> best;
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = i + 1; j < all.size(); ++j) {
      const TilePoint zoom_and_turn = (all[i].to - all[j].to) / (all[i].from - all[j].from);
      const double zoom = std::abs(zoom_and_turn);
      if (zoom > most_zoom || zoom < 1 / most_zoom || std::abs(std::arg(zoom_and_turn)) > most_turn) continue;
      const TilePoint shift = all[i].to - zoom_and_turn * all[i].from;
      std::vector<FoundTile> explained;
      for (const FoundTile &tile : all)
        if (std::abs(zoom_and_turn * tile.from + shift - tile.to) <= agreement) explained.push_back(tile);
      if (explained.size() > best.size()) best = std::move(explained);
    }
  }
  return best;
}

}  // namespace

LumaPlane edges_to_match(const LumaPlane &picture) {
  return edges(smooth(picture));
}

SceneEdges::SceneEdges(const LumaPlane &mean, const LumaPlane &deviation) {
  full_.edges = edges_to_match(mean);
  full_.weights = deviation;
  for (float &weight : full_.weights.values) {
    const float ratio = weight / steady_deviation;
    weight = 1 / (1 + ratio * ratio);
  }
  half_ = {halve(full_.edges), halve(full_.weights)};
  for (int row = 0; row < columns; ++row) {
    for (int column = 0; column < columns; ++column) {
      const Tile tile{column * scene_side / columns, row * scene_side / columns,
                      (column + 1) * scene_side / columns, (row + 1) * scene_side / columns};
      double weight = 0;
      double sum = 0;
      double squares = 0;
      for (int y = tile.top; y < tile.bottom; ++y) {
        for (int x = tile.left; x < tile.right; ++x) {
          const double w = full_.weights.at(x, y);
          const double value = full_.edges.at(x, y);
          weight += w;
          sum += w * value;
          squares += w * value * value;
        }
      }
      const double variance = squares / weight - sum / weight * sum / weight;
      if (variance >= fewest_edges * fewest_edges) tiles_.push_back(tile);
    }
  }
}

// The weighted Pearson correlation of the tile with the picture at a displacement of (x, y); -1 if less than
// half of the tile is in the picture.
double SceneEdges::similarity(const Level &level, const LumaPlane &picture, const Tile &tile, int x, int y) {
  const int left = std::max(tile.left, -x);
  const int right = std::min(tile.right, level.edges.width - x);
  const int top = std::max(tile.top, -y);
  const int bottom = std::min(tile.bottom, level.edges.height - y);
  if (2 * (right - left) * (bottom - top) < (tile.right - tile.left) * (tile.bottom - tile.top) ||
      right <= left || bottom <= top)
    return -1;
  float weights = 0, sum_a = 0, sum_b = 0, squares_a = 0, squares_b = 0, products = 0;
  const auto width = static_cast<std::size_t>(level.edges.width);
  for (int row = top; row < bottom; ++row) {
    const std::size_t at = static_cast<std::size_t>(row) * width + static_cast<std::size_t>(left);
    const float *a = level.edges.values.data() + at;
    const float *w = level.weights.values.data() + at;
    const float *b = picture.values.data() + static_cast<std::size_t>(row + y) * width + (left + x);
    for (int i = 0; i < right - left; ++i) {
      const float wa = w[i] * a[i];
      const float wb = w[i] * b[i];
      weights += w[i];
      sum_a += wa;
      sum_b += wb;
      squares_a += wa * a[i];
      squares_b += wb * b[i];
      products += wa * b[i];
    }
  }
  const double variance_a = squares_a - sum_a * sum_a / weights;
  const double variance_b = squares_b - sum_b * sum_b / weights;
  const double least = 0.25 * weights;
  if (!(variance_a > least && variance_b > least)) return 0;
  return (products - sum_a * sum_b / weights) / std::sqrt(variance_a * variance_b);
}

// The most similar position near (x, y), with subpixel accuracy: moves uphill until no neighbor is more
// similar.
SceneEdges::Place SceneEdges::refine(const LumaPlane &picture, const Tile &tile, int x, int y) const {
  constexpr int most_steps = 4;
  Place best{0, 0, similarity(full_, picture, tile, x, y)};
  int best_x = x;
  int best_y = y;
  for (int step = 0; step < most_steps; ++step) {
    const int middle_x = best_x;
    const int middle_y = best_y;
    for (int dy = -1; dy <= 1; ++dy) {
      for (int dx = -1; dx <= 1; ++dx) {
        const double value = similarity(full_, picture, tile, middle_x + dx, middle_y + dy);
        if (value <= best.similarity) continue;
        best.similarity = value;
        best_x = middle_x + dx;
        best_y = middle_y + dy;
      }
    }
    if (best_x == middle_x && best_y == middle_y) break;
  }
  const auto at = [&](int dx, int dy) { return similarity(full_, picture, tile, best_x + dx, best_y + dy); };
  best.x = best_x + peak_of(at(-1, 0), best.similarity, at(1, 0));
  best.y = best_y + peak_of(at(0, -1), best.similarity, at(0, 1));
  return best;
}

SceneEdges::Place SceneEdges::search(const LumaPlane &picture, const LumaPlane &half_picture,
                                     const Tile &tile) const {
  const Tile half{tile.left / 2, tile.top / 2, tile.right / 2, tile.bottom / 2};
  double best = -2;
  int best_x = 0;
  int best_y = 0;
  for (int y = -search_reach; y <= search_reach; ++y) {
    for (int x = -search_reach; x <= search_reach; ++x) {
      const double value = similarity(half_, half_picture, half, x, y);
      if (value <= best) continue;
      best = value;
      best_x = x;
      best_y = y;
    }
  }
  return refine(picture, tile, 2 * best_x, 2 * best_y);
}

SceneMatch SceneEdges::find(const LumaPlane &picture, bool search_elsewhere) const {
  SceneMatch match;
  match.tiles = static_cast<int>(tiles_.size());
  const LumaPlane half_picture = search_elsewhere ? halve(picture) : LumaPlane{};
  std::vector<double> similarities;
  std::vector<FoundTile> found;
  for (const Tile &tile : tiles_) {
    Place place = refine(picture, tile, 0, 0);
    similarities.push_back(place.similarity);
    if (search_elsewhere && place.similarity < sure_scene_similarity) {
      const Place other = search(picture, half_picture, tile);
      if (other.similarity >= std::max(found_similarity, place.similarity + better_elsewhere)) {
        place = other;
      }
    }
    if (place.similarity < found_similarity) continue;
    if (std::hypot(place.x, place.y) <= in_place_pixels) ++match.in_place;
    const TilePoint from((tile.left + tile.right) / 2.0, (tile.top + tile.bottom) / 2.0);
    found.push_back({from, from + TilePoint(place.x, place.y)});
  }
  match.found = static_cast<int>(found.size());
  match.similarity = median(similarities);
  std::vector<double> xs;
  std::vector<double> ys;
  std::vector<double> lengths;
  for (const FoundTile &tile : agreeing(found)) {
    const TilePoint shift = (tile.to - tile.from) / static_cast<double>(scene_side);
    xs.push_back(shift.real());
    ys.push_back(shift.imag());
    lengths.push_back(std::abs(shift));
  }
  match.agreeing = static_cast<int>(lengths.size());
  match.shift_x = median(xs);
  match.shift_y = median(ys);
  match.shift = median(lengths);
  return match;
}

}  // namespace uniad
