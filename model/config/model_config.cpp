// SPDX-License-Identifier: Apache-2.0
#include "model/config/model_config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>

#include "model/base/error.h"
#include "model/config/taps.h"

namespace uniad {
namespace {

std::string text_of(double number) {
  std::array<char, 32> digits{};
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr};
}

struct Range {
  const char *name;
  double value, least, most;
};

void check_ranges(const std::vector<Range> &ranges, const std::string &where) {
  for (const Range &range : ranges) {
    if (!(range.value >= range.least && range.value <= range.most)) {  // also rejects NaN
      throw Error(ErrorKind::Unsupported, where, std::string(range.name) + " is " + text_of(range.value),
                  "the range is " + text_of(range.least) + " to " + text_of(range.most));
    }
  }
}

void check_ranges(const ModelConfig &config, const std::string &where) {
  std::vector<Range> ranges{{"backbone.bn_eps", config.backbone.bn_eps, 1e-12, 1}};
  for (float mean : config.input.mean) ranges.push_back({"input.mean", mean, -10, 10});
  for (float deviation : config.input.std) ranges.push_back({"input.std", deviation, double{1e-6F}, 10});
  if (config.statistics) {
    ranges.push_back({"statistics.clusters", double(config.statistics->clusters), 1, 4096});
    ranges.push_back({"statistics.position_prior", config.statistics->position_prior, 0, 1e9});
  }
  check_ranges(ranges, where);
}

// A window of 2 (size / 2) + 1 tokens around a query in the middle of the map covers the whole axis.
bool covers(int mask_size, int extent) {
  return extent <= 2 * (mask_size / 2) + 1;
}

void check(const ReconstructionConfig &r, const InputConfig &input, const std::string &where) {
  check_ranges({{"reconstruction.dim", double(r.dim), 2, 16384},
                {"reconstruction.heads", double(r.heads), 1, 16384},
                {"reconstruction.feedforward", double(r.feedforward), 1, 65536},
                {"reconstruction.encoder_layers", double(r.encoder_layers), 0, 256},
                {"reconstruction.decoder_layers", double(r.decoder_layers), 0, 256},
                {"reconstruction.dropout", r.dropout, 0, 0.999},
                {"reconstruction.mask_height", double(r.mask_height), 1, 4096},
                {"reconstruction.mask_width", double(r.mask_width), 1, 4096},
                {"reconstruction.jitter_scale", r.jitter_scale, 0, 1e6},
                {"reconstruction.jitter_probability", r.jitter_probability, 0, 1}},
               where);
  if (r.dim % r.heads != 0 || r.dim % 2 != 0) {
    throw Error(ErrorKind::Unsupported, where,
                std::to_string(r.heads) + " heads on " + std::to_string(r.dim) + " dimensions cannot work",
                "choose an even dimension that is a multiple of the number of heads");
  }
  const int rows = input.height / 16;
  const int columns = input.width / 16;
  if (r.kind != NetworkKind::Cnn && r.encoder_layers + r.decoder_layers == 0) {
    throw Error(ErrorKind::Unsupported, where, "no encoder layer and no decoder layer",
                "choose at least one layer");
  }
  if (r.decoder_variant != DecoderVariant::A && r.queries != QueryEmbedding::Layer) {
    throw Error(ErrorKind::Unsupported, where, "this decoder variant needs a query for each layer",
                "choose queries for each layer, or variant a");
  }
  const bool masked =
      r.kind == NetworkKind::UniAD && (r.mask_encoder || r.mask_decoder_first || r.mask_decoder_second);
  if (masked && covers(r.mask_height, rows) && covers(r.mask_width, columns)) {
    throw Error(ErrorKind::Unsupported, where,
                "a " + std::to_string(r.mask_height) + "x" + std::to_string(r.mask_width) + " mask on a " +
                    std::to_string(rows) + "x" + std::to_string(columns) +
                    " map hides every key from some query",
                "choose a larger input or a smaller mask");
  }
}

}  // namespace

void check(const ModelConfig &config, const std::string &where) {
  const BackboneInfo *info = find_backbone(config.backbone.name);
  if (info == nullptr) {
    std::string names;
    for (const std::string &name : backbone_names()) names += (names.empty() ? "" : ", ") + name;
    throw Error(ErrorKind::Unsupported, where, "unknown backbone '" + config.backbone.name + "'",
                "the known names are " + names);
  }
  const std::vector<int> &stages = config.backbone.stages;
  const bool ascending =
      std::adjacent_find(stages.begin(), stages.end(), std::greater_equal<>()) == stages.end();
  const int last = static_cast<int>(info->taps.size());
  if (stages.empty() || !ascending || stages.front() < 1 || stages.back() > last) {
    throw Error(ErrorKind::Unsupported, where, config.backbone.name + " does not have the chosen stages",
                "use one or more of 1 to " + std::to_string(last) + ", in ascending order");
  }
  for (int extent : {config.input.height, config.input.width}) {
    if (extent < 32 || extent > 2048 || extent % 16 != 0) {
      throw Error(ErrorKind::Unsupported, where, "an input size of " + std::to_string(extent) + " pixels",
                  "choose a multiple of 16 from 32 to 2048");
    }
  }
  check_ranges(config, where);
  if (config.reconstruction) check(*config.reconstruction, config.input, where);
  const bool needs_reconstruction = !config.statistics || config.statistics->residuals;
  if (needs_reconstruction && !config.reconstruction) {
    throw Error(ErrorKind::Unsupported, where,
                "there is nothing to compute scores from: no reconstruction network, and no statistics that "
                "work without one",
                "train or import the model again");
  }
}

}  // namespace uniad
