// SPDX-License-Identifier: Apache-2.0
// Judges the motion in every frame of a stream.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gst-plugin/detect/settings.h"
#include "gst-plugin/detect/signals.h"
#include "model/engine/detector.h"
#include "model/engine/motion_judge.h"

namespace uniad {

// Not thread-safe.
class StreamMotion {
 public:
  // Whether motion must be measured: it is judged, or learned.
  bool is_wanted(const Detector &detector, const DetectSettings &settings);
  void learns(bool learns) { learns_ = learns; }

  // Measures and judges the next frame. time: does not decrease. zones: may be null.
  void add(const FrameView &frame, std::chrono::nanoseconds time, const Zones *zones,
           const DetectSettings &settings);
  // Measured in the frame that was added last, for learning; null if it could not be compared.
  std::shared_ptr<const FrameMotion> measured() const { return measured_; }
  // The judgments of that frame, if there are any.
  const MotionResults &newest() const { return newest_; }

  // The signals of the most unusual motion since the last call, and of stops; none of what is not judged.
  std::vector<Signal> take_signals(const EventRules &rules);

  // For discontinuities of the stream: forgets earlier frames.
  void reset();

 private:
  bool is_usable(GstUniadDetectMotion motion) const;

  MotionJudge judge_;
  std::shared_ptr<const MotionReference> known_;      // the model's
  bool is_judged_ = false;                            // reason_not_judged() of `known_` is empty
  std::shared_ptr<const MotionReference> reference_;  // null: motion is not judged
  std::shared_ptr<const MotionReference> activity_;   // null: stops are not judged
  bool learns_ = false;
  std::shared_ptr<const FrameMotion> measured_;
  MotionResults newest_;
  std::optional<MotionJudgment> strongest_;  // since the last signals
};

}  // namespace uniad
