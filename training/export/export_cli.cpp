// SPDX-License-Identifier: Apache-2.0
#include "training/export/export.h"

#include "training/cli/options.h"

namespace uniad {

void describe_export(CLI::App &app, ExportOptions &options) {
  add_model(app, options.model, "Model file");
  add_path(app, "--onnx", options.onnx, "ONNX file to write, for ONNX Runtime, OpenVINO and other engines")
      ->required();
}

}  // namespace uniad
