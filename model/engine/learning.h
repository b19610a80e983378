// SPDX-License-Identifier: Apache-2.0
// How far learning from a stream has come.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "model/scoring/calibration.h"

namespace uniad {

// How learning goes.
struct LearningProgress {
  enum class State {
    Learning,     // frames are learned from
    Done,         // frames are judged by what was learned
    Saved,        // what was learned is in the model's file
    Unsaved,      // it is in force and could not be written: `failure`; that will be tried again
    Interrupted,  // no more frames came: what was learned is kept for when learning begins again
    Failed,       // nothing was learned: `failure`; the model is what it was before
  };

  State state = State::Learning;
  std::string source;
  std::int64_t frames = 0;  // learned from
  std::int64_t wanted = 0;
  std::chrono::nanoseconds time{0};  // of the stream, that these frames cover
  std::chrono::nanoseconds wanted_time{0};
  std::string failure;                    // Learning: why what was kept of before could not be used
  std::filesystem::path kept;             // Interrupted: in which file; none: in memory alone
  double frame_rate = 0;                  // Done: by which false alarms per hour are counted; 0: not known
  std::optional<ScoreStatistics> normal;  // Done: of the source, where the frames give a threshold
  std::vector<std::string> warnings;      // what the user should know

  double share() const;               // of what is wanted, 0 to 1
  std::string progress_text() const;  // "61 of 1000 frames", "4 of 30 s"
};

}  // namespace uniad
