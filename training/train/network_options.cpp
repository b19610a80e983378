// SPDX-License-Identifier: Apache-2.0
#include "training/train/network_options.h"

namespace uniad {
namespace {

template <typename Value>
void set(Value &value, const std::optional<Value> &given) {
  if (given) value = *given;
}

// A baseline has neither UniAD's mask nor its jitter, unless options set them.
void apply(NetworkName name, ReconstructionConfig &r) {
  if (name == NetworkName::UniAD) return;
  if (name == NetworkName::Mlp) r.kind = NetworkKind::Mlp;
  if (name == NetworkName::Cnn) r.kind = NetworkKind::Cnn;
  if (name != NetworkName::Cnn) r.queries = QueryEmbedding::One;
  r.mask_encoder = r.mask_decoder_first = r.mask_decoder_second = false;
  r.jitter_scale = 0;
}

void apply(const NetworkOptions &options, ReconstructionConfig &r) {
  apply(options.network, r);
  set(r.queries, options.queries);
  set(r.decoder_variant, options.decoder_variant);
  set(r.encoder_layers, options.encoder_layers);
  set(r.decoder_layers, options.decoder_layers);
  if (options.mask) {
    r.mask_encoder = options.mask->encoder;
    r.mask_decoder_first = options.mask->decoder_first;
    r.mask_decoder_second = options.mask->decoder_second;
  }
  set(r.mask_height, options.mask_size);
  set(r.mask_width, options.mask_size);
  set(r.jitter_scale, options.jitter_scale);
  set(r.jitter_probability, options.jitter_probability);
  set(r.jitter_per_token, options.jitter_per_token);
  set(r.position, options.position);
  set(r.pre_norm, options.pre_norm);
  set(r.loss, options.loss);
  set(r.dropout, options.dropout);
}

}  // namespace

void apply(const NetworkOptions &options, ModelConfig &config) {
  if (!options.stages.empty()) config.backbone.stages = options.stages;
  set(config.input.height, options.input_height);
  set(config.input.width, options.input_width);
  set(config.score, options.score);
  if (config.reconstruction) apply(options, *config.reconstruction);
}

}  // namespace uniad
