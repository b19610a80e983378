// SPDX-License-Identifier: Apache-2.0
#include "model/file/network_tensors.h"

#include <algorithm>

#include "model/base/error.h"
#include "model/config/taps.h"
#include "model/reconstruction/cnn_stages.h"

namespace uniad {
namespace {

using Shapes = std::map<std::string, Shape>;

void add_batch_norm(Shapes &tensors, const std::string &name, int channels) {
  for (const char *part : {"weight", "bias", "running_mean", "running_var"}) {
    tensors[name + "." + part] = {channels};
  }
}

void add_linear(Shapes &tensors, const std::string &name, int in, int out) {
  tensors[name + ".weight"] = {out, in};
  tensors[name + ".bias"] = {out};
}

void add_layer_norm(Shapes &tensors, const std::string &name, int dim) {
  tensors[name + ".weight"] = {dim};
  tensors[name + ".bias"] = {dim};
}

void add_attention(Shapes &tensors, const std::string &name, int dim) {
  tensors[name + ".in_proj_weight"] = {std::int64_t{3} * dim, dim};
  tensors[name + ".in_proj_bias"] = {std::int64_t{3} * dim};
  add_linear(tensors, name + ".out_proj", dim, dim);
}

void add_inverted_residual(Shapes &tensors, const std::string &name, const InvertedResidual &block,
                           bool lite) {
  const int inner = block.in * block.expand;
  if (block.expand != 1) {
    tensors[name + "._expand_conv.weight"] = {inner, block.in, 1, 1};
    add_batch_norm(tensors, name + "._bn0", inner);
  }
  tensors[name + "._depthwise_conv.weight"] = {inner, 1, block.kernel, block.kernel};
  add_batch_norm(tensors, name + "._bn1", inner);
  if (!lite) {
    const int squeezed = std::max(1, block.in / 4);
    tensors[name + "._se_reduce.weight"] = {squeezed, inner, 1, 1};
    tensors[name + "._se_reduce.bias"] = {squeezed};
    tensors[name + "._se_expand.weight"] = {inner, squeezed, 1, 1};
    tensors[name + "._se_expand.bias"] = {inner};
  }
  tensors[name + "._project_conv.weight"] = {block.out, inner, 1, 1};
  add_batch_norm(tensors, name + "._bn2", block.out);
}

Shapes efficientnet_tensors(const BackboneInfo &info, int last_block) {
  Shapes tensors;
  tensors["_conv_stem.weight"] = {info.stem_channels, 3, 3, 3};
  add_batch_norm(tensors, "_bn0", info.stem_channels);
  for (int i = 0; i <= last_block; ++i) {
    add_inverted_residual(tensors, "_blocks." + std::to_string(i), info.blocks[static_cast<std::size_t>(i)],
                          info.family == BackboneFamily::EfficientNetLite);
  }
  return tensors;
}

void add_residual(Shapes &tensors, const std::string &name, int in, int width, int out, bool bottleneck,
                  bool first_of_layer) {
  const auto add = [&](const std::string &number, int from, int to, int kernel) {
    tensors[name + ".conv" + number + ".weight"] = {to, from, kernel, kernel};
    add_batch_norm(tensors, name + ".bn" + number, to);
  };
  if (bottleneck) {
    add("1", in, width, 1);
    add("2", width, width, 3);
    add("3", width, out, 1);
  } else {
    add("1", in, out, 3);
    add("2", out, out, 3);
  }
  if (first_of_layer && in != out) {
    tensors[name + ".downsample.0.weight"] = {out, in, 1, 1};
    add_batch_norm(tensors, name + ".downsample.1", out);
  }
}

Shapes resnet_tensors(const BackboneInfo &info, int last_layer) {
  Shapes tensors;
  tensors["conv1.weight"] = {info.stem_channels, 3, 7, 7};
  add_batch_norm(tensors, "bn1", info.stem_channels);
  int in = info.stem_channels;
  for (int layer = 1; layer <= last_layer; ++layer) {
    const auto index = static_cast<std::size_t>(layer) - 1;
    const int out = info.taps[index].channels;
    const int width = info.base_width << index;
    for (int block = 0; block < info.layers[index]; ++block) {
      add_residual(tensors, "layer" + std::to_string(layer) + "." + std::to_string(block), in, width, out,
                   info.bottleneck, block == 0);
      in = out;
    }
  }
  return tensors;
}

void add_cnn(Shapes &tensors, int dim) {
  int in = dim;
  int number = 0;
  for (const CnnStage &stage : cnn_stages(dim)) {
    const std::string layer = "cnn.layer" + std::to_string(++number);
    for (int block = 0; block < stage.blocks; ++block) {
      add_residual(tensors, layer + "." + std::to_string(block), in, stage.channels, stage.channels,
                   /*bottleneck=*/false, block == 0);
      in = stage.channels;
    }
  }
}

std::string text_of(const Shape &shape) {
  std::string text;
  for (std::int64_t extent : shape) {
    if (!text.empty()) text += 'x';
    text += std::to_string(extent);
  }
  return text;
}

}  // namespace

Shapes backbone_tensors(const BackboneConfig &config) {
  const BackboneInfo *info = find_backbone(config.name);
  if (info == nullptr) {
    std::string names;
    for (const std::string &name : backbone_names()) names += (names.empty() ? "" : ", ") + name;
    throw Error(ErrorKind::Unsupported, "backbone", "unknown name '" + config.name + "'",
                "the known names are " + names);
  }
  const int last_stage =
      config.stages.empty() ? 0 : *std::max_element(config.stages.begin(), config.stages.end());
  if (last_stage < 1 || last_stage > static_cast<int>(info->taps.size())) {
    throw Error(ErrorKind::Unsupported, config.name, "there are no such stages",
                "use one or more of 1 to " + std::to_string(info->taps.size()) + ", in ascending order");
  }
  const int last = info->taps[static_cast<std::size_t>(last_stage) - 1].block;
  return info->family == BackboneFamily::ResNet ? resnet_tensors(*info, last)
                                                : efficientnet_tensors(*info, last);
}

Shapes reconstruction_tensors(const ReconstructionConfig &config, int channels, int height, int width) {
  Shapes tensors;
  const int dim = config.dim;
  add_linear(tensors, "input_proj", channels, dim);
  add_linear(tensors, "output_proj", dim, channels);
  if (config.kind == NetworkKind::Cnn) {
    add_cnn(tensors, dim);
    return tensors;
  }
  if (config.kind == NetworkKind::UniAD && config.position == PositionEmbedding::Learned) {
    tensors["pos_embed.row_embed.weight"] = {height, dim / 2};
    tensors["pos_embed.col_embed.weight"] = {width, dim / 2};
  }
  const auto add_fusion = [&](const std::string &name, bool of_two) {
    if (config.kind == NetworkKind::UniAD) {
      add_attention(tensors, name, dim);
    } else {
      add_linear(tensors, name + ".linear", of_two ? 2 * dim : dim, dim);
      add_layer_norm(tensors, name + ".norm", dim);
    }
  };
  const auto add_feed_forward = [&](const std::string &layer) {
    add_linear(tensors, layer + ".linear1", dim, config.feedforward);
    add_linear(tensors, layer + ".linear2", config.feedforward, dim);
    add_layer_norm(tensors, layer + ".norm1", dim);
    add_layer_norm(tensors, layer + ".norm2", dim);
  };
  for (int i = 0; i < config.encoder_layers; ++i) {
    const std::string layer = "transformer.encoder.layers." + std::to_string(i);
    add_fusion(layer + ".self_attn", false);
    add_feed_forward(layer);
  }
  if (config.pre_norm) add_layer_norm(tensors, "transformer.encoder.norm", dim);
  const bool layer_wise = config.queries == QueryEmbedding::Layer;
  for (int i = 0; i < config.decoder_layers; ++i) {
    const std::string layer = "transformer.decoder.layers." + std::to_string(i);
    if (layer_wise || (config.queries == QueryEmbedding::One && i == 0))
      tensors[layer + ".learned_embed.weight"] = {static_cast<std::int64_t>(height) * width, dim};
    add_fusion(layer + ".self_attn", layer_wise);
    add_fusion(layer + ".multihead_attn", true);
    add_feed_forward(layer);
    add_layer_norm(tensors, layer + ".norm3", dim);
  }
  add_layer_norm(tensors, "transformer.decoder.norm", dim);
  return tensors;
}

Shapes statistics_tensors(const StatisticsConfig &config, int channels, int tokens) {
  Shapes tensors{{"pictures", {config.clusters}},
                 {"descriptors", {config.clusters, channels}},
                 {"descriptor_squares", {config.clusters, channels}}};
  const auto add_sums = [&](const std::string &name) {
    tensors[name + ".positions"] = {config.clusters, tokens, channels};
    tensors[name + ".products"] = {config.clusters, channels, channels};
  };
  add_sums("features");
  if (config.residuals) add_sums("residuals");
  return tensors;
}

void check_tensors(const Shapes &expected, const std::string &prefix,
                   const std::map<std::string, StoredTensor> &tensors, const std::string &where,
                   const std::string &hint) {
  constexpr int named_at_most = 5;
  int wrong = 0;
  std::string text;
  const auto report = [&](const std::string &what) {
    if (++wrong <= named_at_most) text += (text.empty() ? "" : ", ") + what;
  };
  for (const auto &[name, shape] : expected) {
    const auto found = tensors.find(prefix + name);
    if (found == tensors.end()) {
      report(prefix + name + " is missing");
    } else if (found->second.shape != shape) {
      report(prefix + name + " is " + text_of(found->second.shape) + ", not " + text_of(shape));
    } else if (!is_floating(found->second.dtype)) {
      report(prefix + name + " does not have a floating-point type");
    }
  }
  if (wrong > named_at_most) text += " and " + std::to_string(wrong - named_at_most) + " more";
  if (wrong > 0) throw Error(ErrorKind::Malformed, where, text, hint);
}

}  // namespace uniad
