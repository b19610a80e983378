// SPDX-License-Identifier: Apache-2.0
// The configuration of a model: input, backbone, reconstruction, statistics and score.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace uniad {

// The network's input: size in pixels, and (x / 255 - mean) / std per channel in R, G, B order.
struct InputConfig {
  int height = 224;
  int width = 224;
  std::array<float, 3> mean{0.485F, 0.456F, 0.406F};
  std::array<float, 3> std{0.229F, 0.224F, 0.225F};
};

// Padding of strided convolutions (docs/network-details.md, "Padding").
enum class PaddingRule {
  StaticSame,   // TensorFlow "same", computed once for the network's native size (lukemelas)
  DynamicSame,  // TensorFlow "same" for the actual size (timm tf_*)
  Symmetric,    // k/2 on every side (torchvision)
};

struct BackboneConfig {
  std::string name = "efficientnet-b4";  // a name of model/config/taps.h
  std::vector<int> stages{1, 2, 3, 4};   // tapped stages, by number
  PaddingRule padding = PaddingRule::StaticSame;
  double bn_eps = 1e-3;
};

enum class PositionEmbedding { Learned, Sine };

// The network between the projections to `dim` and back (paper, appendix B.1).
enum class NetworkKind {
  UniAD,  // encoder and decoder of attention layers
  Mlp,    // the same with a linear projection, layer norm and ReLU instead of attention, without positions
  Cnn,    // ResNet-34 without its stem and strides; the options of encoder, decoder and dropout do not apply
};

// Where the decoder's queries come from (paper, table 5a).
enum class QueryEmbedding {
  None,   // none: the encoder's output is the input of a plain transformer's decoder
  One,    // learned, for the first layer of a plain transformer's decoder
  Layer,  // learned, one for each layer: the layer-wise query decoder
};

// The inputs of the two attentions in a layer of a layer-wise query decoder (paper, figure A1;
// docs/networks.md), written as query <- key and value, with the layer's query q, the encoder's output e, the
// previous layer's output p, and the first attention's result r.
enum class DecoderVariant {
  A,  // q <- e, then r <- p: UniAD's
  B,  // q <- p, then r <- e
  C,  // q <- e, then p <- r
  D,  // q <- p, then e <- r
  E,  // p <- e, then q <- r
  F,  // e <- p, then q <- r
};

// How features and reconstruction are compared, in training and by the anomaly map
// (model/reconstruction/feature_loss.h).
enum class FeatureLoss { Mse, NormalizedMse, Cosine };

// The norm below which a vector is treated as having no direction.
inline constexpr float least_feature_norm = 1e-12F;

// UniAD (paper section 3, appendix A) and the baselines of the paper. The size of the token map is the input
// size / 16.
struct ReconstructionConfig {
  NetworkKind kind = NetworkKind::UniAD;
  QueryEmbedding queries = QueryEmbedding::Layer;
  DecoderVariant decoder_variant = DecoderVariant::A;
  int dim = 256;
  int heads = 8;
  int feedforward = 1024;
  int encoder_layers = 4;  // 0: the decoder's input is the projected features
  int decoder_layers = 4;  // 0: the encoder's output passes to the decoder's norm and the projection
  double dropout = 0.1;    // training only
  bool pre_norm = false;
  PositionEmbedding position = PositionEmbedding::Learned;
  // Neighbor mask: a query does not see keys with |dy| <= height/2 and |dx| <= width/2.
  int mask_height = 7;
  int mask_width = 7;
  bool mask_encoder = true;
  bool mask_decoder_first = true;
  bool mask_decoder_second = true;
  // Feature jitter, training only: noise with std scale x ||token|| / channels on every token, with this
  // probability per forward pass (the authors' code) or per token (the paper).
  double jitter_scale = 20.0;
  double jitter_probability = 1.0;
  bool jitter_per_token = false;
  FeatureLoss loss = FeatureLoss::Mse;
};

// Scoring with statistics of normal features (model/statistics/) instead of only the reconstruction error.
struct StatisticsConfig {
  int clusters = 1;
  bool residuals = false;     // include the residuals of the reconstruction
  double position_prior = 4;  // prior weight, in pictures, of a common mean for all positions
};

// Whether motion is judged. Auto: if it was learned and nothing speaks against it
// (model/motion/motion_reference.h).
enum class MotionUse { Auto, On, Off };

enum class ScoreKind { Max, Mean, Std };  // of the anomaly map; Max: of its 16x16 average pooling

struct ModelConfig {
  InputConfig input;
  BackboneConfig backbone;
  std::optional<ReconstructionConfig> reconstruction = ReconstructionConfig{};  // absent: statistics only
  std::optional<StatisticsConfig> statistics;
  ScoreKind score = ScoreKind::Max;
};

// Throws Error if no working network can be built from the configuration: an unknown backbone or stage, an
// input size that is not divisible by 16 or not in 32..2048, numbers that are NaN or out of range, a mask
// that hides every key of some query (7x7 map, 7x7 mask), heads that do not divide dim, or a decoder variant
// without a query for each layer.
void check(const ModelConfig &config, const std::string &where);

}  // namespace uniad
