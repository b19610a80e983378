// SPDX-License-Identifier: Apache-2.0
#include "model/engine/backend/input_paint.h"

#include <algorithm>

namespace uniad {
namespace {

// Whether the pixel or one of its neighbors is ignored, because resizing spreads a pixel over its neighbors.
bool reaches(const std::vector<double> &shares, int width, int height, int x, int y) {
  for (int v = std::max(y - 1, 0); v <= std::min(y + 1, height - 1); ++v)
    for (int u = std::max(x - 1, 0); u <= std::min(x + 1, width - 1); ++u)
      if (shares[static_cast<std::size_t>(v) * static_cast<std::size_t>(width) +
                 static_cast<std::size_t>(u)] > 0)
        return true;
  return false;
}

}  // namespace

InputPaint::InputPaint(const Zones &zones, int width, int height)
    : plane_(static_cast<std::size_t>(width) * static_cast<std::size_t>(height)) {
  constexpr std::uint32_t step = 17;  // leaves enough pixels for a median, from all columns
  const std::vector<double> shares = share_ignored(zones, {}, width, height);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const auto pixel = static_cast<std::uint32_t>(y * width + x);
      if (reaches(shares, width, height, x, y))
        pixels_.push_back(pixel);
      else if (pixel % step == 0)
        others_.push_back(pixel);
    }
  }
}

void InputPaint::apply(std::span<float> image, Seen &seen) const {
  seen.ignored.resize(3 * pixels_.size());
  seen.kept.resize(3 * others_.size());
  for (std::size_t channel = 0; channel < 3; ++channel) {
    const std::span<float> plane = image.subspan(channel * plane_, plane_);
    const std::size_t ignored = channel * pixels_.size();
    const std::size_t kept = channel * others_.size();
    for (std::size_t i = 0; i < pixels_.size(); ++i) seen.ignored[ignored + i] = plane[pixels_[i]];
    for (std::size_t i = 0; i < others_.size(); ++i) seen.kept[kept + i] = plane[others_[i]];
    if (first_.ignored.empty()) continue;
    seen.differences.assign(1, 0.0F);  // if all pixels are ignored
    if (!others_.empty()) seen.differences.resize(others_.size());
    for (std::size_t i = 0; i < others_.size(); ++i)
      seen.differences[i] = seen.kept[kept + i] - first_.kept[kept + i];
    const auto median = seen.differences.begin() + static_cast<std::ptrdiff_t>(seen.differences.size() / 2);
    std::nth_element(seen.differences.begin(), median, seen.differences.end());
    for (std::size_t i = 0; i < pixels_.size(); ++i)
      plane[pixels_[i]] = first_.ignored[ignored + i] + *median;
  }
}

void InputPaint::remember(const Seen &seen) {
  if (first_.ignored.empty()) first_ = seen;
}

}  // namespace uniad
