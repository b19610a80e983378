// SPDX-License-Identifier: Apache-2.0
// The subcommands train and update.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "training/base/progress.h"
#include "training/train/options.h"

namespace CLI {
class App;
}

namespace uniad {

// The settings of `uniad train` from the command line.
struct TrainCommand {
  std::vector<std::string> data;     // [NAME=]PATH, or a live stream
  std::vector<std::string> zones;    // [NAME=]FILE
  double record_seconds = 60;        // of each stream
  std::filesystem::path image_dir;   // base folder of the file names in lists
  std::optional<int> bit_depth;      // significant bits of 16-bit values; absent: all
  std::size_t max_frames = 2000;     // per source
  std::optional<double> frame_rate;  // frames per second, instead of the frame rate of the videos
  TrainOptions options;              // without sources; backbone may be "auto"
  bool keep_features = true;         // in options.cache.folder, by default the user's cache
};

// Opens the data, finds the backbone's weights and trains. Ctrl-C ends the training in an orderly way.
void run_train(const TrainCommand &command, Progress &progress);

// Opens the data and adds it to the model.
void run_update(const TrainCommand &command, Progress &progress);

// The options of `uniad train` and of `uniad update`. `command` must outlive the app.
void describe_train(CLI::App &app, TrainCommand &command);
void describe_update(CLI::App &app, TrainCommand &command);

}  // namespace uniad
