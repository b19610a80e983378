// SPDX-License-Identifier: Apache-2.0
#include "model/motion/motion_reference.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <sstream>
#include <utility>

namespace uniad {
namespace {

// About 60 MB of speeds. Later frames are learned, but do not count for the threshold.
constexpr std::size_t most_kept = 500'000;

double weighted_mean(double a, double b, std::int64_t count_a, std::int64_t count_b) {
  const auto n = static_cast<double>(count_a);
  const auto m = static_cast<double>(count_b);
  return n + m > 0 ? (n * a + m * b) / (n + m) : 0;
}

}  // namespace

std::string reason_not_judged(const MotionReference &reference) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(1);
  if (reference.empty()) return "no motion was learned";
  if (!reference.normal) return "too few frames were learned for a threshold";
  if (reference.use == MotionUse::On) return "";
  if (reference.use == MotionUse::Off) return "it was switched off in learning";
  if (reference.seconds < least_motion_seconds) {
    text << "only " << reference.seconds << " s of footage were learned, and " << least_motion_seconds
         << " s are needed";
    return text.str();
  }
  const double usual = reference.speeds.quantile(0.5);
  if (usual > most_usual_speed) {
    text << std::setprecision(2) << "half of the scene usually moves by more than " << usual
         << " pixels, as on a conveyor or with a moving camera";
    return text.str();
  }
  return "";
}

double share_that_always_moves(const SceneActivity &activity) {
  if (activity.empty()) return 0;
  const auto count = std::ranges::count_if(
      activity.blocks, [](const BlockActivity &block) { return longest_normal_stop(block).has_value(); });
  return static_cast<double>(count) / static_cast<double>(activity.blocks.size());
}

MotionReference merge(MotionReference older, const MotionReference &newer) {
  if (newer.empty()) return older;
  if (!older.speeds.add(newer.speeds)) return newer;
  if (!older.activity.add(newer.activity)) older.activity = newer.activity;
  older.step = weighted_mean(older.step, newer.step, older.frames, newer.frames);
  older.frames += newer.frames;
  older.seconds += newer.seconds;
  older.use = newer.use;
  older.rule = newer.rule;
  if (newer.normal)
    older.normal = combine(older.normal.value_or(ScoreStatistics{}), *newer.normal, newer.rule);
  return older;
}

void merge_into(MotionReferences &known, const MotionReferences &learned) {
  for (const auto &[source, reference] : learned) known[source] = merge(known[source], reference);
}

ThresholdRule motion_rule(const ThresholdRule &rule) {
  ThresholdRule of_motion = rule;
  of_motion.quantile.reset();
  if (!of_motion.false_alarms_per_hour) of_motion.false_alarms_per_hour = 6;
  return of_motion;
}

MotionLearner::MotionLearner(MotionReference known) : known_(std::move(known)), folds_(folds) {}

void MotionLearner::add(const MotionMap &map, Time step, Time time, int fold) {
  folds_.at(static_cast<std::size_t>(fold)).add(map);
  activity_.add(map, time);
  ++frames_;
  steps_ += step;
  const bool continues = newest_ && time > *newest_ && time - *newest_ <= NormalFlow::longest_step;
  covered_ += continues ? time - *newest_ : step;
  newest_ = time;
  if (kept_.size() < most_kept) kept_.push_back({fold, continues, row_maxima(map)});
}

MotionReference MotionLearner::finish(const ThresholdRule &rule, MotionUse use) const {
  MotionReference learned;
  learned.use = use;
  learned.frames = frames_;
  learned.seconds = covered_.count();
  if (frames_ == 0) return learned;
  learned.step = steps_.count() / static_cast<double>(frames_);
  for (const SpeedHistogram &fold : folds_) learned.speeds.add(fold);
  learned.activity = activity_.learned();
  SpeedHistogram all = known_.speeds;
  if (!all.add(learned.speeds)) all = learned.speeds;

  const ThresholdRule of_motion = motion_rule(rule);
  learned.rule = text_of(of_motion);
  std::vector<std::vector<SpeedTail>> tails;
  std::int64_t used_folds = 0;
  for (const SpeedHistogram &fold : folds_) {
    used_folds += fold.empty() ? 0 : 1;
    tails.push_back(tails_of(all.without(fold)));
  }
  if (used_folds < 2 || kept_.size() < fewest_scores) return learned;
  NormalScores scores;
  scores.frame_rate = static_cast<double>(frames_) / learned.seconds;
  for (const Frame &frame : kept_) {
    scores.values.push_back(motion_score(frame.maxima, tails[static_cast<std::size_t>(frame.fold)]));
    scores.continues.push_back(frame.continues);
  }
  learned.normal = describe_scores(scores, of_motion);
  return learned;
}

}  // namespace uniad
