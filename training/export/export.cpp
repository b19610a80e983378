// SPDX-License-Identifier: Apache-2.0
#include "training/export/export.h"

#include <nlohmann/json.hpp>
#include <system_error>

#include "model/backbone/displacement.h"
#include "model/base/error.h"
#include "model/base/json_text.h"
#include "model/file/model_file.h"
#include "model/file/model_statistics.h"
#include "model/file/safetensors.h"
#include "training/base/output.h"
#include "training/export/onnx_file.h"

namespace uniad {
namespace {

std::string preprocessing(const InputConfig &input) {
  return json_text(nlohmann::ordered_json{
      {"width", input.width},
      {"height", input.height},
      {"colour", "RGB"},
      {"layout", "NCHW"},
      {"resize", "Pillow bilinear, antialiased, 8 bits per channel; aspect ratio not kept"},
      {"formula", "(x / 255 - mean) / std"},
      {"mean", input.mean},
      {"std", input.std}});
}

std::string place_of_grid(const ModelConfig &config) {
  const auto [left, top] = grid_origin(config);
  return json_text(nlohmann::ordered_json{{"left", left}, {"top", top}});
}

}  // namespace

void export_model(const ExportOptions &options, Progress &progress) {
  check_writable(options.onnx, "--onnx");
  std::error_code none_there_yet;
  if (std::filesystem::equivalent(options.model, options.onnx, none_there_yet))
    throw Error(ErrorKind::InvalidArgument, options.onnx.string(),
                "is the model itself, which would be overwritten", "choose another file for --onnx");
  OnnxContent content;
  // The metadata is copied from the file unchanged, however this program interprets it.
  content.metadata = read_safetensors_header(options.model).metadata;
  const Model model = read_model(options.model);
  content.metadata["uniad.preprocessing"] = preprocessing(model.config.input);
  content.metadata["uniad.grid"] = place_of_grid(model.config);
  content.network = fold(model, options.model.string());
  if (model.config.statistics) {
    content.statistics = fold_statistics(model);
    if (!model.config.statistics->residuals) content.network.reconstruction.reset();  // no output uses it
  }
  content.version = UNIAD_VERSION;
  content.score = model.config.score;
  if (model.calibration.pooled) content.image = model.calibration.pooled->image;
  content.description =
      model.config.backbone.name + " at " + std::to_string(model.config.input.width) + "x" +
      std::to_string(model.config.input.height) + ", scored by " +
      (model.config.statistics ? "statistics of normal features" : "the error of UniAD's reconstruction");
  write_onnx(content, options.onnx);
  progress.say("wrote " + options.onnx.string() + " (" + content.description + ")");
}

}  // namespace uniad
