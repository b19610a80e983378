// SPDX-License-Identifier: Apache-2.0
// What speeds are normal in each row of a scene, and how far others are from it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/motion/normal_flow.h"

namespace uniad {

// Numbers of cells by their row and speed. Sums of the same scene can be added and subtracted.
class SpeedHistogram {
 public:
  static constexpr std::size_t bins = 96;  // logarithmic, from 0.02 to 20; the outermost hold what is beyond
  using Row = std::array<std::int64_t, bins>;

  // Leaves out ignored cells, and a map with another number of rows than the first.
  void add(const MotionMap &map);
  // Does nothing and returns false if both hold something and have another number of rows.
  bool add(const SpeedHistogram &other);
  SpeedHistogram without(const SpeedHistogram &part) const;

  bool empty() const { return rows_.empty(); }
  std::span<const Row> rows() const { return rows_; }
  static SpeedHistogram of(std::vector<Row> rows);

  // The speed that this share of all cells is below.
  double quantile(double share) const;

 private:
  std::vector<Row> rows_;
};

// The tail of the normal speeds in a row.
struct SpeedTail {
  double usual = 0;   // 99 % of the speeds are below
  double excess = 0;  // the mean excess over it of those above
};

// The tail of every row, from the rows within a tenth of the height. Neither value is below 0.3 times that of
// all rows together, so that a row where little was seen raises no alarm at once.
std::vector<SpeedTail> tails_of(const SpeedHistogram &histogram);

// The motion score of a speed: how much more rarely it is reached than any speed, as the natural logarithm,
// if speeds above the usual one are distributed exponentially: ln 100 + (speed - usual) / excess. Below the
// usual speed: ln 100 * speed / usual.
double motion_score(double speed, const SpeedTail &tail);

// The highest speed in each row; below 0 if all its cells are ignored. As scores grow with the speed, this is
// all that the score of the frame needs.
std::vector<float> row_maxima(const MotionMap &map);

// The highest score of any row. tails: one for each row.
double motion_score(std::span<const float> row_maxima, std::span<const SpeedTail> tails);

}  // namespace uniad
