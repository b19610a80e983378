// SPDX-License-Identifier: Apache-2.0
#include "training/info/info.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "model/base/json_text.h"
#include "model/config/choices.h"
#include "model/file/model_file.h"
#include "model/file/safetensors.h"
#include "training/base/output.h"

namespace uniad {
namespace {

std::int64_t parameters(const Model &model) {
  return std::accumulate(
      model.tensors.begin(), model.tensors.end(), std::int64_t{0}, [](std::int64_t sum, const auto &tensor) {
        const auto &shape = tensor.second.shape;
        return sum + std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
      });
}

void print_statistics(const std::string &name, const ScoreStatistics &statistics) {
  std::cout << "  " << name << ": threshold " << statistics.threshold << ", normal scores " << statistics.mean
            << " +- " << statistics.standard_deviation << " (" << statistics.count << " scores";
  if (const auto &tail = statistics.tail)
    std::cout << ", " << tail->peaks.size() << " runs above " << tail->level << ": generalized Pareto, scale "
              << tail->scale << ", shape " << tail->shape;
  if (statistics.image) std::cout << "; weight of the picture as a whole " << statistics.image->weight;
  std::cout << ")\n";
}

template <typename Enum>
std::string called(Enum value, const Choices<Enum> &choices) {
  return std::find_if(choices.begin(), choices.end(),
                      [&](const auto &choice) { return choice.first == value; })
      ->second;
}

// Mentions only sizes and differences from the paper's UniAD.
std::string text_of(const ReconstructionConfig &r) {
  if (r.kind == NetworkKind::Cnn) return "cnn, dim " + std::to_string(r.dim);
  std::string text = r.kind == NetworkKind::Mlp ? "mlp, " : "";
  text += std::to_string(r.encoder_layers) + " encoder and " + std::to_string(r.decoder_layers) +
          " decoder layers, dim " + std::to_string(r.dim);
  if (r.kind == NetworkKind::UniAD && (r.mask_encoder || r.mask_decoder_first || r.mask_decoder_second))
    text += ", mask " + std::to_string(r.mask_height) + "x" + std::to_string(r.mask_width);
  if (r.queries != QueryEmbedding::Layer) text += ", queries: " + called(r.queries, query_choices());
  if (r.decoder_variant != DecoderVariant::A)
    text += ", decoder variant " + called(r.decoder_variant, variant_choices());
  if (r.loss != FeatureLoss::Mse) text += ", loss " + called(r.loss, loss_choices());
  return text;
}

void print_text(const Model &model, const std::string &name) {
  const auto &[input, backbone, reconstruction, statistics, score] = model.config;
  std::cout << name << "\n"
            << "input           " << input.width << "x" << input.height << "\n"
            << "backbone        " << backbone.name << ", stages";
  for (const int stage : backbone.stages) std::cout << " " << stage;
  std::cout << "\n";
  if (reconstruction)
    std::cout << "reconstruction  " << text_of(*reconstruction)
              << (model.tensors.contains("feature_whitening") ? ", on whitened features" : "") << "\n";
  if (statistics)
    std::cout << "statistics      of features" << (statistics->residuals ? " and residuals" : "") << ", "
              << statistics->clusters << (statistics->clusters == 1 ? " cluster" : " clusters") << "\n";
  std::cout << "scored by       " << (statistics ? "statistics" : "reconstruction error") << "\n"
            << "tensors         " << model.tensors.size() << ", " << parameters(model) << " parameters\n";

  const auto &provenance = model.provenance;
  if (!provenance.recipe.empty())
    std::cout << "trained         recipe " << provenance.recipe << ", " << provenance.steps << " steps, seed "
              << provenance.seed << ", by uniad " << provenance.program_version << "\n";
  if (!provenance.weight_file.empty())
    std::cout << "weights         " << provenance.weight_file << ", " << provenance.weight_license << "\n";
  for (const auto &source : provenance.sources)
    std::cout << "  " << source.name << ": " << source.trained << " to learn from, " << source.held_back
              << " held out, " << source.path << "\n";

  const auto &calibration = model.calibration;
  std::cout << "calibration     " << (calibration.pooled ? calibration.rule : "none") << "\n";
  for (const auto &[source, statistics] : calibration.sources) print_statistics(source, statistics);
  if (calibration.pooled) print_statistics("any other source", *calibration.pooled);
  if (!model.health.empty()) std::cout << "camera health   references\n";
  for (const auto &[source, reference] : model.health) {
    std::int64_t pictures = 0;
    for (const SceneLook &look : reference.looks) pictures += look.pictures;
    std::cout << "  " << source << ": " << reference.looks.size()
              << (reference.looks.size() == 1 ? " look" : " looks") << " of " << pictures << " pictures\n";
  }
  if (!model.motion.empty()) std::cout << "motion          by the row of the picture\n";
  for (const auto &[source, reference] : model.motion) {
    std::cout << "  " << source << ": " << name_of(reference.use, motion_choices()) << ", "
              << reference.frames << " frames, " << std::llround(reference.seconds) << " s";
    if (reference.normal)
      std::cout << ", threshold " << reference.normal->threshold << " (" << reference.rule << ")";
    std::cout << "\n";
  }
}

void write_json(const Model &model, const InfoOptions &options) {
  const auto metadata = read_safetensors_header(options.model).metadata;
  nlohmann::ordered_json json;
  for (const char *part : {"version", "config", "calibration", "provenance", "health", "motion"})
    if (const auto found = metadata.find(std::string("uniad.") + part); found != metadata.end())
      json[part] = nlohmann::ordered_json::parse(found->second);
  json["tensors"] = model.tensors.size();
  json["parameters"] = parameters(model);
  Output output(options.json);
  output.stream() << json_text(json, 2) << '\n';
  output.close();
}

}  // namespace

void info(const InfoOptions &options) {
  const auto model = read_model_header(options.model);
  if (options.json.empty())
    print_text(model, options.model.string());
  else
    write_json(model, options);
}

}  // namespace uniad
