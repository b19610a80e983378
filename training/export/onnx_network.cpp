// SPDX-License-Identifier: Apache-2.0
#include "training/export/onnx_network.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "training/export/onnx_parts.h"

namespace uniad {
namespace {

using Value = OnnxGraph::Value;
using Shape = OnnxGraph::Shape;

Value activation(OnnxGraph &graph, const std::string &name, Activation activation, const Value &input) {
  switch (activation) {
    case Activation::None:
      break;
    case Activation::Relu:
      return graph.add("Relu", name + "/relu", {input});
    case Activation::Relu6: {
      const Value least = graph.constant(name + "/least", std::array{0.0F}, {});
      const Value most = graph.constant(name + "/most", std::array{6.0F}, {});
      return graph.add("Clip", name + "/relu6", {input, least, most});
    }
    case Activation::Silu:
      return graph.add("Mul", name + "/silu", {input, graph.add("Sigmoid", name + "/sigmoid", {input})});
  }
  return input;
}

Value convolution(OnnxGraph &graph, const std::string &name, const Convolution &convolution, bool depthwise,
                  const Value &input) {
  // The padding that the last window needs beyond the end of the input.
  const auto pad_after = [&](int output, int extent, int before) {
    return std::int64_t{
        std::max((output - 1) * convolution.stride + convolution.kernel - extent - before, 0)};
  };
  const Shape pads{convolution.pad_top, convolution.pad_left,
                   pad_after(convolution.output.height, convolution.input.height, convolution.pad_top),
                   pad_after(convolution.output.width, convolution.input.width, convolution.pad_left)};
  const std::int64_t kernel = convolution.kernel;
  const std::int64_t stride = convolution.stride;
  const Value weights = graph.constant(name + "/weight", convolution.weights,
                                       {convolution.out, depthwise ? 1 : convolution.in, kernel, kernel});
  const Value bias = graph.constant(name + "/bias", convolution.bias, {convolution.out});
  const Value output = graph.add("Conv", name, {input, weights, bias},
                                 {{"kernel_shape", Shape{kernel, kernel}},
                                  {"strides", Shape{stride, stride}},
                                  {"pads", pads},
                                  {"group", std::int64_t{depthwise ? convolution.in : 1}}});
  return activation(graph, name, convolution.activation, output);
}

Value gate(OnnxGraph &graph, const std::string &name, const Gate &gate, const Value &input) {
  const auto layer = [&](const std::string &part, const std::vector<float> &weights,
                         const std::vector<float> &bias, int in, int out, const Value &from) {
    const Value weight = graph.constant(part + "/weight", weights, {out, in, 1, 1});
    return graph.add("Conv", part, {from, weight, graph.constant(part + "/bias", bias, {out})});
  };
  const Value mean = graph.add("GlobalAveragePool", name + "/mean", {input});
  const Value reduced =
      layer(name + "/reduce", gate.reduce, gate.reduce_bias, gate.channels, gate.squeezed, mean);
  const Value expanded = layer(name + "/expand", gate.expand, gate.expand_bias, gate.squeezed, gate.channels,
                               activation(graph, name + "/reduce", Activation::Silu, reduced));
  return graph.add("Mul", name, {input, graph.add("Sigmoid", name + "/sigmoid", {expanded})});
}

Value block(OnnxGraph &graph, const std::string &name, const InvertedBlock &block, const Value &input) {
  Value inner = input;
  if (block.expand) inner = convolution(graph, name + "/expand", *block.expand, false, inner);
  inner = convolution(graph, name + "/depthwise", block.depthwise, true, inner);
  if (block.gate) inner = gate(graph, name + "/gate", *block.gate, inner);
  const Value output = convolution(graph, name + "/project", block.project, false, inner);
  return block.skip ? graph.add("Add", name, {output, input}) : output;
}

Value block(OnnxGraph &graph, const std::string &name, const ResidualUnit &unit, const Value &input) {
  Value inner = input;
  for (std::size_t i = 0; i < unit.body.size(); ++i)
    inner = convolution(graph, std::string(name).append("/body.").append(std::to_string(i)), unit.body[i],
                        false, inner);
  const Value shortcut =
      unit.shortcut ? convolution(graph, name + "/shortcut", *unit.shortcut, false, input) : input;
  return activation(graph, name, Activation::Relu, graph.add("Add", name, {inner, shortcut}));
}

MapSize output_of(const InvertedBlock &block) {
  return block.project.output;
}

MapSize output_of(const ResidualUnit &unit) {
  return unit.body.back().output;
}

// The taps, sampled at the grid's cells (docs/network-details.md, "Taps") and side by side.
Value backbone_and_neck(OnnxGraph &graph, const FoldedNetwork &network, const Value &image) {
  const FoldedBackbone &backbone = network.backbone;
  Value map = convolution(graph, "backbone/stem", backbone.stem, false, image);
  if (backbone.max_pool)
    map = graph.add("MaxPool", "backbone/pool", {map},
                    {{"kernel_shape", Shape{3, 3}}, {"strides", Shape{2, 2}}, {"pads", Shape{1, 1, 1, 1}}});
  std::vector<Value> taps;
  for (std::size_t i = 0; i < backbone.blocks.size(); ++i) {
    const std::string name = "backbone/blocks." + std::to_string(i);
    map = std::visit([&](const auto &which) { return block(graph, name, which, map); }, backbone.blocks[i]);
    if (std::find(backbone.tapped.begin(), backbone.tapped.end(), i) == backbone.tapped.end()) continue;
    const MapSize size = std::visit([](const auto &which) { return output_of(which); }, backbone.blocks[i]);
    const bool as_it_is = size == network.grid;
    taps.push_back(as_it_is ? map
                            : resized(graph, "neck/" + std::to_string(i), map, size,
                                      interpolation(size.height, network.grid.height),
                                      interpolation(size.width, network.grid.width)));
  }
  return taps.size() == 1 ? taps.front() : graph.add("Concat", "neck", taps, {{"axis", std::int64_t{1}}});
}

// Writes UniAD's reconstruction. Its layers share the constants uniad/position, uniad/parted and uniad/joined
// (shapes), and uniad/mask.
class UniadWriter {
 public:
  UniadWriter(OnnxGraph &graph, const FoldedReconstruction &network, MapSize grid)
      : graph_(graph), network_(network), grid_(grid), tokens_(grid.pixels()) {}

  Value write(const Value &features);

 private:
  // Tokens without and with their positions.
  struct Source {
    Value plain, placed;
  };

  Source source(const Value &tokens);
  Value linear(const std::string &name, const LinearLayer &layer, const Value &input);
  Value norm(const std::string &name, const LayerNorm &norm, const Value &input);
  Value heads(const Value &tokens, const Shape &order);
  Value attention(const std::string &name, const FoldedAttention &layers, const Value &query,
                  const Source &source, bool masked);
  Value feed_forward(const std::string &name, const FeedForward &layers, const Value &input);
  Value encoder_layer(const std::string &name, const FoldedEncoderLayer &layer, const Value &input);
  Value decoder_layer(const std::string &name, const FoldedDecoderLayer &layer, const Source &memory,
                      const Source &previous);

  OnnxGraph &graph_;
  const FoldedReconstruction &network_;
  const MapSize grid_;
  const std::int64_t tokens_;
};

UniadWriter::Source UniadWriter::source(const Value &tokens) {
  return {tokens, graph_.add("Add", tokens + "/placed", {tokens, "uniad/position"})};
}

Value UniadWriter::linear(const std::string &name, const LinearLayer &layer, const Value &input) {
  const Value weight = right_matrix(graph_, name + "/weight", layer.weights, layer.in);
  return graph_.add("Add", name,
                    {graph_.add("MatMul", name + "/product", {input, weight}),
                     graph_.constant(name + "/bias", layer.bias, {layer.out})});
}

Value UniadWriter::norm(const std::string &name, const LayerNorm &norm, const Value &input) {
  const std::int64_t size = network_.dim;
  return graph_.add("LayerNormalization", name,
                    {input, graph_.constant(name + "/weight", norm.weight, {size}),
                     graph_.constant(name + "/bias", norm.bias, {size})},
                    {{"axis", std::int64_t{-1}}, {"epsilon", layer_norm_eps}});
}

// Converts (batch, tokens, dim) to (batch, tokens, heads, dim / heads), with the axes in this order.
Value UniadWriter::heads(const Value &tokens, const Shape &order) {
  return graph_.add("Transpose", tokens + "/heads",
                    {graph_.add("Reshape", tokens + "/parted", {tokens, "uniad/parted"})}, {{"perm", order}});
}

// query: (batch, tokens, dim), projected and scaled.
Value UniadWriter::attention(const std::string &name, const FoldedAttention &layers, const Value &query,
                             const Source &source, bool masked) {
  const Value key = heads(linear(name + "/key", layers.key, source.placed), {0, 2, 3, 1});
  const Value value = heads(linear(name + "/value", layers.value, source.plain), {0, 2, 1, 3});
  Value scores = graph_.add("MatMul", name + "/scores", {heads(query, {0, 2, 1, 3}), key});
  if (masked) scores = graph_.add("Add", name + "/masked", {scores, "uniad/mask"});
  const Value weights = graph_.add("Softmax", name + "/weights", {scores}, {{"axis", std::int64_t{-1}}});
  const Value found = graph_.add("MatMul", name + "/found", {weights, value});
  const Value back = graph_.add("Transpose", name + "/back", {found}, {{"perm", Shape{0, 2, 1, 3}}});
  return linear(name + "/out", layers.out, graph_.add("Reshape", name + "/joined", {back, "uniad/joined"}));
}

Value UniadWriter::feed_forward(const std::string &name, const FeedForward &layers, const Value &input) {
  const Value hidden = graph_.add("Relu", name + "/hidden", {linear(name + "/first", layers.first, input)});
  return linear(name + "/second", layers.second, hidden);
}

// Post-norm normalizes sums. Pre-norm normalizes the inputs of attention and feed-forward network.
Value UniadWriter::encoder_layer(const std::string &name, const FoldedEncoderLayer &layer,
                                 const Value &input) {
  const bool pre = network_.pre_norm;
  const Source read = source(pre ? norm(name + "/norm1", layer.norm1, input) : input);
  const Value query = linear(name + "/query", layer.attention.query, read.placed);
  const Value found = attention(name + "/attention", layer.attention, query, read, network_.mask_encoder);
  Value stream = graph_.add("Add", name + "/attended", {input, found});
  if (!pre) stream = norm(name + "/norm1", layer.norm1, stream);
  const Value thought = feed_forward(name + "/feed_forward", layer.feed_forward,
                                     pre ? norm(name + "/norm2", layer.norm2, stream) : stream);
  stream = graph_.add("Add", name, {stream, thought});
  return pre ? stream : norm(name + "/norm2", layer.norm2, stream);
}

Value UniadWriter::decoder_layer(const std::string &name, const FoldedDecoderLayer &layer,
                                 const Source &memory, const Source &previous) {
  const bool pre = network_.pre_norm;
  const Value learned = graph_.constant(name + "/learned", layer.query, {tokens_, network_.dim});
  const Value projected = graph_.constant(name + "/projected", layer.projected, {1, tokens_, network_.dim});
  const Value of_memory =
      attention(name + "/first", layer.first, projected, memory, network_.mask_decoder_first);
  Value stream = graph_.add("Add", name + "/found", {of_memory, learned});
  if (!pre) stream = norm(name + "/norm1", layer.norm1, stream);
  const Value asks = source(pre ? norm(name + "/norm2", layer.norm2, stream) : stream).placed;
  const Value query = linear(name + "/query", layer.second.query, asks);
  const Value of_previous =
      attention(name + "/second", layer.second, query, previous, network_.mask_decoder_second);
  stream = graph_.add("Add", name + "/attended", {stream, of_previous});
  if (!pre) stream = norm(name + "/norm2", layer.norm2, stream);
  const Value thought = feed_forward(name + "/feed_forward", layer.feed_forward,
                                     pre ? norm(name + "/norm3", layer.norm3, stream) : stream);
  stream = graph_.add("Add", name, {stream, thought});
  return pre ? stream : norm(name + "/norm3", layer.norm3, stream);
}

// Returns 0 for each key that a query sees, and -infinity for each key that the neighbor mask hides from it.
std::vector<float> mask_of(const FoldedReconstruction &network, MapSize grid) {
  std::vector<float> mask;
  mask.reserve(static_cast<std::size_t>(grid.pixels()) * static_cast<std::size_t>(grid.pixels()));
  for (int query = 0; query < grid.pixels(); ++query) {
    for (int key = 0; key < grid.pixels(); ++key) {
      const int down = std::abs(key / grid.width - query / grid.width);
      const int across = std::abs(key % grid.width - query % grid.width);
      const bool hidden = down <= network.mask_height / 2 && across <= network.mask_width / 2;
      mask.push_back(hidden ? -std::numeric_limits<float>::infinity() : 0.0F);
    }
  }
  return mask;
}

Value UniadWriter::write(const Value &features) {
  const std::int64_t dim = network_.dim;
  const std::int64_t heads = network_.heads;
  graph_.constant("uniad/position", network_.position, {tokens_, dim});
  graph_.integers("uniad/parted", std::array<std::int64_t, 4>{0, tokens_, heads, dim / heads});
  graph_.integers("uniad/joined", std::array<std::int64_t, 3>{0, tokens_, dim});
  if (network_.mask_encoder || network_.mask_decoder_first || network_.mask_decoder_second)
    graph_.constant("uniad/mask", mask_of(network_, grid_), {tokens_, tokens_});

  Value stream = linear("uniad/input", network_.input, features);
  for (std::size_t i = 0; i < network_.encoder.size(); ++i)
    stream = encoder_layer("uniad/encoder." + std::to_string(i), network_.encoder[i], stream);
  if (network_.encoder_norm) stream = norm("uniad/encoder_norm", *network_.encoder_norm, stream);
  const Source memory = source(stream);
  for (std::size_t i = 0; i < network_.decoder.size(); ++i)
    stream = decoder_layer("uniad/decoder." + std::to_string(i), network_.decoder[i], memory,
                           i == 0 ? memory : source(stream));
  return linear("uniad/output", network_.output, norm("uniad/decoder_norm", network_.decoder_norm, stream));
}

}  // namespace

Value write_features(OnnxGraph &graph, const FoldedNetwork &network, const Value &image) {
  const std::int64_t channels = network.channels;
  const Value shape =
      graph.integers("features/shape", std::array<std::int64_t, 3>{0, channels, network.grid.pixels()});
  const Value rows = graph.add("Reshape", "features/rows", {backbone_and_neck(graph, network, image), shape});
  const Value raw = graph.add("Transpose", "features/raw", {rows}, {{"perm", Shape{0, 2, 1}}});
  const Value scale = graph.constant("features/scale", network.feature_scale, {channels});
  const Value offset = graph.constant("features/offset", network.feature_offset, {channels});
  Value standardized =
      graph.add("Add", "features/standardized", {graph.add("Mul", "features/scaled", {raw, scale}), offset});
  if (network.feature_whitening.empty()) return standardized;
  return graph.add(
      "MatMul", "features/whitened",
      {standardized, right_matrix(graph, "features/whitening", network.feature_whitening, channels)});
}

Value write_reconstruction(OnnxGraph &graph, const FoldedReconstruction &network, MapSize grid,
                           const Value &features) {
  return UniadWriter(graph, network, grid).write(features);
}

}  // namespace uniad
