// SPDX-License-Identifier: Apache-2.0
// Judges the motion in videos.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "model/engine/motion_judge.h"
#include "model/motion/motion_reference.h"
#include "training/data/source.h"
#include "training/data/video_time.h"

namespace uniad {

// Judges the motion in the frames of a source as the model does in a pipeline.
class SourceMotionJudge {
 public:
  // reference: null if motion is not judged. zones: may be null; must outlive it.
  SourceMotionJudge(std::shared_ptr<const MotionReference> reference, double frame_rate, const Zones *zones)
      : reference_(std::move(reference)), time_(frame_rate), zones_(zones) {
    if (reference_ && !reason_not_judged(*reference_).empty()) reference_.reset();
  }

  // The next item. Absent for pictures, for the first frames of a video, and if motion is not judged.
  std::optional<MotionJudgment> judge(const Item &item, const FrameView &frame);
  const MotionReference *reference() const { return reference_.get(); }

 private:
  std::shared_ptr<const MotionReference> reference_;
  VideoTime time_;
  const Zones *zones_;
  MotionJudge judge_;
};

}  // namespace uniad
