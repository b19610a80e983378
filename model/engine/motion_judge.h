// SPDX-License-Identifier: Apache-2.0
// Judges the motion in the frames of one stream.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "model/engine/judgment.h"
#include "model/motion/motion_reference.h"
#include "model/motion/normal_flow.h"
#include "model/motion/small_luma.h"
#include "model/preprocess/frame_view.h"
#include "model/scoring/zone_grid.h"

namespace uniad {

// How a frame moves compared with what is normal.
struct MotionJudgment {
  int width = 0;
  int height = 0;
  Area area;                  // that the cells divide evenly
  std::vector<float> scores;  // of each cell, row-major; 0 where nothing is judged
  double score = 0;           // the highest
  double threshold = 0;
  bool anomalous = false;
  std::vector<PartJudgment> parts;  // one for each watch zone, or one without a name; see judgment.h
};

// Measures the motion of every frame, and judges it. Takes about a millisecond for a frame of 1920x1080. Not
// thread-safe.
class MotionJudge {
 public:
  using Time = NormalFlow::Time;

  // Measures the motion of the next frame. time: see NormalFlow::add(). reference: for the interval between
  // compared frames; may be null. zones: ignored pixels do not influence the others; may be null. Null if the
  // stream has just begun or jumped. Throws Error as SmallLuma.
  std::shared_ptr<const FrameMotion> measure(const FrameView &frame, Time time,
                                             const MotionReference *reference, const Zones *zones);

  // zones: the same. threshold: replaces that of the reference. Absent if the reference has another number
  // of rows, because the stream has another aspect ratio, or if there is no threshold. A zone's own threshold
  // is one of anomaly scores and is not used; its sensitivity is.
  std::optional<MotionJudgment> judge(const MotionMap &map, std::shared_ptr<const MotionReference> reference,
                                      const Zones *zones, std::optional<double> threshold = {});

  // How long the parts of the scene that always move have stood still: the cells are blocks, and each score
  // is the share of the longest normal stop; 1 is the threshold. time: of the frame. Absent if the
  // reference has no activity of this shape, or no part of it always moves.
  std::optional<MotionJudgment> judge_stops(const MotionMap &map, Time time, const MotionReference &reference,
                                            const Zones *zones);

  void reset() {
    flow_.reset();
    stops_.reset();
  }

 private:
  void ignore(const Zones &zones);
  const ZoneGrid &zones_on_map(const Zones &zones, const MotionMap &map);

  SmallLuma reducer_;
  LumaPlane luma_;
  NormalFlow flow_;
  StopClock stops_;
  std::shared_ptr<const MotionReference> reference_;  // that `tails_` are of
  std::vector<SpeedTail> tails_;
  std::optional<Zones> ignored_;  // that the flow ignores pixels by
  int ignored_rows_ = 0;          // of the luma that these pixels are of
  std::optional<ZoneGrid> on_map_;
};

}  // namespace uniad
