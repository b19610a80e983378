// SPDX-License-Identifier: Apache-2.0
#include "model/engine/live_learning.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "model/base/error.h"
#include "model/base/json_text.h"
#include "model/file/health_file.h"
#include "model/file/interrupted_learning.h"
#include "model/file/motion_file.h"
#include "model/statistics/one_torch_thread.h"

namespace uniad {
namespace {

using nlohmann::json;

constexpr const char *only_source = "";  // for StatisticsLearner: frames are always of one source

// Neighboring frames are similar, so they are held out together, in blocks of a fifth of all wanted frames.
// The length of blocks is limited, so that something that is visible only for a while is not held out as a
// whole.
int fold_of(std::int64_t place, std::int64_t wanted, std::int64_t longest_block) {
  constexpr std::int64_t folds = StatisticsLearner::folds;
  const std::int64_t block = std::clamp<std::int64_t>((wanted + folds - 1) / folds, 1, longest_block);
  return static_cast<int>(place / block % folds);
}

}  // namespace

void CoveredTime::add(std::optional<std::chrono::nanoseconds> frame) {
  if (frame && newest_ && *frame > *newest_) measure(*frame - *newest_);
  covered_ += step_;
  if (frame) newest_ = frame;
}

// While a camera stalls, it delivers no pictures, so this time does not count. A single interval that is far
// longer than the others is a gap; two in a row are the new pace of the stream.
void CoveredTime::measure(std::chrono::nanoseconds step) {
  constexpr std::chrono::nanoseconds longest_step = std::chrono::minutes(1);  // longer: a jump of timestamps
  constexpr int far_longer = 10;
  step = std::min(step, longest_step);
  const bool is_gap = steps_ > 0 && step / far_longer > step_;
  const bool was_gap = std::exchange(after_gap_, is_gap);
  if (is_gap && !was_gap) return;
  if (steps_ == 1 && step_ / far_longer > step) covered_ = step;  // the first interval was the gap
  step_ = step;
  ++steps_;
}

// A single interval may be a gap, so at least two are required.
bool CoveredTime::reaches(std::chrono::nanoseconds wanted) const {
  return wanted.count() == 0 || (steps_ != 1 && covered() + step_ / 2 >= wanted);
}

CoveredTime CoveredTime::after(std::chrono::nanoseconds covered, std::chrono::nanoseconds step) {
  CoveredTime time;
  time.covered_ = covered - step;
  time.step_ = step;
  time.steps_ = step.count() > 0 ? 2 : 0;
  return time;
}

LiveLearning::LiveLearning(const LearnOptions &options, Statistics known, const StatisticsConfig &config,
                           std::int64_t rows, std::int64_t columns, MotionReference known_motion)
    : options_(options),
      anew_(known.empty()),
      residuals_(config.residuals),
      rows_(rows),
      columns_(columns),
      learner_(std::move(known), config),
      motion_(std::move(known_motion)) {}

void LiveLearning::add(const Tokens &tokens, const GrayPicture &luma,
                       std::optional<std::chrono::nanoseconds> time, const FrameMotion *motion) {
  const OneTorchThread one_thread;
  const c10::InferenceMode inference;
  const auto as_map = [&](const std::vector<float> &values) {
    return torch::tensor(values).view({rows_, columns_, -1}).permute({2, 0, 1}).contiguous();
  };
  const int fold = next_fold();
  const bool added = learner_.add(only_source, fold, as_map(tokens.features),
                                  residuals_ ? as_map(tokens.residuals) : torch::Tensor());
  if (!added) {
    ++left_out_;
    return;
  }
  time_.add(time);
  health_.add(luma, time);
  if (motion != nullptr && time) motion_.add(motion->map, motion->step, *time, fold);
}

MotionReference LiveLearning::motion(const ThresholdRule &rule) const {
  return merge(motion_before_, motion_.finish(rule, options_.motion));
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

LearningProgress LiveLearning::progress() const {
  LearningProgress learning;
  learning.source = options_.source;
  learning.frames = learner_.pictures();
  learning.wanted = options_.frames;
  learning.time = time_.covered();
  learning.wanted_time = options_.time;
  return learning;
}

// The measured rate of the frames, or the declared rate of the stream if they have no times.
double LiveLearning::frame_rate() const {
  constexpr double fastest = 1e5;
  const double seconds = std::chrono::duration<double>(time_.covered()).count();
  const auto frames = static_cast<double>(learner_.pictures() + left_out_ + skipped_);
  if (seconds <= 0 || learner_.pictures() < 2) return options_.frame_rate;
  return std::min(frames / seconds, fastest);
}

std::vector<std::string> LiveLearning::warnings_about(const ScoreStatistics &normal,
                                                      const ThresholdRule &rule) const {
  constexpr std::chrono::seconds shortest{10};
  std::vector<std::string> found = threshold_warnings(normal, rule);
  if (time_.covered().count() > 0 && time_.covered() < shortest) {
    std::ostringstream text;
    text << std::fixed << std::setprecision(1) << "the frames cover only "
         << std::chrono::duration<double>(time_.covered()).count()
         << " s of the stream: whatever happens more rarely will be anomalous; learn for 30 s or more";
    found.push_back(text.str());
  }
  if (all_alike(normal))
    found.emplace_back(
        "the frames are all nearly the same, as those of a picture that stands still: the "
        "least change will be anomalous; learn while the scene shows what is normal");
  if (rule.false_alarms_per_hour && frame_rate() <= 0)
    found.push_back(
        "the stream tells no frame rate and its frames no times, so that the threshold is the mean "
        "plus some standard deviations instead of " +
        text_of(rule));
  return found;
}

LiveLearning::Outcome LiveLearning::finish(ScoreKind score, const ThresholdRule &rule,
                                           const ZoneGrid *zones) const {
  const OneTorchThread one_thread;
  const c10::InferenceMode inference;
  StatisticsLearner::Learned learned = learner_.finish();
  Outcome outcome{
      std::move(learned.statistics), std::move(learned.gained), {}, health(), motion(rule), progress()};
  outcome.learning.state = LearningProgress::State::Done;
  std::vector<std::string> &warnings = outcome.learning.warnings;
  const std::int64_t needed = learner_.fewest();
  if (left_out_ > 0)
    warnings.push_back(std::to_string(left_out_) + " frames were left out: their features are not finite");
  if (anew_ && learner_.pictures() < needed) {
    warnings.push_back("learned from " + std::to_string(learner_.pictures()) + " frames only; " +
                       std::to_string(needed) + " or more make what was learned trustworthy");
  }
  const auto grids = learned.held_back_grids.find(only_source);
  if (grids == learned.held_back_grids.end()) {
    warnings.emplace_back("too few frames for a threshold: learn more, or set one");
    return outcome;
  }
  outcome.learning.frame_rate = frame_rate();
  NormalScores normal{scores_of(grids->second, score, zones), {}, frame_rate()};
  if (!has_watch_zones(zones)) {
    normal.distances = std::move(learned.held_back_images[only_source]);
    normal.groups = std::move(learned.held_back_folds[only_source]);
  }
  outcome.learning.normal = describe_scores(normal, rule);
  for (std::string &warning : warnings_about(*outcome.learning.normal, rule))
    warnings.push_back(std::move(warning));
  outcome.calibration.rule = text_of(rule);
  outcome.calibration.sources[options_.source] = *outcome.learning.normal;
  outcome.calibration.pooled = outcome.learning.normal;
  return outcome;
}

TensorFile LiveLearning::store() const {
  const c10::InferenceMode inference;
  TensorFile stored = learner_.store();
  const json entry{{"frames", learner_.pictures()},
                   {"covered", time_.covered().count()},
                   {"step", time_.step().count()},
                   {"left_out", left_out_},
                   {"skipped", skipped_}};
  stored.metadata[learning_entry] = json_text(entry);
  store_health({{options_.source, health()}}, stored);
  store_motion({{options_.source, motion({})}}, stored);
  return stored;
}

void LiveLearning::restore(const TensorFile &stored) {
  const c10::InferenceMode inference;
  const auto found = stored.metadata.find(learning_entry);
  if (found == stored.metadata.end())
    throw Error(ErrorKind::Malformed, "what was learned so far", std::string(learning_entry) + " is missing",
                "learn it again");
  try {
    const json entry = json::parse(found->second);
    const auto count = [&](const char *name) {
      const auto value = entry.at(name).get<std::int64_t>();
      if (value < 0)
        throw Error(ErrorKind::Malformed, "what was learned so far", std::string(name) + " is below 0",
                    "learn it again");
      return value;
    };
    const CoveredTime time = CoveredTime::after(std::chrono::nanoseconds(count("covered")),
                                                std::chrono::nanoseconds(count("step")));
    const std::int64_t left_out = count("left_out");
    const std::int64_t skipped = count("skipped");
    TensorFile others = stored;
    HealthReferences health = take_health(others, "what was learned so far");
    MotionReferences motion = take_motion(others, "what was learned so far");
    learner_.restore(others);
    motion_before_ = std::move(motion[options_.source]);
    health_before_ = std::move(health[options_.source]);
    time_ = time;
    left_out_ = left_out;
    skipped_ = skipped;
  } catch (const json::exception &error) {
    throw Error(ErrorKind::Malformed, "what was learned so far", std::string(error.what()).substr(0, 200),
                "learn it again");
  }
}

}  // namespace uniad
