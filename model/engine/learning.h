// SPDX-License-Identifier: Apache-2.0
// The progress of learning from a stream.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "model/scoring/calibration.h"

namespace uniad {

// The state, progress and result of learning.
struct LearningProgress {
  enum class State {
    Learning,     // frames are learned from
    Done,         // the result is in force: frames are judged by it
    Saved,        // the result is in the model's file
    Unsaved,      // the result is in force but could not be written (see `failure`); writing will be retried
    Interrupted,  // the stream ended early; what was learned is kept, so that learning can be resumed
    Failed,       // nothing was learned (see `failure`); the model is unchanged
  };

  State state = State::Learning;
  std::string source;
  std::int64_t frames = 0;  // number of frames learned from
  std::int64_t wanted = 0;
  std::chrono::nanoseconds time{0};  // stream time that these frames cover
  std::chrono::nanoseconds wanted_time{0};
  std::string failure;  // Failed, Unsaved: the reason; Learning: why earlier learning could not be resumed
  std::filesystem::path kept;  // Interrupted: the file with what was learned; empty: only in memory
  double frame_rate = 0;       // Done: frames per second, for false alarms per hour; 0: not known
  std::optional<ScoreStatistics> normal;  // Done: of the source, if there are enough frames for a threshold
  std::vector<std::string> warnings;      // for the user

  double share() const;               // the completed share, 0 to 1
  std::string progress_text() const;  // "61 of 1000 frames", "4 of 30 s"
};

}  // namespace uniad
