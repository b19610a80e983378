// SPDX-License-Identifier: Apache-2.0
// Learns the normal motion of videos.
#pragma once

#include <memory>
#include <string>

#include "model/motion/motion_reference.h"
#include "training/base/progress.h"
#include "training/data/source.h"
#include "training/train/features.h"
#include "training/train/options.h"

namespace uniad {

// Learns the motion of one source from the frames of its videos, as they are visited in order. Pictures that
// belong to no video are ignored. Not copyable; the source must outlive it.
class SourceMotion {
 public:
  // items: that are visited; folds: of each of them. known: what is extended. zones: may be null.
  SourceMotion(std::span<const Item> items, std::vector<int> folds, double frame_rate, const Zones *zones,
               MotionReference known);
  ~SourceMotion();
  SourceMotion(const SourceMotion &) = delete;
  SourceMotion &operator=(const SourceMotion &) = delete;

  // Adds a visited frame.
  FrameObserver observer();
  // What was learned from the visited frames only. Says whether motion will be judged.
  MotionReference finish(const std::string &source, const TrainOptions &options, Progress &progress) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The same for all sources, in a pass of its own over their videos; for recipes that keep features.
MotionReferences learn_motion(const TrainOptions &options, Progress &progress);

}  // namespace uniad
