// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/detect/stream_motion.h"

#include <utility>

namespace uniad {

bool StreamMotion::is_wanted(const Detector &detector, const DetectSettings &settings) {
  reference_.reset();
  if (settings.motion != GST_UNIAD_DETECT_MOTION_OFF) {
    auto known = detector.motion_reference(settings.source);
    if (known != known_) is_judged_ = known && reason_not_judged(*known).empty();
    known_ = std::move(known);
    const bool usable =
        settings.motion == GST_UNIAD_DETECT_MOTION_ON ? known_ && !known_->empty() : is_judged_;
    if (usable) reference_ = known_;
  }
  const bool wanted = reference_ || (learns_ && settings.motion != GST_UNIAD_DETECT_MOTION_OFF);
  if (!wanted) reset();
  return wanted;
}

void StreamMotion::add(const FrameView &frame, std::chrono::nanoseconds time, const Zones *zones,
                       const DetectSettings &settings) {
  newest_.reset();
  measured_ = judge_.measure(frame, time, reference_.get(), zones);
  if (!measured_ || !reference_) return;
  std::optional<double> threshold;
  if (settings.motion_threshold >= 0) threshold = settings.motion_threshold;
  newest_ = judge_.judge(measured_->map, reference_, zones, threshold);
  if (newest_ && (!strongest_ || newest_->score > strongest_->score)) strongest_ = newest_;
}

std::vector<Signal> StreamMotion::take_signals(const EventRules &rules) {
  if (!strongest_) return {};
  std::vector<Signal> signals = signals_of(*strongest_, rules);
  strongest_ = newest_;
  return signals;
}

void StreamMotion::reset() {
  judge_.reset();
  measured_.reset();
  newest_.reset();
  strongest_.reset();
}

}  // namespace uniad
