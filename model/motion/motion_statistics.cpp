// SPDX-License-Identifier: Apache-2.0
#include "model/motion/motion_statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace uniad {
namespace {

constexpr double slowest = 0.02;
constexpr double fastest = 20;
constexpr double tail_share = 0.01;  // of the speeds are above the usual one
constexpr double floor_share = 0.3;  // of the tail of all rows
constexpr double least_speed = 1e-3;

std::size_t bin_of(float speed) {
  constexpr auto last = static_cast<double>(SpeedHistogram::bins - 1);
  static const double bins_per_log = SpeedHistogram::bins / std::log(fastest / slowest);
  if (!(speed > slowest)) return 0;
  return static_cast<std::size_t>(std::min(bins_per_log * std::log(speed / slowest), last));
}

// The speed at a position in bins, which may be between two of them.
double speed_at(double position) {
  return slowest * std::pow(fastest / slowest, position / SpeedHistogram::bins);
}

// The position in bins that this share of the counts is below.
double position_of(const SpeedHistogram::Row &counts, double share) {
  const double wanted =
      share * static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}));
  double below = 0;
  for (std::size_t bin = 0; bin < counts.size(); ++bin) {
    const auto count = static_cast<double>(counts[bin]);
    if (count > 0 && below + count >= wanted)
      return static_cast<double>(bin) + std::clamp((wanted - below) / count, 0.0, 1.0);
    below += count;
  }
  return 0;
}

SpeedTail tail_of_counts(const SpeedHistogram::Row &counts) {
  const double position = position_of(counts, 1 - tail_share);
  SpeedTail tail{speed_at(position), 0};
  double above = 0;
  for (auto bin = static_cast<std::size_t>(position); bin < counts.size(); ++bin) {
    const double begin = std::max(position, static_cast<double>(bin));
    const double share = static_cast<double>(bin + 1) - begin;  // of the bin, above the usual speed
    const double count = share * static_cast<double>(counts[bin]);
    above += count;
    tail.excess += count * (speed_at(begin + share / 2) - tail.usual);
  }
  if (above > 0) tail.excess /= above;
  return tail;
}

void add_row(SpeedHistogram::Row &to, const SpeedHistogram::Row &from, std::int64_t sign) {
  for (std::size_t bin = 0; bin < to.size(); ++bin) to[bin] += sign * from[bin];
}

}  // namespace

void SpeedHistogram::add(const MotionMap &map) {
  if (rows_.empty()) rows_.resize(static_cast<std::size_t>(map.height));
  if (rows_.size() != static_cast<std::size_t>(map.height)) return;
  auto speed = map.speeds.begin();
  for (Row &row : rows_)
    for (int x = 0; x < map.width; ++x, ++speed)
      if (*speed >= 0) ++row[bin_of(*speed)];
}

bool SpeedHistogram::add(const SpeedHistogram &other) {
  if (other.rows_.empty()) return true;
  if (rows_.empty()) rows_.resize(other.rows_.size());
  if (rows_.size() != other.rows_.size()) return false;
  for (std::size_t i = 0; i < rows_.size(); ++i) add_row(rows_[i], other.rows_[i], 1);
  return true;
}

SpeedHistogram SpeedHistogram::without(const SpeedHistogram &part) const {
  SpeedHistogram rest = *this;
  if (part.rows_.size() == rest.rows_.size())
    for (std::size_t i = 0; i < rows_.size(); ++i) add_row(rest.rows_[i], part.rows_[i], -1);
  return rest;
}

SpeedHistogram SpeedHistogram::of(std::vector<Row> rows) {
  SpeedHistogram histogram;
  histogram.rows_ = std::move(rows);
  return histogram;
}

double SpeedHistogram::quantile(double share) const {
  Row all{};
  for (const Row &row : rows_) add_row(all, row, 1);
  return speed_at(position_of(all, share));
}

std::vector<SpeedTail> tails_of(const SpeedHistogram &histogram) {
  const auto rows = histogram.rows();
  SpeedHistogram::Row all{};
  for (const SpeedHistogram::Row &row : rows) add_row(all, row, 1);
  const SpeedTail overall = tail_of_counts(all);
  const auto reach = static_cast<std::size_t>(std::lround(0.1 * static_cast<double>(rows.size())));
  std::vector<SpeedTail> tails;
  tails.reserve(rows.size());
  for (std::size_t y = 0; y < rows.size(); ++y) {
    SpeedHistogram::Row pooled{};
    const std::size_t end = std::min(y + reach + 1, rows.size());
    for (std::size_t i = y - std::min(y, reach); i < end; ++i) add_row(pooled, rows[i], 1);
    const SpeedTail own = tail_of_counts(pooled);
    tails.push_back({std::max({own.usual, floor_share * overall.usual, least_speed}),
                     std::max({own.excess, floor_share * overall.excess, least_speed})});
  }
  return tails;
}

double motion_score(double speed, const SpeedTail &tail) {
  static const double rarity = -std::log(tail_share);
  return speed > tail.usual ? rarity + (speed - tail.usual) / tail.excess : rarity * speed / tail.usual;
}

std::vector<float> row_maxima(const MotionMap &map) {
  std::vector<float> maxima;
  maxima.reserve(static_cast<std::size_t>(map.height));
  for (auto row = map.speeds.begin(); row != map.speeds.end(); row += map.width)
    maxima.push_back(*std::max_element(row, row + map.width));
  return maxima;
}

double motion_score(std::span<const float> row_maxima, std::span<const SpeedTail> tails) {
  double highest = 0;
  for (std::size_t y = 0; y < std::min(row_maxima.size(), tails.size()); ++y)
    highest = std::max(highest, motion_score(row_maxima[y], tails[y]));
  return highest;
}

}  // namespace uniad
