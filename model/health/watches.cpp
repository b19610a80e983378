// SPDX-License-Identifier: Apache-2.0
#include "model/health/watches.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <utility>

#include "model/health/scene_edges.h"

namespace uniad {
namespace {

constexpr int blocks_a_side = 14;
constexpr std::chrono::milliseconds light_window{500};
constexpr std::chrono::milliseconds kept_apart{90};  // interval of kept pictures
constexpr std::chrono::seconds slowest_pictures{
    2};  // longest interval of pictures; in a longer one, the light may change slowly
constexpr float dark_offset = 8;  // levels; so that noise in the dark is not a change of light

LumaPlane blocks_of(const LumaPlane &picture) {
  LumaPlane blocks = picture;
  while (blocks.width > blocks_a_side) blocks = halve(blocks);
  return blocks;
}

}  // namespace

double largest_change(const GrayPicture &a, const GrayPicture &b) {
  if (a.width != b.width || a.height != b.height) return 255;
  double largest = 0;
  for (int row = 0; row < blocks_a_side; ++row) {
    const int top = row * a.height / blocks_a_side;
    const int bottom = (row + 1) * a.height / blocks_a_side;
    std::array<int, blocks_a_side> sums{};
    for (int y = top; y < bottom; ++y) {
      const std::size_t line = static_cast<std::size_t>(y) * static_cast<std::size_t>(a.width);
      for (int column = 0; column < blocks_a_side; ++column) {
        int sum = 0;
        for (int x = column * a.width / blocks_a_side; x < (column + 1) * a.width / blocks_a_side; ++x) {
          const std::size_t pixel = line + static_cast<std::size_t>(x);
          sum += std::abs(a.values[pixel] - b.values[pixel]);
        }
        sums[static_cast<std::size_t>(column)] += sum;
      }
    }
    for (int column = 0; column < blocks_a_side; ++column) {
      const int width = (column + 1) * a.width / blocks_a_side - column * a.width / blocks_a_side;
      const int pixels = width * (bottom - top);
      if (pixels > 0)
        largest = std::max(largest, static_cast<double>(sums[static_cast<std::size_t>(column)]) / pixels);
    }
  }
  return largest;
}

void StillPicture::add(const GrayPicture &picture, std::chrono::nanoseconds time, double limit) {
  const bool goes_on = pictures_ > 0 && time >= newest_ && time - newest_ <= longest_health_step;
  const double change = goes_on ? largest_change(first_, picture) : 0;
  if (goes_on && change < limit) {
    change_ = std::max(change_, change);
  } else {
    first_ = picture;
    begun_ = time;
    pictures_ = 0;
    change_ = 0;
  }
  newest_ = time;
  ++pictures_;
}

LightStep LightWatch::add(LumaPlane picture, std::chrono::nanoseconds time, double limit) {
  if (!before_.empty() && (time < before_.back().time || time - before_.back().time > slowest_pictures))
    reset();
  while (before_.size() > 1 && time - before_[1].time >= light_window) before_.pop_front();
  LumaPlane blocks = blocks_of(picture);
  LightStep step;
  if (!before_.empty()) {
    const Before &oldest = before_.front();
    std::vector<double> changes;
    changes.reserve(blocks.values.size());
    for (std::size_t i = 0; i < blocks.values.size(); ++i)
      changes.push_back(
          std::abs(std::log((blocks.values[i] + dark_offset) / (oldest.blocks.values[i] + dark_offset))));
    const auto quarter = changes.begin() + std::ssize(changes) / 4;
    std::nth_element(changes.begin(), quarter, changes.end());
    step.jump = *quarter;
    if (step.jump >= limit)
      step.similarity = correlation(halve(edges_to_match(picture)), halve(edges_to_match(oldest.picture)));
  }
  if (before_.empty() || time - before_.back().time >= kept_apart)
    before_.push_back({time, std::move(picture), std::move(blocks)});
  return step;
}

}  // namespace uniad
