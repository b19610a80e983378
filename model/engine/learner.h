// SPDX-License-Identifier: Apache-2.0
// Learns from a running stream on a thread of its own.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "model/engine/backend/backend.h"
#include "model/engine/detector.h"
#include "model/engine/live_learning.h"

namespace uniad {

// The model that a Learner learns for. All of it is called on the learner's thread, unless it says otherwise,
// and may take its time.
class LearningModel {
 public:
  LearningModel() = default;
  virtual ~LearningModel() = default;
  LearningModel(const LearningModel &) = delete;
  LearningModel &operator=(const LearningModel &) = delete;

  // Resumes interrupted learning if there is any; `begun` receives its warnings, or the reason why it could
  // not be resumed. Throws Error.
  virtual std::unique_ptr<LiveLearning> begin_learning(const LearnOptions &options,
                                                       LearningProgress &begun) = 0;
  // Puts what was learned in force. Throws Error if nothing can be learned from it.
  virtual LearningProgress adopt(const LiveLearning &learning) = 0;
  // What was learned so far, to be kept.
  virtual TensorFile snapshot(const LiveLearning &learning) = 0;
  // Keeps it; where: the file, or none where it is in memory alone. Any thread.
  virtual std::filesystem::path keep(const std::string &source, TensorFile snapshot) = 0;
  // Brings what is in force into the model's file. Throws Error.
  virtual void save_learned() = 0;
  virtual bool has_unsaved() const = 0;
};

// Learns on a thread of its own, so that reading the model, adding frames, fitting and writing do not block
// the stream. What was learned so far is written to disk regularly, so that a crash loses little. If the
// model file cannot be written, writing is retried later.
class Learner {
 public:
  enum class Phase {
    Gathering,  // takes frames
    Fitting,    // has them all, and works out what follows
    Over,       // what was learned is in force, or kept, or nothing came of it
  };

  // tell: receives the progress, on the learner's thread and never while a lock is held.
  Learner(LearningModel &model, std::function<void(const LearningProgress &)> tell,
          std::chrono::nanoseconds save_again_after, std::chrono::nanoseconds keep_interval);
  // Waits for what is being written.
  ~Learner();
  Learner(const Learner &) = delete;
  Learner &operator=(const Learner &) = delete;

  // Returns false if it is already learning, which then continues.
  bool learn(const LearnOptions &options);

  Phase phase() const;

  // A frame to learn from. With LearnOptions::wait, returns when it has been, and when what was learned is in
  // force should it be the last; else a frame that comes while others still wait is left out.
  // luma, motion: of the same frame; motion may be null.
  void add(Tokens tokens, GrayPicture luma, std::optional<std::chrono::nanoseconds> time,
           std::shared_ptr<const FrameMotion> motion = {});

  // Ends learning. Returns when what was learned is in force or kept, and has been written if possible.
  void end();

 private:
  struct Frame {
    Tokens tokens;
    GrayPicture luma;
    std::optional<std::chrono::nanoseconds> time;
    std::shared_ptr<const FrameMotion> motion;
  };

  void run(const std::stop_token &stop);
  void learn_what_comes(const LearnOptions &options);
  bool gather(LiveLearning &learning);
  void keep_now_and_then(const LiveLearning &learning);
  void save();
  void enter(Phase phase);
  void say(const LearningProgress &learning) const {
    if (tell_) tell_(learning);
  }

  LearningModel &model_;
  const std::function<void(const LearningProgress &)> tell_;
  const std::chrono::nanoseconds save_again_after_;
  const std::chrono::nanoseconds keep_interval_;
  // The learner's thread alone.
  LearningProgress done_;                          // what is to be saved
  bool said_unsaved_ = false;                      // that it could not be
  std::chrono::steady_clock::time_point keep_at_;  // the next time, unless one goes on
  std::future<void> keeping_;
  std::atomic<std::chrono::nanoseconds> keeping_took_{};

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable_any changed_;
  Phase phase_ = Phase::Over;
  std::optional<LearnOptions> task_;
  std::deque<Frame> frames_;
  bool adding_ = false;  // a frame that is not in `frames_` any more
  bool waits_ = false;   // LearnOptions::wait
  bool ended_ = false;   // no more frames come
  bool idle_ = true;
  std::int64_t skipped_ = 0;
  std::jthread thread_;  // last, so that it has ended before the rest goes
};

}  // namespace uniad
