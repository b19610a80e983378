// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/detect/stream_motion.h"

#include <utility>

namespace uniad {

bool StreamMotion::is_usable(GstUniadDetectMotion motion) const {
  if (motion == GST_UNIAD_DETECT_MOTION_OFF) return false;
  return motion == GST_UNIAD_DETECT_MOTION_ON ? known_ && !known_->empty() : is_judged_;
}

bool StreamMotion::is_wanted(const Detector &detector, const DetectSettings &settings) {
  reference_.reset();
  activity_.reset();
  if (settings.motion != GST_UNIAD_DETECT_MOTION_OFF || settings.stopped) {
    auto known = detector.motion_reference(settings.source);
    if (known != known_) is_judged_ = known && reason_not_judged(*known).empty();
    known_ = std::move(known);
    if (is_usable(settings.motion)) reference_ = known_;
    if (settings.stopped && known_ && !known_->activity.empty()) activity_ = known_;
  }
  const bool wanted = reference_ || activity_ || (learns_ && settings.motion != GST_UNIAD_DETECT_MOTION_OFF);
  if (!wanted) reset();
  return wanted;
}

void StreamMotion::add(const FrameView &frame, std::chrono::nanoseconds time, const Zones *zones,
                       const DetectSettings &settings) {
  newest_ = {};
  measured_ = judge_.measure(frame, time, reference_ ? reference_.get() : activity_.get(), zones);
  if (!measured_) return;
  if (activity_) newest_.stops = judge_.judge_stops(measured_->map, time, *activity_, zones);
  if (!reference_) return;
  std::optional<double> threshold;
  if (settings.motion_threshold >= 0) threshold = settings.motion_threshold;
  auto &speeds = newest_.speeds = judge_.judge(measured_->map, reference_, zones, threshold);
  if (speeds && (!strongest_ || speeds->score > strongest_->score)) strongest_ = speeds;
}

std::vector<Signal> StreamMotion::take_signals(const EventRules &rules) {
  std::vector<Signal> signals;
  if (strongest_) signals = signals_of(*strongest_, rules);
  strongest_ = newest_.speeds;
  if (newest_.stops) signals.push_back(stopped_signal(*newest_.stops));
  return signals;
}

void StreamMotion::reset() {
  judge_.reset();
  measured_.reset();
  newest_ = {};
  strongest_.reset();
}

}  // namespace uniad
