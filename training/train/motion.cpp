// SPDX-License-Identifier: Apache-2.0
#include "training/train/motion.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <iomanip>
#include <sstream>
#include <utility>

#include "model/engine/motion_judge.h"
#include "training/data/report.h"
#include "training/data/video_time.h"
#include "training/data/visit.h"

namespace uniad {

struct SourceMotion::State {
  std::span<const Item> items;
  std::vector<int> folds;
  VideoTime time;
  const Zones *zones;
  MotionReference known;
  MotionLearner learner;
  MotionJudge judge;
};

SourceMotion::SourceMotion(std::span<const Item> items, std::vector<int> folds, double frame_rate,
                           const Zones *zones, MotionReference known)
    : state_(new State{items,
                       std::move(folds),
                       VideoTime(frame_rate),
                       zones,
                       known,
                       MotionLearner(std::move(known)),
                       {}}) {}

SourceMotion::~SourceMotion() = default;

FrameObserver SourceMotion::observer() {
  return
      [state = state_.get()](std::size_t index, std::optional<std::int64_t> number, const FrameView &frame) {
        if (!number) return;
        const auto time = state->time.of(state->items[index].path, *number);
        const auto motion = state->judge.measure(frame, time, &state->known, state->zones);
        if (motion) state->learner.add(motion->map, motion->step, time, state->folds[index]);
      };
}

MotionReference SourceMotion::finish(const std::string &source, const TrainOptions &options,
                                     Progress &progress) const {
  MotionReference learned =
      state_->learner.finish(options.threshold.value_or(ThresholdRule{}), options.motion);
  if (learned.empty()) return learned;
  const MotionReference whole = merge(state_->known, learned);
  std::ostringstream text;
  text << source << ": motion ";
  if (const std::string reason = reason_not_judged(whole); !reason.empty())
    text << "is not judged, because " << reason
         << (whole.use == MotionUse::Auto ? " (--motion on judges it anyway)" : "");
  else
    text << "is judged, with a threshold of " << std::fixed << std::setprecision(1) << whole.normal->threshold
         << " (" << whole.rule << ")";
  progress.say(text.str());
  if (const double share = share_that_always_moves(whole.activity); share > 0) {
    std::ostringstream stops;
    stops << source << ": " << std::fixed << std::setprecision(0) << std::ceil(100 * share)
          << " % of the scene always moves or moves at regular intervals; with stopped=true, uniaddetect "
             "reports when it stops";
    progress.say(stops.str());
  }
  return learned;
}

MotionReferences learn_motion(const TrainOptions &options, Progress &progress) {
  MotionReferences learned;
  for (const Source &source : options.sources) {
    const bool has_video =
        std::ranges::any_of(source.train, [](const Item &item) { return item.frame.has_value(); });
    if (!has_video || options.motion == MotionUse::Off) continue;
    SourceMotion motion(source.train, assign_folds(source.train, MotionLearner::folds), source.frame_rate,
                        find_zones(options.zones, source.name), {});
    const FrameObserver observe = motion.observer();
    progress.begin(source.name + ": learning motion", std::ssize(source.train));
    VisitListener listener = tell_by(progress);
    listener.between = observe;
    visit_items(
        source.train,
        [&](std::size_t index, const FrameView &frame) {
          observe(index, source.train[index].frame, frame);
          progress.update(static_cast<std::int64_t>(index) + 1);
        },
        listener);
    progress.end();
    learned[source.name] = motion.finish(source.name, options, progress);
  }
  return learned;
}

}  // namespace uniad
