// SPDX-License-Identifier: Apache-2.0
// Converts options to a network's configuration.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/file/model_file.h"

namespace uniad {

// The networks of the paper's comparisons.
enum class NetworkName {
  UniAD,
  Transformer,  // plain: UniAD with one query, no mask and no jitter
  Mlp,          // one query, no jitter
  Cnn,          // no jitter
};

// Which attentions are masked (paper, table 5d).
struct MaskPlaces {
  bool encoder = false;
  bool decoder_first = false;
  bool decoder_second = false;
};

// The user's options for the network. The default is that of its NetworkName, of ReconstructionConfig, or of
// the recipe.
struct NetworkOptions {
  NetworkName network = NetworkName::UniAD;
  std::optional<QueryEmbedding> queries;
  std::optional<DecoderVariant> decoder_variant;
  std::optional<int> encoder_layers;
  std::optional<int> decoder_layers;
  std::optional<MaskPlaces> mask;
  std::optional<int> mask_size;  // of both sides, in tokens
  std::optional<double> jitter_scale;
  std::optional<double> jitter_probability;
  std::optional<bool> jitter_per_token;
  std::optional<PositionEmbedding> position;
  std::optional<bool> pre_norm;
  std::optional<FeatureLoss> loss;
  std::optional<double> dropout;
  std::vector<int> stages;          // empty: the backbone's usual ones
  std::optional<int> input_height;  // both or none
  std::optional<int> input_width;
  std::optional<ScoreKind> score;
};

// Applies the options to `config`, which contains the defaults. Options of the reconstruction are ignored if
// `config` has none. Use check() to validate the result.
void apply(const NetworkOptions &options, ModelConfig &config);

}  // namespace uniad
