// SPDX-License-Identifier: Apache-2.0
#include "model/engine/learner.h"

#include <exception>
#include <utility>

#include "model/base/error.h"

namespace uniad {
namespace {

constexpr std::size_t most_waiting = 8;  // frames of a stream without LearnOptions::wait

}  // namespace

Learner::Learner(LearningModel &model, std::function<void(const LearningProgress &)> tell,
                 std::chrono::nanoseconds save_again_after, std::chrono::nanoseconds keep_interval)
    : model_(model),
      tell_(std::move(tell)),
      save_again_after_(save_again_after),
      keep_interval_(keep_interval),
      thread_([this](const std::stop_token &stop) { run(stop); }) {}

Learner::~Learner() {
  end();
}

bool Learner::learn(const LearnOptions &options) {
  const std::scoped_lock lock(mutex_);
  if (phase_ != Phase::Over || task_) return false;
  task_ = options;
  waits_ = options.wait;
  phase_ = Phase::Gathering;
  ended_ = false;
  skipped_ = 0;
  changed_.notify_all();
  return true;
}

Learner::Phase Learner::phase() const {
  const std::scoped_lock lock(mutex_);
  return phase_;
}

void Learner::add(Tokens tokens, GrayPicture luma, std::optional<std::chrono::nanoseconds> time,
                  std::shared_ptr<const FrameMotion> motion) {
  std::unique_lock lock(mutex_);
  if (phase_ != Phase::Gathering) return;
  if (!waits_ && frames_.size() >= most_waiting) {
    ++skipped_;
    return;
  }
  frames_.push_back({std::move(tokens), std::move(luma), time, std::move(motion)});
  changed_.notify_all();
  if (!waits_) return;
  changed_.wait(lock, [this] {
    return phase_ == Phase::Over || (phase_ == Phase::Gathering && frames_.empty() && !adding_);
  });
}

void Learner::end() {
  std::unique_lock lock(mutex_);
  ended_ = true;
  changed_.notify_all();
  changed_.wait(lock, [this] { return idle_ && !task_; });
}

void Learner::run(const std::stop_token &stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const bool unsaved = model_.has_unsaved();
    const auto has_task = [this] { return task_.has_value(); };
    if (unsaved && !task_)
      changed_.wait_for(lock, stop, save_again_after_, has_task);
    else
      changed_.wait(lock, stop, has_task);
    const std::optional<LearnOptions> task = std::exchange(task_, std::nullopt);
    if (!task && !unsaved) continue;
    idle_ = false;
    lock.unlock();
    if (task) learn_what_comes(*task);
    save();
    lock.lock();
    idle_ = true;
    changed_.notify_all();
  }
  lock.unlock();
  save();
}

void Learner::learn_what_comes(const LearnOptions &options) {
  LearningProgress failed;
  failed.state = LearningProgress::State::Failed;
  failed.source = options.source;
  failed.wanted = options.frames;
  failed.wanted_time = options.time;
  try {
    LearningProgress begun;
    const std::unique_ptr<LiveLearning> learning = model_.begin_learning(options, begun);
    LearningProgress first = learning->progress();
    first.warnings = begun.warnings;
    first.failure = begun.failure;
    say(first);
    const bool complete = gather(*learning);
    if (keeping_.valid()) keeping_.wait();
    failed.frames = learning->progress().frames;
    failed.time = learning->progress().time;
    if (complete) {
      done_ = model_.adopt(*learning);
      say(done_);
    } else {
      LearningProgress interrupted = learning->progress();
      interrupted.state = LearningProgress::State::Interrupted;
      if (interrupted.frames > 0) interrupted.kept = model_.keep(options.source, model_.snapshot(*learning));
      say(interrupted);
    }
  } catch (const std::exception &error) {
    failed.failure = error.what();
    say(failed);
  }
  enter(Phase::Over);
}

// Gathers frames until there are enough. Returns false if the stream ends before.
bool Learner::gather(LiveLearning &learning) {
  constexpr double step = 0.05;
  double next_report = learning.progress().share() + step;
  keep_at_ = std::chrono::steady_clock::now() + keep_interval_;
  while (!learning.complete()) {
    std::unique_lock lock(mutex_);
    adding_ = false;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !frames_.empty() || ended_; });
    if (frames_.empty()) return false;
    const Frame frame = std::move(frames_.front());
    frames_.pop_front();
    adding_ = true;
    learning.leave_out(std::exchange(skipped_, 0));
    lock.unlock();
    learning.add(frame.tokens, frame.luma, frame.time, frame.motion.get());
    if (learning.complete()) break;
    keep_now_and_then(learning);
    const LearningProgress progress = learning.progress();
    if (progress.share() < next_report) continue;
    next_report = progress.share() + step;
    say(progress);
  }
  enter(Phase::Fitting);
  return true;
}

// Writes on a separate thread, because disks may be slow and frames that arrive in the meantime would be left
// out. A snapshot may be hundreds of megabytes in size, so the next one is written only after a pause of ten
// times the duration of this one.
void Learner::keep_now_and_then(const LiveLearning &learning) {
  using Clock = std::chrono::steady_clock;
  constexpr int rest = 10;
  const auto begun = Clock::now();
  const bool keeps =
      keeping_.valid() && keeping_.wait_for(std::chrono::seconds(0)) != std::future_status::ready;
  if (keeps || begun < keep_at_ || begun < keep_at_ - keep_interval_ + rest * keeping_took_.load()) return;
  keep_at_ = begun + keep_interval_;
  keeping_ = std::async(std::launch::async, [this, begun, source = learning.source(),
                                             kept = model_.snapshot(learning)]() mutable {
    model_.keep(source, std::move(kept));
    keeping_took_ = Clock::now() - begun;
  });
}

void Learner::enter(Phase phase) {
  const std::scoped_lock lock(mutex_);
  phase_ = phase;
  frames_.clear();
  adding_ = false;
  changed_.notify_all();
}

// A failure is reported only once until saving succeeds again.
void Learner::save() {
  if (!model_.has_unsaved()) return;
  LearningProgress saved = done_;
  saved.state = LearningProgress::State::Saved;
  saved.warnings.clear();
  try {
    model_.save_learned();
    said_unsaved_ = false;
  } catch (const std::exception &error) {
    saved.state = LearningProgress::State::Unsaved;
    saved.failure = error.what();
    if (std::exchange(said_unsaved_, true)) return;
  }
  say(saved);
}

}  // namespace uniad
