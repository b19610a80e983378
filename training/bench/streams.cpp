// SPDX-License-Identifier: Apache-2.0
#include "training/bench/streams.h"

#include <algorithm>
#include <functional>
#include <future>

#include "training/bench/timing.h"

namespace uniad {
namespace {

// More than fit in the processor's caches, as with the frames of cameras. One frame for each of 256 streams
// would take 800 MB.
constexpr int most_frames = 16;

constexpr int warm_up_frames = 2;

std::vector<double> times_of_frames(Detector &detector, const FrameView &frame, int frames) {
  std::vector<Detection> detections;
  std::vector<double> times(static_cast<std::size_t>(frames));
  for (double &time : times) time = milliseconds([&] { detector.detect({&frame, 1}, detections); });
  return times;
}

}  // namespace

Streams::Streams(const std::filesystem::path &model, const DetectorOptions &options, int count) {
  for (int i = 0; i < std::min(count, most_frames); ++i) frames_.push_back(NoisyFrame::nv12(1920, 1080));
  for (int i = 0; i < count; ++i) detectors_.push_back(Detector::open(model, options));
  run(warm_up_frames);
  spent_ = 0;
  latencies_.clear();
}

void Streams::run(int frames) {
  spent_ += milliseconds([&] {
    std::vector<std::future<std::vector<double>>> streams;
    streams.reserve(detectors_.size());
    for (std::size_t i = 0; i < detectors_.size(); ++i)
      streams.push_back(std::async(std::launch::async, times_of_frames, std::ref(*detectors_[i]),
                                   std::cref(frames_[i % frames_.size()].view()), frames));
    for (auto &stream : streams) {
      const auto times = stream.get();
      latencies_.insert(latencies_.end(), times.begin(), times.end());
    }
  });
}

StreamTimes Streams::times() const {
  return {1000 * static_cast<double>(latencies_.size()) / spent_, latencies_};
}

}  // namespace uniad
