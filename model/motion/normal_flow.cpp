// SPDX-License-Identifier: Apache-2.0
#include "model/motion/normal_flow.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "model/base/vectorize.h"

namespace uniad {
namespace {

using Time = NormalFlow::Time;

constexpr int block = 4;          // pixels between cells
constexpr int blocks_a_cell = 4;  // along each side
constexpr float flat = 5;         // added to the mean gradient, in levels per pixel
constexpr Time usual_step = std::chrono::milliseconds(100);
constexpr Time jitter = std::chrono::milliseconds(5);
constexpr Time longest_repetition = std::chrono::milliseconds(500);
constexpr std::chrono::duration<double> time_constant = std::chrono::milliseconds(200);

UNIAD_VECTORIZE
void add_change(const float *__restrict a, const float *__restrict b, float *__restrict change,
                float *__restrict mean, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    change[i] = std::abs(b[i] - a[i]);
    mean[i] = (a[i] + b[i]) / 2;
  }
}

// The length of the 3x3 Sobel gradient divided by 8, in the inner pixels of a row. Border rows and columns
// repeat the nearest pixel.
UNIAD_VECTORIZE
void gradient_of_row(const float *__restrict above, const float *__restrict row,
                     const float *__restrict below, float *__restrict length, std::size_t n) {
  for (std::size_t i = 1; i + 1 < n; ++i) {
    const float across =
        above[i + 1] - above[i - 1] + 2 * (row[i + 1] - row[i - 1]) + below[i + 1] - below[i - 1];
    const float down = below[i - 1] - above[i - 1] + 2 * (below[i] - above[i]) + below[i + 1] - above[i + 1];
    length[i] = std::sqrt(across * across + down * down) / 8;
  }
  length[0] = length[1];
  length[n - 1] = length[n - 2];
}

UNIAD_VECTORIZE
void multiply(const float *__restrict factors, float *__restrict values, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) values[i] *= factors[i];
}

// Sums of 4x4 pixels; pixels that fill no block are left out.
void sum_blocks(const std::vector<float> &values, int width, int height, std::vector<float> &sums) {
  const int columns = width / block;
  const int rows = height / block;
  sums.assign(static_cast<std::size_t>(columns) * static_cast<std::size_t>(rows), 0);
  for (int y = 0; y < rows * block; ++y) {
    const float *row = values.data() + static_cast<std::ptrdiff_t>(y) * width;
    float *sum = sums.data() + static_cast<std::ptrdiff_t>(y / block) * columns;
    for (int x = 0; x < columns; ++x, row += block) sum[x] += row[0] + row[1] + row[2] + row[3];
  }
}

float sum_of_cell(const std::vector<float> &blocks, int columns, int x, int y) {
  float sum = 0;
  for (int row = y; row < y + blocks_a_cell; ++row)
    for (int column = x; column < x + blocks_a_cell; ++column)
      sum += blocks[static_cast<std::size_t>(row) * static_cast<std::size_t>(columns) +
                    static_cast<std::size_t>(column)];
  return sum;
}

// Sensors are never free of noise, but encoders repeat pictures exactly or nearly so.
bool repeats(const LumaPlane &picture, const LumaPlane &before) {
  constexpr float least_change = 0.01F;  // of the mean, in levels
  float change = 0;
  for (std::size_t i = 0; i < picture.values.size(); ++i)
    change += std::abs(picture.values[i] - before.values[i]);
  return change < least_change * static_cast<float>(picture.values.size());
}

// A cut changes most of the picture by much at once. A change of light does so, too, but keeps the edges in
// place, and is left to the checks of camera health.
bool is_cut(const std::vector<float> &change) {
  constexpr float much = 24;
  const auto changed = std::ranges::count_if(change, [](float value) { return value > much; });
  return 2 * changed > std::ssize(change);
}

}  // namespace

void NormalFlow::reset() {
  for (Seen &seen : seen_) spare_.push_back(std::move(seen.luma));
  seen_.clear();
  smoothed_ = false;
  measured_ = false;
}

void NormalFlow::ignore(std::vector<std::uint8_t> pixels) {
  if (pixels == ignored_) return;
  ignored_ = std::move(pixels);
  kept_.clear();
  for (const std::uint8_t ignored : ignored_) kept_.push_back(ignored != 0 ? 0.0F : 1.0F);
  reset();
}

const NormalFlow::Seen *NormalFlow::to_compare(Time time, std::optional<Time> wanted_step) const {
  if (seen_.empty()) return nullptr;
  if (wanted_step) {
    const auto nearest = std::ranges::min_element(
        seen_, {}, [&](const Seen &seen) { return std::chrono::abs(time - seen.time - *wanted_step); });
    const Time off = std::chrono::abs(time - nearest->time - *wanted_step);
    return off <= *wanted_step / 2 + jitter ? &*nearest : nullptr;
  }
  const auto oldest =
      std::ranges::find_if(seen_, [&](const Seen &seen) { return time - seen.time <= usual_step + jitter; });
  return oldest == seen_.end() ? &seen_.back() : &*oldest;
}

void NormalFlow::compare(const LumaPlane &before, const LumaPlane &now) {
  const std::size_t n = now.values.size();
  const auto width = static_cast<std::size_t>(now.width);
  change_.resize(n);
  mean_.resize(n);
  gradient_.resize(n);
  add_change(before.values.data(), now.values.data(), change_.data(), mean_.data(), n);
  const int last = now.height - 1;
  for (int y = 0; y <= last; ++y) {
    const auto row_at = [&](int row) { return static_cast<std::size_t>(std::clamp(row, 0, last)) * width; };
    gradient_of_row(mean_.data() + row_at(y - 1), mean_.data() + row_at(y), mean_.data() + row_at(y + 1),
                    gradient_.data() + row_at(y), width);
  }
  const bool ignores = kept_.size() == n;
  if (ignores) {
    multiply(kept_.data(), change_.data(), n);
    multiply(kept_.data(), gradient_.data(), n);
    sum_blocks(kept_, now.width, now.height, kept_blocks_);
  }
  sum_blocks(change_, now.width, now.height, change_blocks_);
  sum_blocks(gradient_, now.width, now.height, gradient_blocks_);
  constexpr float pixels = block * block * blocks_a_cell * blocks_a_cell;
  const int columns = now.width / block;
  map_.width = columns - blocks_a_cell + 1;
  map_.height = now.height / block - blocks_a_cell + 1;
  ratios_.resize(static_cast<std::size_t>(map_.width) * static_cast<std::size_t>(map_.height));
  std::size_t cell = 0;
  for (int y = 0; y < map_.height; ++y) {
    for (int x = 0; x < map_.width; ++x) {
      const float kept = ignores ? sum_of_cell(kept_blocks_, columns, x, y) : pixels;
      const float ratio = sum_of_cell(change_blocks_, columns, x, y) /
                          (sum_of_cell(gradient_blocks_, columns, x, y) + flat * kept);
      ratios_[cell++] = 2 * kept < pixels ? -1 : ratio;
    }
  }
}

void NormalFlow::smooth(Time elapsed) {
  if (!std::exchange(smoothed_, true)) {
    map_.speeds = ratios_;
    return;
  }
  const auto weight = static_cast<float>(1 - std::exp(-(elapsed / time_constant)));
  for (std::size_t i = 0; i < ratios_.size(); ++i) map_.speeds[i] += weight * (ratios_[i] - map_.speeds[i]);
}

const MotionMap *NormalFlow::add(const LumaPlane &luma, Time time, std::optional<Time> wanted_step) {
  if (luma.height < block * blocks_a_cell) return nullptr;
  if (!seen_.empty()) {
    const Seen &newest = seen_.back();
    if (newest.luma.height != luma.height || time <= newest.time || time - newest.time > longest_step)
      reset();
  }
  if (!seen_.empty() && time - seen_.back().time < longest_repetition && repeats(luma, seen_.back().luma))
    return measured_ ? &map_ : nullptr;
  const Seen *before = to_compare(time, wanted_step);
  measured_ = false;
  if (before != nullptr) {
    compare(before->luma, luma);
    step_ = time - before->time;
    measured_ = !is_cut(change_);
    if (!measured_) reset();
  }
  if (measured_) smooth(time - smoothed_at_);
  smoothed_at_ = time;

  const Time kept = std::max(wanted_step.value_or(usual_step) * 3 / 2, usual_step) + jitter;
  while (seen_.size() > 1 && time - seen_[0].time > kept) {
    spare_.push_back(std::move(seen_.front().luma));
    seen_.pop_front();
  }
  LumaPlane copy;
  if (!spare_.empty()) {
    copy = std::move(spare_.back());
    spare_.pop_back();
  }
  copy = luma;
  seen_.push_back({time, std::move(copy)});
  return measured_ ? &map_ : nullptr;
}

}  // namespace uniad
