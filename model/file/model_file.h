// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

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

// UniAD (paper section 3, appendix A). Sizes of the token map come from the input size / 16.
struct ReconstructionConfig {
  int dim = 256;
  int heads = 8;
  int feedforward = 1024;
  int encoder_layers = 4;
  int decoder_layers = 4;
  double dropout = 0.1;  // training only
  bool pre_norm = false;
  PositionEmbedding position = PositionEmbedding::Learned;
  // Neighbour mask: a query does not see keys with |dy| <= height/2 and |dx| <= width/2.
  int mask_height = 7;
  int mask_width = 7;
  bool mask_encoder = true;
  bool mask_decoder_first = true;
  bool mask_decoder_second = true;
  // Feature jitter, training only: noise of std scale x ||token|| / channels on every token, with this
  // probability a forward.
  double jitter_scale = 20.0;
  double jitter_probability = 1.0;
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

// What the scores of normal data that was not trained on look like, and the threshold drawn from them.
struct ScoreStatistics {
  double threshold = 0;  // a score at or above it is anomalous
  double mean = 0;
  double standard_deviation = 0;  // sample standard deviation (n - 1)
  std::int64_t count = 0;         // scores it rests on
};

struct Calibration {
  std::string rule;  // "mean + 4 sd" or "quantile 0.995": how thresholds were drawn
  std::optional<ScoreStatistics> pooled;
  std::map<std::string, ScoreStatistics> sources;

  // The source's own statistics, else the pooled ones, else none.
  const ScoreStatistics *find(const std::string &source) const;
};

struct SourceProvenance {
  std::string name;            // source name
  std::string path;            // as given on the command line
  std::int64_t trained = 0;    // pictures or frames trained on
  std::int64_t held_back = 0;  // kept for the calibration
};

struct Provenance {
  std::vector<SourceProvenance> sources;
  std::string recipe;
  std::int64_t steps = 0;
  std::uint64_t seed = 0;
  std::string program_version;
  std::string weight_file;
  std::string weight_licence;
};

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
void write_model(const Model &model, const std::filesystem::path &path);

// The JSON of `uniad.config`: equal texts, equal networks.
std::string config_text(const ModelConfig &config);

// Throws Error when no network can be built from it or none that works: unknown backbone or stage, input not
// divisible by 16 or out of 32..2048, numbers out of their range or NaN, a mask that hides every key of some
// query (7x7 map, 7x7 mask), heads that do not divide dim.
void check(const ModelConfig &config, const std::string &where);

}  // namespace uniad
