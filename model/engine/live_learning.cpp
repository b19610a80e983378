// SPDX-License-Identifier: Apache-2.0
#include "model/engine/live_learning.h"

#include <algorithm>
#include <utility>

#include "model/error.h"

namespace uniad {
namespace {

// Neighbouring frames are alike and are held back together, a fifth of all in a block; where much is wanted
// in shorter ones, so that what is seen only for a while is not held back as a whole.
int fold_of(std::int64_t place, std::int64_t wanted, std::int64_t longest_block) {
  constexpr std::int64_t folds = StatisticsLearner::folds;
  const std::int64_t block = std::clamp<std::int64_t>((wanted + folds - 1) / folds, 1, longest_block);
  return static_cast<int>(place / block % folds);
}

}  // namespace

void CoveredTime::add(std::optional<std::chrono::nanoseconds> frame) {
  constexpr std::chrono::nanoseconds longest_step = std::chrono::minutes(1);  // more is a jump of the stream
  if (frame && newest_ && *frame > *newest_) step_ = std::min(*frame - *newest_, longest_step);
  covered_ += step_;
  if (frame) newest_ = frame;
}

LiveLearning::LiveLearning(const LearnOptions &options, Statistics known, const StatisticsConfig &config)
    : options_(options), anew_(known.empty()), learner_(std::move(known), config) {}

void LiveLearning::add(const torch::Tensor &features, const torch::Tensor &residuals,
                       std::optional<std::chrono::nanoseconds> time) {
  const bool added = learner_.add(options_.source, next_fold(), features[0],
                                  residuals.defined() ? residuals[0] : torch::Tensor());
  if (added)
    time_.add(time);
  else
    ++left_out_;
}

int LiveLearning::next_fold() const {
  constexpr std::int64_t longest_block = 80;
  constexpr std::chrono::nanoseconds longest_time = std::chrono::milliseconds(3200);
  if (options_.frames > 0) return fold_of(learner_.pictures(), options_.frames, longest_block);
  return fold_of(time_.covered().count(), options_.time.count(), longest_time.count());
}

bool LiveLearning::complete() const {
  return learner_.pictures() >= std::max<std::int64_t>(options_.frames, 1) && time_.reaches(options_.time);
}

Learning LiveLearning::progress() const {
  Learning learning;
  learning.frames = learner_.pictures();
  learning.wanted = options_.frames;
  learning.time = time_.covered();
  learning.wanted_time = options_.time;
  return learning;
}

LiveLearning::Outcome LiveLearning::finish(ScoreKind score, const ThresholdRule &rule) const {
  if (learner_.pictures() == 0) {
    throw Error("learn", "no frame came that could be learned from", "let the camera run, and learn again");
  }
  const std::int64_t needed = learner_.fewest();
  if (anew_ && !complete() && learner_.pictures() < needed) {
    throw Error("learn",
                "was cut short after " + std::to_string(learner_.pictures()) + " frames, of " +
                    std::to_string(options_.frames) + "; a new model needs " + std::to_string(needed),
                "let the camera run, and learn again");
  }
  StatisticsLearner::Learned learned = learner_.finish();
  Outcome outcome{std::move(learned.statistics), {}, progress()};
  outcome.learning.finished = true;
  std::vector<std::string> &remarks = outcome.learning.remarks;
  if (left_out_ > 0)
    remarks.push_back(std::to_string(left_out_) + " frames were left out: their features are no numbers");
  if (anew_ && learner_.pictures() < needed) {
    remarks.push_back("learned from " + std::to_string(learner_.pictures()) + " frames only; " +
                      std::to_string(needed) + " or more make what was learned trustworthy");
  }
  const auto grids = learned.held_back_grids.find(options_.source);
  if (grids == learned.held_back_grids.end()) {
    remarks.emplace_back("too few frames for a threshold: learn more, or set one");
    return outcome;
  }
  outcome.learning.normal = describe_scores({scores_of(grids->second, score), {}, options_.frame_rate}, rule);
  for (std::string &doubt : doubts(*outcome.learning.normal, rule)) remarks.push_back(std::move(doubt));
  outcome.calibration.rule = text_of(rule);
  outcome.calibration.sources[options_.source] = *outcome.learning.normal;
  outcome.calibration.pooled = outcome.learning.normal;
  return outcome;
}

}  // namespace uniad
