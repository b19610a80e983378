// SPDX-License-Identifier: Apache-2.0
// The subcommand export.
#pragma once

#include <filesystem>

#include "training/base/progress.h"

namespace CLI {
class App;
}

namespace uniad {

struct ExportOptions {
  std::filesystem::path model;
  std::filesystem::path onnx;
};

// Writes a model for other engines: its network and its statistics as one ONNX graph, with preprocessing,
// calibration, configuration and provenance as metadata (docs/export.md). Throws Error.
void export_model(const ExportOptions &options, Progress &progress);

void describe_export(CLI::App &app, ExportOptions &options);

}  // namespace uniad
