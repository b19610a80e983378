// SPDX-License-Identifier: Apache-2.0
#include "model/motion/activity.h"

#include <algorithm>
#include <cmath>

namespace uniad {
namespace {

constexpr int cells_a_block = StopClock::cells_a_block;
constexpr float moving_speed = 0.15F;  // in pixels; noise is at a third of it
constexpr float no_change = 1e-3F;     // of all cells: the picture is repeated
constexpr double least_stop = 0.5;     // that counts

// The highest speed in a block; below 0 if all of its cells are ignored.
float fastest_in(const MotionMap &map, int column, int row) {
  float fastest = -1;
  for (int y = row; y < std::min(row + cells_a_block, map.height); ++y) {
    const auto begin = map.speeds.begin() + static_cast<std::ptrdiff_t>(y) * map.width;
    fastest = std::max(
        fastest, *std::max_element(begin + column, begin + std::min(column + cells_a_block, map.width)));
  }
  return fastest;
}

// The standard deviation of the durations of stops, as a share of their mean.
double irregularity(const BlockActivity &block) {
  const double mean = block.stop_seconds / block.stops;
  return std::sqrt(std::max(block.stop_squares / block.stops - mean * mean, 0.0)) / mean;
}

}  // namespace

bool SceneActivity::add(const SceneActivity &other) {
  if (other.empty()) return true;
  if (empty()) {
    *this = other;
    return true;
  }
  if (width != other.width || height != other.height) return false;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    BlockActivity &own = blocks[i];
    const BlockActivity &added = other.blocks[i];
    own.watched += added.watched;
    own.moving += added.moving;
    own.longest_stop = std::max(own.longest_stop, added.longest_stop);
    own.stops += added.stops;
    own.stop_seconds += added.stop_seconds;
    own.stop_squares += added.stop_squares;
  }
  return true;
}

std::optional<double> longest_normal_stop(const BlockActivity &block) {
  constexpr double least_watched = 60;
  constexpr double always = 0.98;
  constexpr double fewest_stops = 20;
  constexpr double regular = 0.35;
  constexpr double margin = 3;
  constexpr double least = 5;
  if (block.watched < least_watched) return std::nullopt;
  const bool has_rhythm = block.stops >= fewest_stops && irregularity(block) <= regular;
  if (block.moving < always * block.watched && !has_rhythm) return std::nullopt;
  return std::max(margin * block.longest_stop, least);
}

std::span<const StopClock::Block> StopClock::add(const MotionMap &map, Time time) {
  const int width = (map.width + cells_a_block - 1) / cells_a_block;
  const int height = (map.height + cells_a_block - 1) / cells_a_block;
  const bool follows = newest_ && width == width_ && height == height_ && time > *newest_ &&
                       time - *newest_ <= NormalFlow::longest_step;
  if (!follows) {
    width_ = width;
    height_ = height;
    blocks_.assign(static_cast<std::size_t>(width) * static_cast<std::size_t>(height), {});
  }
  const bool repeats = std::ranges::all_of(map.speeds, [](float speed) { return speed < no_change; });
  step_ = follows && !repeats ? std::chrono::duration<double>(time - *newest_).count() : 0;
  newest_ = time;
  if (follows && repeats) return blocks_;
  std::size_t index = 0;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x, ++index) {
      Block &block = blocks_[index];
      const float speed = fastest_in(map, x * cells_a_block, y * cells_a_block);
      if (block.moves) block.stopped = 0;
      block.stopped += step_;
      block.is_kept = speed >= 0;
      block.moves = speed >= moving_speed;
    }
  }
  return blocks_;
}

void ActivityLearner::add(const MotionMap &map, StopClock::Time time) {
  const auto states = clock_.add(map, time);
  if (learned_.empty()) {
    learned_.width = clock_.width();
    learned_.height = clock_.height();
    learned_.blocks.resize(states.size());
  }
  const bool is_new = clock_.step() > 0;
  if (!is_new || learned_.width != clock_.width() || learned_.height != clock_.height()) return;
  for (std::size_t i = 0; i < states.size(); ++i) {
    const StopClock::Block &state = states[i];
    BlockActivity &block = learned_.blocks[i];
    if (!state.is_kept) continue;
    block.watched += clock_.step();
    if (state.moves) block.moving += clock_.step();
    block.longest_stop = std::max(block.longest_stop, state.stopped);
    if (!state.moves || state.stopped < least_stop) continue;
    block.stops += 1;
    block.stop_seconds += state.stopped;
    block.stop_squares += state.stopped * state.stopped;
  }
}

}  // namespace uniad
