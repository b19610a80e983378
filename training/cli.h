// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/App.hpp>
#include <memory>

#include "training/bench/bench.h"
#include "training/evaluate/evaluate.h"
#include "training/import/import.h"
#include "training/info/info.h"
#include "training/predict/predict.h"
#include "training/render/render.h"
#include "training/train/update.h"
#include "training/train_command.h"

namespace uniad {

// Everything that a command line can say.
struct CommandLine {
  TrainCommand train;
  TrainCommand update;
  MergeOptions merge;
  EvaluateOptions evaluate;
  PredictOptions predict;
  RenderOptions render;
  ImportOptions import;
  InfoOptions info;
  BenchOptions bench;
  bool man = false;
  bool markdown = false;
};

// The one table of subcommands and options: what the parser takes, and what --help, the man page and the
// README say. `line` must outlive it.
std::unique_ptr<CLI::App> describe_command_line(CommandLine &line);

}  // namespace uniad
