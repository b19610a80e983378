// SPDX-License-Identifier: Apache-2.0
// The time of video frames that are visited one after the other.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>

namespace uniad {

class VideoTime {
 public:
  // frame_rate: of the videos; 0, not known: 25 is assumed.
  explicit VideoTime(double frame_rate) : frame_rate_(frame_rate > 0 ? frame_rate : 25) {}

  // The time of frame `number` of a video. Videos are a day apart, so that none seems to continue another.
  std::chrono::nanoseconds of(const std::filesystem::path &video, std::int64_t number) {
    if (video != video_) {
      video_ = video;
      ++videos_;
    }
    return videos_ * std::chrono::hours(24) +
           std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::duration<double>(static_cast<double>(number) / frame_rate_));
  }

 private:
  double frame_rate_;
  std::filesystem::path video_;
  int videos_ = 0;
};

}  // namespace uniad
