// SPDX-License-Identifier: Apache-2.0
#include "training/import/import.h"

#include "model/base/error.h"
#include "model/file/import.h"
#include "model/file/weights.h"
#include "training/base/output.h"

namespace uniad {
namespace {

std::optional<BackboneWeights> try_backbone(const std::filesystem::path &file) {
  try {
    return read_backbone_weights(file);
  } catch (const Error &) {
    return std::nullopt;  // not a backbone: the checkpoint's error is reported
  }
}

}  // namespace

void import_files(const ImportOptions &options, Progress &progress) {
  check_model(options.model, "--model");
  const std::vector<std::filesystem::path> files(options.checkpoints.begin(), options.checkpoints.end());
  try {
    const auto model = import_checkpoint(files);
    write_model(model, options.model);
    progress.say("wrote the model " + options.model.string() + " (" + model.config.backbone.name +
                 "; it has no calibration)");
  } catch (const Error &) {
    const auto backbone = files.size() == 1 ? try_backbone(files[0]) : std::nullopt;
    if (!backbone) throw;
    write_safetensors(to_weight_file(*backbone), options.model);
    progress.say("wrote the weights of " + backbone->config.name + " to " + options.model.string() +
                 "; train with --weights " + options.model.string());
  }
}

}  // namespace uniad
