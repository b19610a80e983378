// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/file/file_lock.h"
#include "model/file/safetensors.h"
#include "model/preprocess/preprocess.h"

namespace uniad {

// Padding of strided convolutions (facts 4.2, 4.4).
enum class PaddingRule {
  StaticSame,   // TensorFlow "same", computed once for the network's native size (lukemelas)
  DynamicSame,  // TensorFlow "same" for the size fed (timm tf_*)
  Symmetric,    // k/2 on every side (torchvision)
};

struct BackboneConfig {
  std::string name = "efficientnet-b4";  // a name of model/backbone/taps.h
  std::vector<int> stages{1, 2, 3, 4};   // tapped stages, by number
  PaddingRule padding = PaddingRule::StaticSame;
  double bn_eps = 1e-3;
};

enum class PositionEmbedding { Learned, Sine };

// What stands between the projections to `dim` and back (paper, appendix B.1).
enum class NetworkKind {
  UniAD,  // encoder and decoder of attention layers
  Mlp,    // the same with a linear projection, layer norm and ReLU for every attention, and no positions
  Cnn,    // ResNet-34 without its stem and its strides; nothing of encoder, decoder and dropout applies
};

// Where the decoder's queries come from (paper, table 5a).
enum class QueryEmbedding {
  None,   // from nowhere: the encoder's output goes into a plain transformer's decoder
  One,    // learned, into the first layer of a plain transformer's decoder
  Layer,  // learned, one for each layer: the layer-wise query decoder
};

// What the two attentions of a layer-wise query decoder's layer look at (paper, figure A1; facts 15). They
// are written query <- key and value, of the layer's query q, the encoder's output e, the previous layer's
// output p, and the first attention's result r.
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
enum class FeatureLoss { Mse, NormalisedMse, Cosine };

// UniAD (paper section 3, appendix A) and what the paper compares it with. Sizes of the token map come from
// the input size / 16.
struct ReconstructionConfig {
  NetworkKind kind = NetworkKind::UniAD;
  QueryEmbedding queries = QueryEmbedding::Layer;
  DecoderVariant decoder_variant = DecoderVariant::A;
  int dim = 256;
  int heads = 8;
  int feedforward = 1024;
  int encoder_layers = 4;  // none: the decoder sees the projected features
  int decoder_layers = 4;  // none: the encoder's output is what the decoder's norm and the projection see
  double dropout = 0.1;    // training only
  bool pre_norm = false;
  PositionEmbedding position = PositionEmbedding::Learned;
  // Neighbour mask: a query does not see keys with |dy| <= height/2 and |dx| <= width/2.
  int mask_height = 7;
  int mask_width = 7;
  bool mask_encoder = true;
  bool mask_decoder_first = true;
  bool mask_decoder_second = true;
  // Feature jitter, training only: noise of std scale x ||token|| / channels on every token, with this
  // probability a forward (the authors' code) or a token (the paper).
  double jitter_scale = 20.0;
  double jitter_probability = 1.0;
  bool jitter_per_token = false;
  FeatureLoss loss = FeatureLoss::Mse;
};

// Scoring by the statistics of normal features (model/statistics/) instead of by the reconstruction's error
// alone.
struct StatisticsConfig {
  int clusters = 1;
  bool residuals = false;     // of what the reconstruction leaves, too
  double position_prior = 4;  // pictures that speak for one mean at all positions
};

enum class ScoreKind { Max, Mean, Std };  // of the anomaly map; Max: of its 16x16 average pooling

struct ModelConfig {
  InputConfig input;
  BackboneConfig backbone;
  std::optional<ReconstructionConfig> reconstruction = ReconstructionConfig{};  // none: statistics alone
  std::optional<StatisticsConfig> statistics;
  ScoreKind score = ScoreKind::Max;
};

// The upper tail of normal scores: the highest score of every run of consecutive frames above a level, and
// the generalised Pareto distribution of what these peaks exceed it by (model/engine/tail.h).
struct ScoreTail {
  static constexpr std::size_t most_peaks = 100;

  double level = 0;
  double scale = 0;           // 0 without peaks
  double shape = 0;           // below 0: normal scores end at level - scale / shape
  std::vector<double> peaks;  // descending, all above the level
  double frame_rate = 0;      // frames a second, for false alarms an hour; 0: not known
};

// What the scores of normal data that was not trained on look like, and the threshold drawn from them.
struct ScoreStatistics {
  double threshold = 0;  // a score at or above it is anomalous
  double mean = 0;
  double standard_deviation = 0;    // sample standard deviation (n - 1)
  std::int64_t count = 0;           // scores it rests on
  std::optional<ScoreTail> tail{};  // older files have none
};

struct Calibration {
  std::string rule;  // "mean + 4 sd", "quantile 0.995", "2 false alarms an hour": how thresholds are drawn
  std::optional<ScoreStatistics> pooled;
  std::map<std::string, ScoreStatistics> sources;

  // The source's own statistics, else the pooled ones, else none.
  const ScoreStatistics *find(const std::string &source) const;
};

// To 5 %: a picture that is distorted by more is another one to the network, which sees all of them in one
// shape.
inline bool same_aspect_ratio(double a, double b) {
  return a <= 1.05 * b && b <= 1.05 * a;
}

struct SourceProvenance {
  std::string name;            // source name
  std::string path;            // as given on the command line
  std::int64_t trained = 0;    // pictures or frames trained on
  std::int64_t held_back = 0;  // kept for the calibration
  double aspect_ratio = 0;     // width / height of the pictures; 0: not known, as in older files
};

struct Provenance {
  std::vector<SourceProvenance> sources;
  std::string recipe;
  std::int64_t steps = 0;
  std::string selected;  // "step 300 of 400: smallest held-back loss, 0.41"; empty: no steps
  std::uint64_t seed = 0;
  std::string program_version;
  std::string weight_file;
  std::string weight_licence;
};

// Adds pictures of a source to what the provenance says of it; a path that is new is named beside the old
// ones.
void add_source(Provenance &provenance, const SourceProvenance &source);

// A model: one safetensors file (design 3.1). Tensor names are the authors' (`backbone.*`,
// `reconstruction.*`), `feature_mean`, `feature_std` (channels) where features are standardised,
// `feature_whitening` (channels x channels) where they are whitened after that, and
// `statistics.*` (model/statistics/cluster_sums.h).
struct Model {
  ModelConfig config;
  Calibration calibration;
  Provenance provenance;
  std::map<std::string, StoredTensor> tensors;
};

inline constexpr int model_file_version = 1;

// Throws Error naming the file and the reason: missing, cut short, hostile, of another version, a
// configuration that cannot work (see check()).
Model read_model(const std::filesystem::path &path);
Model read_model_header(const std::filesystem::path &path);  // tensors without bytes
// Replaces the file, under its lock; who has read it before, to add to it, holds that already.
void write_model(const Model &model, const std::filesystem::path &path);
void write_model(const Model &model, const FileLock &right_to_write);

// The JSON of `uniad.config`: equal texts, equal networks.
std::string config_text(const ModelConfig &config);

// Throws Error when no network can be built from it or none that works: unknown backbone or stage, input not
// divisible by 16 or out of 32..2048, numbers out of their range or NaN, a mask that hides every key of some
// query (7x7 map, 7x7 mask), heads that do not divide dim, a decoder variant without a query for each layer.
void check(const ModelConfig &config, const std::string &where);

}  // namespace uniad
