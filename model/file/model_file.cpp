// SPDX-License-Identifier: Apache-2.0
#include "model/file/model_file.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "model/base/error.h"
#include "model/base/json_text.h"
#include "model/base/log.h"
#include "model/config/choices.h"
#include "model/config/taps.h"
#include "model/file/calibration_json.h"
#include "model/file/health_file.h"
#include "model/file/interrupted_learning.h"
#include "model/file/json_field.h"
#include "model/file/motion_file.h"
#include "model/file/network_tensors.h"
#include "model/file/safetensors.h"

namespace uniad {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

// Keys of later versions are written only if they differ from the default, so that older programs can read
// the models that they can run.
ordered_json to_json(const ReconstructionConfig &r) {
  const ReconstructionConfig plain;
  ordered_json all{{"dim", r.dim},
                   {"heads", r.heads},
                   {"feedforward", r.feedforward},
                   {"encoder_layers", r.encoder_layers},
                   {"decoder_layers", r.decoder_layers},
                   {"dropout", r.dropout},
                   {"pre_norm", r.pre_norm},
                   {"position", name_of(r.position, position_choices())},
                   {"mask_height", r.mask_height},
                   {"mask_width", r.mask_width},
                   {"mask_encoder", r.mask_encoder},
                   {"mask_decoder_first", r.mask_decoder_first},
                   {"mask_decoder_second", r.mask_decoder_second},
                   {"jitter_scale", r.jitter_scale},
                   {"jitter_probability", r.jitter_probability}};
  if (r.kind != plain.kind) all["kind"] = name_of(r.kind, kind_choices());
  if (r.queries != plain.queries) all["queries"] = name_of(r.queries, query_choices());
  if (r.decoder_variant != plain.decoder_variant)
    all["decoder_variant"] = name_of(r.decoder_variant, variant_choices());
  if (r.jitter_per_token != plain.jitter_per_token) all["jitter_per_token"] = r.jitter_per_token;
  if (r.loss != plain.loss) all["loss"] = name_of(r.loss, loss_choices());
  return all;
}

ordered_json to_json(const ModelConfig &config) {
  const BackboneConfig &backbone = config.backbone;
  ordered_json all{{"input",
                    {{"height", config.input.height},
                     {"width", config.input.width},
                     {"mean", config.input.mean},
                     {"std", config.input.std}}},
                   {"backbone",
                    {{"name", backbone.name},
                     {"stages", backbone.stages},
                     {"padding", name_of(backbone.padding, padding_choices())},
                     {"bn_eps", backbone.bn_eps}}}};
  if (config.reconstruction) all["reconstruction"] = to_json(*config.reconstruction);
  if (config.statistics) {
    all["statistics"] = {{"clusters", config.statistics->clusters},
                         {"residuals", config.statistics->residuals},
                         {"position_prior", config.statistics->position_prior}};
  }
  all["score"] = name_of(config.score, score_choices());
  return all;
}

ReconstructionConfig reconstruction_from(const Field &field) {
  ReconstructionConfig r;
  r.dim = field["dim"].integer();
  r.heads = field["heads"].integer();
  r.feedforward = field["feedforward"].integer();
  r.encoder_layers = field["encoder_layers"].integer();
  r.decoder_layers = field["decoder_layers"].integer();
  r.dropout = field["dropout"].number(-real_limit, real_limit);
  r.pre_norm = field["pre_norm"].flag();
  r.position = field["position"].choice(position_choices());
  r.mask_height = field["mask_height"].integer();
  r.mask_width = field["mask_width"].integer();
  r.mask_encoder = field["mask_encoder"].flag();
  r.mask_decoder_first = field["mask_decoder_first"].flag();
  r.mask_decoder_second = field["mask_decoder_second"].flag();
  r.jitter_scale = field["jitter_scale"].number(-real_limit, real_limit);
  r.jitter_probability = field["jitter_probability"].number(-real_limit, real_limit);
  if (const auto kind = field.find("kind")) r.kind = kind->choice(kind_choices());
  if (const auto queries = field.find("queries")) r.queries = queries->choice(query_choices());
  if (const auto variant = field.find("decoder_variant"))
    r.decoder_variant = variant->choice(variant_choices());
  if (const auto per_token = field.find("jitter_per_token")) r.jitter_per_token = per_token->flag();
  if (const auto loss = field.find("loss")) r.loss = loss->choice(loss_choices());
  return r;
}

StatisticsConfig statistics_config_from(const Field &field) {
  return {field["clusters"].integer(), field["residuals"].flag(),
          field["position_prior"].number(0, real_limit)};
}

ModelConfig config_from(const Field &field) {
  ModelConfig config;
  const Field input = field["input"];
  config.input.height = input["height"].integer();
  config.input.width = input["width"].integer();
  config.input.mean = input["mean"].channels();
  config.input.std = input["std"].channels();

  const Field backbone = field["backbone"];
  config.backbone.name = backbone["name"].text();
  config.backbone.stages.clear();
  for (const Field &stage : backbone["stages"].elements()) {
    config.backbone.stages.push_back(stage.integer());
  }
  config.backbone.padding = backbone["padding"].choice(padding_choices());
  config.backbone.bn_eps = backbone["bn_eps"].number(-real_limit, real_limit);

  config.reconstruction.reset();
  if (const auto part = field.find("reconstruction")) config.reconstruction = reconstruction_from(*part);
  if (const auto part = field.find("statistics")) config.statistics = statistics_config_from(*part);
  config.score = field["score"].choice(score_choices());
  return config;
}

ordered_json to_json(const Provenance &provenance) {
  ordered_json sources = ordered_json::array();
  for (const SourceProvenance &source : provenance.sources) {
    sources.push_back({{"name", source.name},
                       {"path", source.path},
                       {"trained", source.trained},
                       {"held_back", source.held_back}});
    if (source.aspect_ratio > 0) sources.back()["aspect_ratio"] = source.aspect_ratio;
  }
  return {{"sources", sources},
          {"recipe", provenance.recipe},
          {"steps", provenance.steps},
          {"selected", provenance.selected},
          {"seed", provenance.seed},
          {"program_version", provenance.program_version},
          {"weight_file", provenance.weight_file},
          {"weight_licence", provenance.weight_license}};
}

Provenance provenance_from(const Field &field) {
  Provenance provenance;
  for (const Field &source : field["sources"].elements()) {
    provenance.sources.push_back({source["name"].text(), source["path"].text(), source["trained"].count(),
                                  source["held_back"].count()});
    if (const auto ratio = source.find("aspect_ratio"))
      provenance.sources.back().aspect_ratio = ratio->number(0, 1e6);
  }
  provenance.recipe = field["recipe"].text();
  provenance.steps = field["steps"].count();
  if (const auto selected = field.find("selected")) provenance.selected = selected->text();
  provenance.seed = field["seed"].seed();
  provenance.program_version = field["program_version"].text();
  provenance.weight_file = field["weight_file"].text();
  provenance.weight_license = field["weight_licence"].text();
  return provenance;
}

void check_standardizing(const Model &model, int channels, const std::string &file) {
  const bool has_mean = model.tensors.contains("feature_mean");
  if (has_mean != model.tensors.contains("feature_std")) {
    throw Error(ErrorKind::Malformed, file, "feature_mean and feature_std must both be present", write_again);
  }
  if (has_mean) {
    check_tensors({{"feature_mean", {channels}}, {"feature_std", {channels}}}, "", model.tensors, file,
                  write_again);
  }
  if (model.tensors.contains("feature_whitening")) {
    if (!has_mean)
      throw Error(ErrorKind::Malformed, file, "feature_whitening requires feature_mean and feature_std",
                  write_again);
    check_tensors({{"feature_whitening", {channels, channels}}}, "", model.tensors, file, write_again);
  }
}

// Checks that every tensor of the configuration exists, so that building the network needs no more memory
// than the file itself.
void check_model(const Model &model, const std::string &file) {
  check(model.config, file);
  const InputConfig &input = model.config.input;
  const BackboneConfig &backbone = model.config.backbone;
  int channels = 0;
  for (int stage : backbone.stages) {
    channels += find_backbone(backbone.name)->taps[static_cast<std::size_t>(stage) - 1].channels;
  }
  check_tensors(backbone_tensors(backbone), "backbone.", model.tensors, file, write_again);
  const int rows = input.height / 16;
  const int columns = input.width / 16;
  if (model.config.reconstruction) {
    check_tensors(reconstruction_tensors(*model.config.reconstruction, channels, rows, columns),
                  "reconstruction.", model.tensors, file, write_again);
  }
  if (model.config.statistics) {
    auto expected = statistics_tensors(*model.config.statistics, channels, rows * columns);
    const std::string later = "descriptor_products";  // files of earlier versions have none
    if (model.tensors.contains("statistics." + later)) expected[later] = {channels, channels};
    check_tensors(expected, "statistics.", model.tensors, file, write_again);
  }
  check_standardizing(model, channels, file);
}

void check_numbers(const Model &model, const std::string &file) {
  for (const auto &[name, tensor] : model.tensors) {
    if (!is_floating(tensor.dtype)) continue;
    const std::vector<float> values = to_float(tensor);
    const auto all = [&values](auto usable) { return std::all_of(values.begin(), values.end(), usable); };
    if (!all([](float value) { return std::isfinite(value); })) {
      throw Error(ErrorKind::Malformed, file, "tensor " + name + " contains values that are not finite",
                  write_again);
    }
    if (name == "feature_std" && !all([](float deviation) { return deviation > 0; })) {
      throw Error(ErrorKind::Malformed, file, "feature_std contains a value that is not positive",
                  write_again);
    }
    if (name == "statistics.pictures" &&
        !all([](float count) { return count >= 1 && count < 1e12F && std::floor(count) == count; })) {
      throw Error(ErrorKind::Malformed, file,
                  "statistics.pictures contains a value that is not a number of pictures", write_again);
    }
    if (name.ends_with(".running_var") && !all([](float variance) { return variance >= 0; })) {
      throw Error(ErrorKind::Malformed, file, "tensor " + name + " contains a negative variance",
                  write_again);
    }
  }
}

Model model_from(TensorFile content, const std::string &file) {
  if (content.metadata.contains(learning_entry)) {
    throw Error(ErrorKind::InvalidArgument, file, "contains interrupted learning and is not a model yet",
                "let the camera finish learning: run uniaddetect with the same model, source and learn-time");
  }
  const auto read = [&](const std::string &key, auto from) {
    const json entry = parse_entry(content.metadata, key, file);
    return from(Field(entry, key, file));
  };
  const auto version = read("uniad.version", [](const Field &field) { return field.count(); });
  if (version != model_file_version) {
    throw Error(ErrorKind::Malformed, file,
                "has version " + std::to_string(version) + ", but this program reads version " +
                    std::to_string(model_file_version),
                "use the program that wrote it, or train the model again");
  }
  HealthReferences health = take_health(content, file);
  MotionReferences motion = take_motion(content, file);
  Model model{read("uniad.config", config_from),
              read("uniad.calibration", calibration_from),
              read("uniad.provenance", provenance_from),
              std::move(health),
              std::move(motion),
              std::move(content.tensors)};
  check_model(model, file);
  return model;
}

}  // namespace

Model read_model(const std::filesystem::path &path) {
  Model model = model_from(read_safetensors(path), path.string());
  check_numbers(model, path.string());
  return model;
}

Model read_model_header(const std::filesystem::path &path) {
  return model_from(read_safetensors_header(path), path.string());
}

void write_model(const Model &model, const std::filesystem::path &path) {
  write_model(model, FileLock(path));
}

void write_model(const Model &model, const FileLock &right_to_write) {
  const std::filesystem::path &path = right_to_write.path();
  TensorFile content{model.tensors,
                     {{"uniad.version", std::to_string(model_file_version)},
                      {"uniad.config", config_text(model.config)},
                      {"uniad.calibration", json_text(to_json(model.calibration))},
                      {"uniad.provenance", json_text(to_json(model.provenance))}}};
  store_health(model.health, content);
  store_motion(model.motion, content);
  // Rejects what a reader would reject, before the old file is replaced.
  check_numbers(model_from(content, path.string()), path.string());
  write_safetensors(content, path);
  log(LogLevel::Debug, path.string() + ": written.");
}

std::string config_text(const ModelConfig &config) {
  return json_text(to_json(config));
}

}  // namespace uniad
