// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "training/progress.h"
#include "training/train/options.h"

namespace uniad {

// `uniad train` as the command line says it.
struct TrainCommand {
  std::vector<std::string> data;     // [NAME=]PATH, or a stream that runs now
  double record_seconds = 60;        // of each stream
  std::filesystem::path image_dir;   // of lists
  std::optional<int> bit_depth;      // of values of 16 bits so many are used; absent: all
  std::size_t max_frames = 2000;     // of a source's videos
  std::optional<double> frame_rate;  // frames a second, instead of what the videos say
  TrainOptions options;              // sources are still missing; backbone may be "auto"
  bool keep_features = true;         // in options.cache.folder, by default the user's cache
};

// Opens the data, finds the backbone's weights and trains. From its start on ctrl-C ends the training in
// order.
void run_train(const TrainCommand &command, Progress &progress);

// Opens the data and adds it to the model.
void run_update(const TrainCommand &command, Progress &progress);

}  // namespace uniad
