// SPDX-License-Identifier: Apache-2.0
// The subcommand sweep.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "training/base/progress.h"

namespace CLI {
class App;
}

namespace uniad {

struct SweepOptions {
  std::filesystem::path file;     // TOML
  std::vector<std::string> data;  // [NAME=]PATH
  std::filesystem::path out;      // folder of models and results
  std::vector<std::string> set;   // KEY=VALUE, options of every training
  std::vector<std::int64_t> seeds{0};
  std::string json;      // file or "-"; empty: none
  bool dry_run = false;  // print the trainings without running them
};

// Trains and evaluates every row of a table of experiments, and prints the table with the mean image and
// pixel AUROC over sources and seeds in percent, next to the figures of a paper. The file:
//   title = "Table 5d: ..."      [options] = options of `uniad train` for every row
//   [[row]]  name = "Enc", its own options, paper = [95.8, 96.3] (image, pixel)
//            separate = true: one model per source instead of one for all
//            select = "#0,1,2": appended to every PATH of the data (frames of videos, classes of CIFAR-10)
// Each training saves its model and its results in `out`; a training whose results exist there for the same
// options is not run again. If a row fails, it is reported and the others continue. Throws Error at the end
// if a row failed, and for an invalid file before any training starts.
void sweep(const SweepOptions &options, Progress &progress);

void describe_sweep(CLI::App &app, SweepOptions &options);

}  // namespace uniad
