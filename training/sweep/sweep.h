// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "training/progress.h"

namespace uniad {

struct SweepOptions {
  std::filesystem::path file;     // TOML
  std::vector<std::string> data;  // [NAME=]PATH
  std::filesystem::path out;      // folder of models and results
  std::vector<std::string> set;   // KEY=VALUE, options of every training
  std::vector<std::int64_t> seeds{0};
  std::string json;      // file or "-"; empty: none
  bool dry_run = false;  // print the trainings, run none
};

// Trains and evaluates every row of a table of experiments, and prints the table with the mean image and
// pixel AUROC over sources and seeds in percent, beside what a paper reports. The file:
//   title = "Table 5d: ..."      [options] = options of `uniad train`, of every row
//   [[row]]  name = "Enc", options of its own, paper = [95.8, 96.3] (image, pixel)
//            separate = true: a model for every source instead of one for all
//            select = "#0,1,2": put behind every PATH of the data (frames of videos, classes of CIFAR-10)
// Each training leaves its model and its figures in `out`; one whose figures are there, of the same options,
// is not run again. A row that fails is reported, the others go on. Throws Error at the end where one failed,
// and for a file that makes no sense before any training begins.
void sweep(const SweepOptions &options, Progress &progress);

}  // namespace uniad
