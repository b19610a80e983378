// SPDX-License-Identifier: Apache-2.0
#include "training/train/health.h"

#include <chrono>
#include <optional>

namespace uniad {

PictureChange health_observer(ReferenceLearner &learner, std::span<const Item> items, double frame_rate,
                              const InputConfig &input) {
  return [&learner, items, frame_rate, width = input.width, height = input.height](
             std::size_t index, std::span<std::uint8_t> rgb) {
    GrayPicture luma;
    luma_of_rgb(rgb, width, height, luma);
    std::optional<std::chrono::nanoseconds> time;
    if (const auto frame = items[index].frame; frame && frame_rate > 0)
      time = std::chrono::duration_cast<std::chrono::nanoseconds>(
          std::chrono::duration<double>(static_cast<double>(*frame) / frame_rate));
    learner.add(luma, time);
  };
}

}  // namespace uniad
