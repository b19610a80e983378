// SPDX-License-Identifier: Apache-2.0
#include "model/backbone/displacement.h"

#include <algorithm>

#include "model/backbone/padding.h"
#include "model/config/taps.h"

namespace uniad {
namespace {

// Tracks a map through its convolutions, at the native size and at the actual size.
class Map {
 public:
  Map(PaddingRule rule, int native, int extent) : rule_(rule), native_(native), extent_(extent) {}

  void convolve(int kernel, int stride) {
    const auto before = [&](std::int64_t extent) {
      return padding_along(extent, native_, kernel, stride, rule_).before;
    };
    moved_ += stride_ * (before(extent_) - before(native_));
    native_ = (native_ + stride - 1) / stride;
    extent_ = (extent_ + stride - 1) / stride;
    stride_ *= stride;
  }

  std::int64_t native_pixels() const { return stride_ * native_; }
  std::int64_t moved() const { return moved_; }

 private:
  PaddingRule rule_;
  std::int64_t native_, extent_;
  std::int64_t stride_ = 1;
  std::int64_t moved_ = 0;  // input pixels, to the left
};

}  // namespace

double displacement(const BackboneConfig &config, int extent) {
  const BackboneInfo &info = *find_backbone(config.name);
  if (info.family == BackboneFamily::ResNet) return 0;  // its native size is a multiple of every stride
  const int stage = *std::max_element(config.stages.begin(), config.stages.end());
  const auto last = static_cast<std::size_t>(info.taps[static_cast<std::size_t>(stage) - 1].block);
  Map map(config.padding, info.native_size, extent);
  map.convolve(3, 2);  // the stem
  for (std::size_t i = 0; i <= last; ++i) map.convolve(info.blocks[i].kernel, info.blocks[i].stride);
  return static_cast<double>(map.native_pixels() - info.native_size) / 2 + static_cast<double>(map.moved());
}

GridOrigin grid_origin(const ModelConfig &config) {
  const auto along = [&](int extent) { return -displacement(config.backbone, extent) / extent; };
  return {along(config.input.width), along(config.input.height)};
}

}  // namespace uniad
