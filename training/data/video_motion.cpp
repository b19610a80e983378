// SPDX-License-Identifier: Apache-2.0
#include "training/data/video_motion.h"

namespace uniad {

std::optional<MotionJudgment> SourceMotionJudge::judge(const Item &item, const FrameView &frame) {
  if (!reference_ || !item.frame) return std::nullopt;
  const auto motion = judge_.measure(frame, time_.of(item.path, *item.frame), reference_.get(), zones_);
  if (!motion) return std::nullopt;
  return judge_.judge(motion->map, reference_, zones_);
}

}  // namespace uniad
