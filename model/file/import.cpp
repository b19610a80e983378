// SPDX-License-Identifier: Apache-2.0
#include "model/file/import.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "model/base/error.h"
#include "model/config/taps.h"
#include "model/file/network_tensors.h"
#include "model/file/torch_file.h"
#include "model/file/weights.h"

namespace uniad {
namespace {

using Tensors = std::map<std::string, StoredTensor>;

constexpr const char *need_checkpoint = "use a checkpoint of UniAD (keys module.reconstruction.*)";

// The tensors whose names begin with a prefix, which is removed.
Tensors below(Tensors &tensors, const std::string &prefix) {
  Tensors found;
  for (auto &[name, tensor] : tensors) {
    if (name.starts_with(prefix)) found[name.substr(prefix.size())] = std::move(tensor);
  }
  return found;
}

struct Checkpoint {
  std::filesystem::path path;
  Tensors reconstruction;
  Tensors backbone;  // empty: the file contains none
};

std::optional<Checkpoint> as_checkpoint(TensorFile &file, const std::filesystem::path &path) {
  for (const std::string prefix : {"module.", ""}) {
    if (file.tensors.contains(prefix + "reconstruction.input_proj.weight")) {
      return Checkpoint{path, below(file.tensors, prefix + "reconstruction."),
                        below(file.tensors, prefix + "backbone.")};
    }
  }
  return std::nullopt;
}

int extent(const Tensors &tensors, const std::string &name, std::size_t axis, const std::string &where) {
  constexpr std::int64_t extent_limit = 1'000'000;
  const auto found = tensors.find(name);
  if (found == tensors.end())
    throw Error(ErrorKind::Malformed, where, "reconstruction." + name + " is missing", need_checkpoint);
  const std::vector<std::int64_t> &shape = found->second.shape;
  if (shape.size() != 2 || shape[axis] < 1 || shape[axis] > extent_limit) {
    throw Error(ErrorKind::Malformed, where, "reconstruction." + name + " has no usable shape",
                need_checkpoint);
  }
  return static_cast<int>(shape[axis]);
}

int layers_of(const Tensors &tensors, const std::string &stack) {
  int layers = 0;
  while (tensors.contains(stack + ".layers." + std::to_string(layers) + ".linear1.weight")) ++layers;
  return layers;
}

ReconstructionConfig reconstruction_of(const Tensors &tensors, const std::string &where) {
  ReconstructionConfig config;
  config.dim = extent(tensors, "input_proj.weight", 0, where);
  config.encoder_layers = layers_of(tensors, "transformer.encoder");
  config.decoder_layers = layers_of(tensors, "transformer.decoder");
  config.feedforward = extent(tensors, "transformer.encoder.layers.0.linear1.weight", 0, where);
  config.pre_norm = tensors.contains("transformer.encoder.norm.weight");
  const bool learned = tensors.contains("pos_embed.row_embed.weight");
  config.position = learned ? PositionEmbedding::Learned : PositionEmbedding::Sine;
  return config;
}

// In pixels. With the sine embedding, no tensor shows the sides of the map, so it is assumed to be square.
std::pair<int, int> input_size(const Tensors &tensors, PositionEmbedding position, const std::string &where) {
  if (position == PositionEmbedding::Learned) {
    return {16 * extent(tensors, "pos_embed.row_embed.weight", 0, where),
            16 * extent(tensors, "pos_embed.col_embed.weight", 0, where)};
  }
  const int tokens = extent(tensors, "transformer.decoder.layers.0.learned_embed.weight", 0, where);
  int side = 1;
  while (side * side < tokens) ++side;
  if (side * side != tokens)
    throw Error(ErrorKind::Malformed, where, "its map is not square", "use learned positions");
  return {16 * side, 16 * side};
}

// Ranges of consecutive taps, with those that the authors recommend first (docs/network-details.md, "Taps").
std::vector<std::pair<int, int>> stage_ranges() {
  std::vector<std::pair<int, int>> ranges{{1, 4}, {1, 5}, {2, 4}, {1, 3}, {2, 3}};
  for (int first = 1; first <= 5; ++first) {
    for (int last = first; last <= 5; ++last) ranges.emplace_back(first, last);
  }
  return ranges;
}

int channels_of(const BackboneInfo &info, std::pair<int, int> stages) {
  if (stages.second > static_cast<int>(info.taps.size())) return 0;
  return std::accumulate(info.taps.begin() + stages.first - 1, info.taps.begin() + stages.second, 0,
                         [](int sum, const Tap &tap) { return sum + tap.channels; });
}

std::vector<int> all_of(std::pair<int, int> range) {
  std::vector<int> stages(static_cast<std::size_t>(range.second - range.first) + 1);
  std::iota(stages.begin(), stages.end(), range.first);
  return stages;
}

std::vector<int> stages_for(const BackboneWeights &weights, int channels, const std::string &where) {
  const BackboneInfo &info = *find_backbone(weights.config.name);
  for (const auto &range : stage_ranges()) {
    if (range.second <= weights.config.stages.back() && channels_of(info, range) == channels) {
      return all_of(range);
    }
  }
  throw Error(ErrorKind::Malformed, where,
              "reconstructs " + std::to_string(channels) + " channels, which do not match any stages of " +
                  info.name + " in " + weights.origin,
              "use the weight file of the backbone that it was trained with");
}

// The authors' code does not support Lite.
std::string backbone_for(int channels, const std::string &where) {
  std::vector<std::string> fitting;
  for (const auto &range : stage_ranges()) {
    for (const std::string &name : backbone_names()) {
      const BackboneInfo &info = *find_backbone(name);
      const bool authors = info.family != BackboneFamily::EfficientNetLite;
      if (authors && channels_of(info, range) == channels) fitting.push_back(name);
    }
    if (!fitting.empty()) break;
  }
  if (fitting.size() == 1) return fitting.front();
  std::string names;
  for (const std::string &name : fitting) names += (names.empty() ? "" : " and ") + name;
  throw Error(ErrorKind::Malformed, where,
              "reconstructs " + std::to_string(channels) + " channels, as " +
                  (fitting.empty() ? "no known backbone has" : names + " have"),
              "pass the backbone's weight file as a second file");
}

BackboneWeights weights_for(Checkpoint &checkpoint, std::optional<BackboneWeights> given, int channels) {
  if (given) return std::move(*given);
  if (!checkpoint.backbone.empty()) {
    return recognize_backbone({std::move(checkpoint.backbone), {}}, checkpoint.path);
  }
  return read_backbone_weights(need_weight_file(backbone_for(channels, checkpoint.path.string())));
}

// A tensor that the network does not have belongs to another network.
void refuse_others(const Tensors &tensors, const std::map<std::string, Shape> &known,
                   const std::string &prefix, const std::string &where) {
  for (const auto &[name, tensor] : tensors)
    if (!known.contains(name))
      throw Error(ErrorKind::Malformed, where, prefix + name + " is not part of UniAD",
                  "this is a checkpoint of another network");
}

// The tensors that the network has, with the prefix of model files; all others are left out.
void move_tensors(Tensors &from, const std::map<std::string, Shape> &wanted, const std::string &prefix,
                  const std::string &where, Tensors &to) {
  check_tensors(wanted, "", from, where, "the file is damaged or of another network");
  for (const auto &[name, shape] : wanted) to[prefix + name] = std::move(from.at(name));
}

Model model_of(Checkpoint checkpoint, std::optional<BackboneWeights> given) {
  const std::string where = checkpoint.path.string();
  Model model;
  ModelConfig &config = model.config;
  config.reconstruction = reconstruction_of(checkpoint.reconstruction, where);
  std::tie(config.input.height, config.input.width) =
      input_size(checkpoint.reconstruction, config.reconstruction->position, where);

  const int channels = extent(checkpoint.reconstruction, "input_proj.weight", 1, where);
  BackboneWeights weights = weights_for(checkpoint, std::move(given), channels);
  config.backbone = weights.config;
  config.backbone.stages = stages_for(weights, channels, where);
  config.input.mean = weights.mean;
  config.input.std = weights.std;
  check(config, where);

  move_tensors(weights.tensors, backbone_tensors(config.backbone), "backbone.", weights.origin,
               model.tensors);
  const auto wanted = reconstruction_tensors(*config.reconstruction, channels, config.input.height / 16,
                                             config.input.width / 16);
  refuse_others(checkpoint.reconstruction, wanted, "reconstruction.", where);
  move_tensors(checkpoint.reconstruction, wanted, "reconstruction.", where, model.tensors);
  model.provenance.recipe = "imported from " + checkpoint.path.filename().string();
  model.provenance.weight_file = weights.origin;
  model.provenance.weight_license = weights.license;
  return model;
}

}  // namespace

Model import_checkpoint(std::span<const std::filesystem::path> files) {
  std::optional<Checkpoint> checkpoint;
  std::optional<BackboneWeights> weights;
  for (const std::filesystem::path &path : files) {
    TensorFile file = read_tensor_file(path);
    auto found = as_checkpoint(file, path);
    if (found ? checkpoint.has_value() : weights.has_value()) {
      throw Error(ErrorKind::Malformed, path.string(), "is a second file of the same kind",
                  "pass one checkpoint and one weight file");
    }
    if (found) {
      checkpoint = std::move(found);
    } else {
      weights = recognize_backbone(std::move(file), path);
    }
  }
  if (!checkpoint) {
    throw Error(ErrorKind::Malformed, files.empty() ? "import" : files.front().string(),
                "contains no reconstruction network", need_checkpoint);
  }
  return model_of(std::move(*checkpoint), std::move(weights));
}

}  // namespace uniad
