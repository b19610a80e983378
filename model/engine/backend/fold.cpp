// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <numbers>
#include <tuple>
#include <utility>

#include "model/backbone/padding.h"
#include "model/base/error.h"
#include "model/config/taps.h"
#include "model/engine/backend/folded.h"
#include "model/file/network_tensors.h"

namespace uniad {
namespace {

using Values = std::vector<float>;

std::size_t index_of(int value) {
  return static_cast<std::size_t>(value);
}

// The model's tensors under one prefix.
class Weights {
 public:
  Weights(const Model &model, std::string prefix) : tensors_(model.tensors), prefix_(std::move(prefix)) {}

  Values operator()(const std::string &name) const { return to_float(tensors_.at(prefix_ + name)); }
  Weights under(const std::string &name) const { return {tensors_, prefix_ + name + "."}; }

 private:
  Weights(const std::map<std::string, StoredTensor> &tensors, std::string prefix)
      : tensors_(tensors), prefix_(std::move(prefix)) {}

  const std::map<std::string, StoredTensor> &tensors_;
  std::string prefix_;
};

// The parameters that all convolutions of a backbone share.
struct Rules {
  PaddingRule padding;
  double bn_eps;
};

// For one axis: the padding before the first pixel, and the size of the output for an input of `extent`.
std::pair<int, int> place(int extent, int native, int kernel, int stride, PaddingRule rule) {
  const auto [before, after] = padding_along(extent, native, kernel, stride, rule);
  const int padded = extent + static_cast<int>(before + after);
  return {static_cast<int>(before), (padded - kernel) / stride + 1};
}

// A convolution without weights and bias.
Convolution shape_of(int in, int out, int kernel, int stride, MapSize input, int native, PaddingRule rule) {
  Convolution convolution;
  convolution.in = in;
  convolution.out = out;
  convolution.kernel = kernel;
  convolution.stride = stride;
  convolution.input = input;
  std::tie(convolution.pad_top, convolution.output.height) =
      place(input.height, native, kernel, stride, rule);
  std::tie(convolution.pad_left, convolution.output.width) = place(input.width, native, kernel, stride, rule);
  return convolution;
}

// weights * (x - mean) / sqrt(var + eps) + shift, in one convolution.
void fold_batch_norm(Convolution &convolution, const Values &weights, const Weights &norm, double eps) {
  const Values scale = norm("weight");
  const Values shift = norm("bias");
  const Values mean = norm("running_mean");
  const Values variance = norm("running_var");
  const std::size_t outs = scale.size();
  const std::size_t each = weights.size() / outs;
  convolution.weights.resize(weights.size());
  convolution.bias.resize(outs);
  for (std::size_t o = 0; o < outs; ++o) {
    const double factor = scale[o] / std::sqrt(variance[o] + eps);
    convolution.bias[o] = static_cast<float>(shift[o] - mean[o] * factor);
    for (std::size_t i = 0; i < each; ++i) {
      convolution.weights[o * each + i] = static_cast<float>(weights[o * each + i] * factor);
    }
  }
}

InvertedBlock inverted_block(const InvertedResidual &block, bool lite, const Weights &weights, MapSize input,
                             int native, const Rules &rules) {
  const Activation activation = lite ? Activation::Relu6 : Activation::Silu;
  const int inner = block.in * block.expand;
  InvertedBlock folded;
  if (block.expand != 1) {
    folded.expand = shape_of(block.in, inner, 1, 1, input, native, PaddingRule::Symmetric);
    folded.expand->activation = activation;
    fold_batch_norm(*folded.expand, weights("_expand_conv.weight"), weights.under("_bn0"), rules.bn_eps);
  }
  folded.depthwise = shape_of(inner, inner, block.kernel, block.stride, input, native, rules.padding);
  folded.depthwise.activation = activation;
  fold_batch_norm(folded.depthwise, weights("_depthwise_conv.weight"), weights.under("_bn1"), rules.bn_eps);
  if (!lite) {
    folded.gate = Gate{inner,
                       std::max(1, block.in / 4),
                       weights("_se_reduce.weight"),
                       weights("_se_reduce.bias"),
                       weights("_se_expand.weight"),
                       weights("_se_expand.bias")};
  }
  folded.project = shape_of(inner, block.out, 1, 1, folded.depthwise.output, native, PaddingRule::Symmetric);
  fold_batch_norm(folded.project, weights("_project_conv.weight"), weights.under("_bn2"), rules.bn_eps);
  folded.skip = block.stride == 1 && block.in == block.out;
  return folded;
}

FoldedBackbone efficientnet(const BackboneInfo &info, const BackboneConfig &config, const Weights &weights,
                            MapSize input) {
  const bool lite = info.family == BackboneFamily::EfficientNetLite;
  const Rules rules{config.padding, config.bn_eps};
  FoldedBackbone folded;
  folded.stem = shape_of(3, info.stem_channels, 3, 2, input, info.native_size, rules.padding);
  folded.stem.activation = lite ? Activation::Relu6 : Activation::Silu;
  fold_batch_norm(folded.stem, weights("_conv_stem.weight"), weights.under("_bn0"), rules.bn_eps);
  for (int stage : config.stages) folded.tapped.push_back(index_of(info.taps[index_of(stage) - 1].block));
  int native = (info.native_size + 1) / 2;
  MapSize map = folded.stem.output;
  for (std::size_t i = 0; i <= folded.tapped.back(); ++i) {
    const InvertedResidual &block = info.blocks[i];
    const InvertedBlock next =
        inverted_block(block, lite, weights.under("_blocks." + std::to_string(i)), map, native, rules);
    map = next.project.output;
    native = (native + block.stride - 1) / block.stride;
    folded.blocks.emplace_back(next);
  }
  return folded;
}

FoldedBackbone resnet(const BackboneInfo &info, const BackboneConfig &config, const Weights &weights,
                      MapSize input) {
  const auto convolution = [&](const Weights &from, const std::string &name, const std::string &norm, int in,
                               int out, int kernel, int stride, MapSize map, Activation activation) {
    Convolution folded = shape_of(in, out, kernel, stride, map, 0, PaddingRule::Symmetric);
    folded.activation = activation;
    fold_batch_norm(folded, from(name + ".weight"), from.under(norm), config.bn_eps);
    return folded;
  };
  constexpr auto relu = Activation::Relu;
  constexpr auto none = Activation::None;
  FoldedBackbone folded;
  folded.stem = convolution(weights, "conv1", "bn1", 3, info.stem_channels, 7, 2, input, relu);
  folded.max_pool = true;
  const MapSize stem = folded.stem.output;
  MapSize map{(stem.height - 1) / 2 + 1, (stem.width - 1) / 2 + 1};
  int in = info.stem_channels;
  const int layers = *std::max_element(config.stages.begin(), config.stages.end());
  for (int layer = 1; layer <= layers; ++layer) {
    const int out = info.taps[index_of(layer) - 1].channels;
    const int width = info.bottleneck ? info.base_width << (layer - 1) : out;
    for (int i = 0; i < info.layers[index_of(layer) - 1]; ++i) {
      const Weights from = weights.under("layer" + std::to_string(layer) + "." + std::to_string(i));
      const int stride = layer > 1 && i == 0 ? 2 : 1;
      ResidualUnit unit;
      if (info.bottleneck) {
        unit.body.push_back(convolution(from, "conv1", "bn1", in, width, 1, 1, map, relu));
        unit.body.push_back(convolution(from, "conv2", "bn2", width, width, 3, stride, map, relu));
        unit.body.push_back(
            convolution(from, "conv3", "bn3", width, out, 1, 1, unit.body.back().output, none));
      } else {
        unit.body.push_back(convolution(from, "conv1", "bn1", in, out, 3, stride, map, relu));
        unit.body.push_back(convolution(from, "conv2", "bn2", out, out, 3, 1, unit.body.back().output, none));
      }
      if (stride != 1 || in != out)
        unit.shortcut = convolution(from, "downsample.0", "downsample.1", in, out, 1, stride, map, none);
      in = out;
      map = unit.body.back().output;
      folded.blocks.emplace_back(std::move(unit));
    }
    const bool tapped = std::find(config.stages.begin(), config.stages.end(), layer) != config.stages.end();
    if (tapped) folded.tapped.push_back(folded.blocks.size() - 1);
  }
  return folded;
}

LinearLayer linear(const Weights &weights, const std::string &name) {
  LinearLayer layer;
  layer.weights = weights(name + ".weight");
  layer.bias = weights(name + ".bias");
  layer.out = static_cast<int>(layer.bias.size());
  layer.in = static_cast<int>(layer.weights.size() / layer.bias.size());
  return layer;
}

LayerNorm layer_norm(const Weights &weights, const std::string &name) {
  return {weights(name + ".weight"), weights(name + ".bias")};
}

FoldedAttention attention(const Weights &weights, int dim, int heads) {
  const Values weight = weights("in_proj_weight");
  const Values bias = weights("in_proj_bias");
  const auto part = [&](int number) {
    const std::ptrdiff_t first = std::ptrdiff_t{number} * dim;
    return LinearLayer{dim,
                       dim,
                       {weight.begin() + first * dim, weight.begin() + (first + dim) * dim},
                       {bias.begin() + first, bias.begin() + first + dim}};
  };
  FoldedAttention folded{part(0), part(1), part(2), linear(weights, "out_proj")};
  const double scale = 1 / std::sqrt(static_cast<double>(dim) / heads);
  for (float &value : folded.query.weights) value = static_cast<float>(value * scale);
  for (float &value : folded.query.bias) value = static_cast<float>(value * scale);
  return folded;
}

// Learned: one table for rows and one for columns, the column's half first (docs/network-details.md,
// "Reconstruction").
Values learned_positions(const Weights &weights, MapSize grid, int dim) {
  const Values rows = weights("row_embed.weight");
  const Values columns = weights("col_embed.weight");
  const int half = dim / 2;
  Values table;
  for (int y = 0; y < grid.height; ++y) {
    for (int x = 0; x < grid.width; ++x) {
      table.insert(table.end(), columns.begin() + std::ptrdiff_t{x} * half,
                   columns.begin() + std::ptrdiff_t{x + 1} * half);
      table.insert(table.end(), rows.begin() + std::ptrdiff_t{y} * half,
                   rows.begin() + std::ptrdiff_t{y + 1} * half);
    }
  }
  return table;
}

// DETR's normalized sine, the row's half first: positions are counted from 1 and scaled to 2 pi.
Values sine_positions(MapSize grid, int dim) {
  const int half = dim / 2;
  Values table;
  const auto axis = [&](int position, int extent) {
    const double scaled = (position + 1) / (extent + 1e-6) * 2 * std::numbers::pi;
    for (int i = 0; i < half; ++i) {
      const double angle = scaled / std::pow(10000.0, static_cast<double>(i - i % 2) / half);
      table.push_back(static_cast<float>(i % 2 == 1 ? std::cos(angle) : std::sin(angle)));
    }
  };
  for (int y = 0; y < grid.height; ++y) {
    for (int x = 0; x < grid.width; ++x) {
      axis(y, grid.height);
      axis(x, grid.width);
    }
  }
  return table;
}

// Applies a layer norm to each row of `values`.
Values normalized(const Values &values, const LayerNorm &norm) {
  const std::size_t dim = norm.weight.size();
  Values out(values.size());
  for (std::size_t row = 0; row < values.size(); row += dim) {
    double sum = 0;
    double squares = 0;
    for (std::size_t i = 0; i < dim; ++i) sum += values[row + i];
    const double mean = sum / static_cast<double>(dim);
    for (std::size_t i = 0; i < dim; ++i) squares += (values[row + i] - mean) * (values[row + i] - mean);
    const double factor = 1 / std::sqrt(squares / static_cast<double>(dim) + layer_norm_eps);
    for (std::size_t i = 0; i < dim; ++i)
      out[row + i] = static_cast<float>((values[row + i] - mean) * factor * norm.weight[i] + norm.bias[i]);
  }
  return out;
}

// layer(values + position).
Values projected(const Values &values, const Values &position, const LinearLayer &layer) {
  const std::size_t dim = index_of(layer.in);
  const std::size_t outs = index_of(layer.out);
  Values out(values.size() / dim * outs);
  for (std::size_t row = 0; row < values.size() / dim; ++row) {
    for (std::size_t o = 0; o < outs; ++o) {
      double sum = layer.bias[o];
      for (std::size_t i = 0; i < dim; ++i)
        sum += (double{values[row * dim + i]} + position[row * dim + i]) * layer.weights[o * dim + i];
      out[row * outs + o] = static_cast<float>(sum);
    }
  }
  return out;
}

FoldedReconstruction reconstruction(const ReconstructionConfig &config, const Weights &weights,
                                    MapSize grid) {
  FoldedReconstruction folded;
  folded.tokens = grid.pixels();
  folded.dim = config.dim;
  folded.heads = config.heads;
  folded.feedforward = config.feedforward;
  folded.pre_norm = config.pre_norm;
  folded.position = config.position == PositionEmbedding::Learned
                        ? learned_positions(weights.under("pos_embed"), grid, config.dim)
                        : sine_positions(grid, config.dim);
  folded.mask_height = config.mask_height;
  folded.mask_width = config.mask_width;
  folded.mask_encoder = config.mask_encoder;
  folded.mask_decoder_first = config.mask_decoder_first;
  folded.mask_decoder_second = config.mask_decoder_second;
  folded.input = linear(weights, "input_proj");
  folded.output = linear(weights, "output_proj");
  const Weights encoder = weights.under("transformer.encoder");
  for (int i = 0; i < config.encoder_layers; ++i) {
    const Weights layer = encoder.under("layers." + std::to_string(i));
    folded.encoder.push_back({attention(layer.under("self_attn"), config.dim, config.heads),
                              {linear(layer, "linear1"), linear(layer, "linear2")},
                              layer_norm(layer, "norm1"),
                              layer_norm(layer, "norm2")});
  }
  if (config.pre_norm) folded.encoder_norm = layer_norm(encoder, "norm");
  const Weights decoder = weights.under("transformer.decoder");
  for (int i = 0; i < config.decoder_layers; ++i) {
    const Weights layer = decoder.under("layers." + std::to_string(i));
    FoldedDecoderLayer next{layer("learned_embed.weight"),
                            {},
                            attention(layer.under("self_attn"), config.dim, config.heads),
                            attention(layer.under("multihead_attn"), config.dim, config.heads),
                            {linear(layer, "linear1"), linear(layer, "linear2")},
                            layer_norm(layer, "norm1"),
                            layer_norm(layer, "norm2"),
                            layer_norm(layer, "norm3")};
    next.projected = projected(config.pre_norm ? normalized(next.query, next.norm1) : next.query,
                               folded.position, std::exchange(next.first.query, {}));
    folded.decoder.push_back(std::move(next));
  }
  folded.decoder_norm = layer_norm(decoder, "norm");
  return folded;
}

void fold_standardizing(FoldedNetwork &folded, const Model &model, const std::string &where) {
  const std::size_t channels = index_of(folded.channels);
  folded.feature_scale.assign(channels, 1);
  folded.feature_offset.assign(channels, 0);
  const bool has_mean = model.tensors.contains("feature_mean");
  if (has_mean != model.tensors.contains("feature_std")) {
    throw Error(ErrorKind::InvalidArgument, where, "feature_mean and feature_std come only together",
                "train or import the model again");
  }
  if (!has_mean) return;
  const Shape one_a_channel{folded.channels};
  check_tensors({{"feature_mean", one_a_channel}, {"feature_std", one_a_channel}}, "", model.tensors, where,
                "train or import the model again");
  const Values mean = to_float(model.tensors.at("feature_mean"));
  const Values std = to_float(model.tensors.at("feature_std"));
  for (std::size_t c = 0; c < channels; ++c) {
    folded.feature_scale[c] = 1 / std[c];
    folded.feature_offset[c] = -mean[c] / std[c];
  }
  if (!model.tensors.contains("feature_whitening")) return;
  check_tensors({{"feature_whitening", {folded.channels, folded.channels}}}, "", model.tensors, where,
                "train or import the model again");
  folded.feature_whitening = to_float(model.tensors.at("feature_whitening"));
}

}  // namespace

bool foldable(const ReconstructionConfig &reconstruction) {
  return reconstruction.kind == NetworkKind::UniAD && reconstruction.queries == QueryEmbedding::Layer &&
         reconstruction.decoder_variant == DecoderVariant::A;
}

FoldedNetwork fold(const Model &model, const std::string &where) {
  const ModelConfig &config = model.config;
  check_tensors(backbone_tensors(config.backbone), "backbone.", model.tensors, where,
                "the file does not belong to this network configuration");
  const BackboneInfo &info = *find_backbone(config.backbone.name);
  FoldedNetwork folded;
  folded.input = config.input;
  folded.grid = {config.input.height / 16, config.input.width / 16};
  for (int stage : config.backbone.stages) folded.channels += info.taps[index_of(stage) - 1].channels;
  const Weights backbone(model, "backbone.");
  const MapSize input{config.input.height, config.input.width};
  folded.backbone = info.family == BackboneFamily::ResNet
                        ? resnet(info, config.backbone, backbone, input)
                        : efficientnet(info, config.backbone, backbone, input);
  fold_standardizing(folded, model, where);
  if (config.reconstruction) {
    check_tensors(reconstruction_tensors(*config.reconstruction, folded.channels, folded.grid.height,
                                         folded.grid.width),
                  "reconstruction.", model.tensors, where,
                  "the file does not belong to this network configuration");
    if (foldable(*config.reconstruction))
      folded.reconstruction =
          reconstruction(*config.reconstruction, Weights(model, "reconstruction."), folded.grid);
  }
  return folded;
}

}  // namespace uniad
