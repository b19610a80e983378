// SPDX-License-Identifier: Apache-2.0
// The table of subcommands.
#pragma once

#include <CLI/App.hpp>
#include <memory>

#include "training/bench/bench.h"
#include "training/calibrate/calibrate.h"
#include "training/evaluate/evaluate.h"
#include "training/export/export.h"
#include "training/extract/extract.h"
#include "training/import/import.h"
#include "training/info/info.h"
#include "training/predict/predict.h"
#include "training/render/render.h"
#include "training/sweep/sweep.h"
#include "training/train/train_command.h"
#include "training/train/update.h"

namespace uniad {

// All settings of a command line.
struct CommandLine {
  TrainCommand train;
  SweepOptions sweep;
  TrainCommand update;
  MergeOptions merge;
  EvaluateOptions evaluate;
  CalibrateOptions calibrate;
  PredictOptions predict;
  ExtractOptions extract;
  RenderOptions render;
  ImportOptions import;
  ExportOptions exported;
  InfoOptions info;
  BenchOptions bench;
  bool log_json = false;
  bool completion = false;
  bool man = false;
  bool markdown = false;
};

// The table of subcommands and options for the parser, --help, the man page and docs/uniad.md. line must
// outlive it.
std::unique_ptr<CLI::App> describe_command_line(CommandLine &line);

}  // namespace uniad
