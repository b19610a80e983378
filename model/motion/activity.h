// SPDX-License-Identifier: Apache-2.0
// Which parts of a scene always move, or move at regular intervals, and for how long they have stood still.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "model/motion/normal_flow.h"

namespace uniad {

// How a block of the scene moves. Times are in seconds.
struct BlockActivity {
  double watched = 0;
  double moving = 0;
  double longest_stop = 0;
  // Of the stops that lasted half a second or longer and have ended:
  double stops = 0;
  double stop_seconds = 0;
  double stop_squares = 0;  // sum of the squares of their durations

  bool operator==(const BlockActivity &) const = default;
};

// The activity of each block of 4x4 cells of a motion map, row-major.
struct SceneActivity {
  int width = 0;
  int height = 0;
  std::vector<BlockActivity> blocks;

  bool empty() const { return blocks.empty(); }
  // Does nothing and returns false if both hold something and have different shapes.
  bool add(const SceneActivity &other);
  bool operator==(const SceneActivity &) const = default;
};

// For how many seconds the block may stand still; absent if stops say nothing. A block whose stops are
// reported was watched for a minute or longer. It either moved for 98 % of this time, or stopped 20 times or
// more for durations whose standard deviation is at most 0.35 of their mean, as a machine that works in
// cycles does: durations between passers-by vary by more. It may stand still three times as long as it ever
// did, and at least for 5 s.
std::optional<double> longest_normal_stop(const BlockActivity &block);

// Follows the stops in a stream of motion maps. Not thread-safe.
class StopClock {
 public:
  using Time = NormalFlow::Time;
  static constexpr int cells_a_block = 4;  // along each side
  struct Block {
    bool is_kept = false;  // not ignored
    bool moves = false;
    double stopped = 0;  // seconds since it last moved; if it moves, until now
  };

  // Adds the next map and returns the state of its blocks, which is valid until the next call. A map of
  // another size, or one that does not follow the newest within NormalFlow::longest_step, begins anew. Frames
  // without any change anywhere do not count: they are of a picture that is repeated.
  std::span<const Block> add(const MotionMap &map, Time time);

  int width() const { return width_; }
  int height() const { return height_; }
  double step() const {
    return step_;
  }  // seconds that the newest map adds to the time that blocks are watched
  void reset() { newest_.reset(); }

 private:
  int width_ = 0;
  int height_ = 0;
  std::vector<Block> blocks_;
  std::optional<Time> newest_;
  double step_ = 0;
};

// Learns the activity of a scene.
class ActivityLearner {
 public:
  void add(const MotionMap &map, StopClock::Time time);
  const SceneActivity &learned() const { return learned_; }

 private:
  StopClock clock_;
  SceneActivity learned_;
};

}  // namespace uniad
