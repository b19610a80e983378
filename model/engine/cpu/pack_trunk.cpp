// SPDX-License-Identifier: Apache-2.0
// Packs a folded backbone for the kernels, and computes the size of its working memory.
#include <algorithm>
#include <utility>

#include "model/engine/cpu/trunk.h"
#include "model/engine/cpu/work_sizes.h"

namespace uniad::cpu {
namespace {

Convolution without_weights(const Convolution &convolution) {
  Convolution shape = convolution;
  shape.weights.clear();
  shape.bias.clear();
  return shape;
}

// The number of floats in an expanded strip of two panels. It must fit in a core's cache (at least 1 MB)
// together with the input of the strip and the weights.
constexpr int strip_values = 64 * 1024;

}  // namespace

Trunk::Dense Trunk::pack_dense(const Convolution &convolution) const {
  Dense dense;
  dense.shape = without_weights(convolution);
  const bool of_image = convolution.in == 3;
  dense.in_stride = round_up(convolution.in, kernels_.depth);
  dense.out_stride = round_up(convolution.out, kernels_.depth);
  const int cells = convolution.kernel * convolution.kernel;
  if (of_image) dense.in_stride = round_up(convolution.in * cells, kernels_.depth);  // of a patch
  if (cells == 1 || of_image) {
    dense.layer = pack(kernels_, convolution.weights, convolution.in * cells, convolution.bias);
    return dense;
  }
  // (out, in, y, x) -> (out, y, x, padded in): a patch is a sequence of whole pixels.
  const auto in = static_cast<std::size_t>(convolution.in);
  const auto stride = static_cast<std::size_t>(dense.in_stride);
  std::vector<float> weights(convolution.bias.size() * static_cast<std::size_t>(cells) * stride);
  for (std::size_t o = 0; o < convolution.bias.size(); ++o)
    for (std::size_t i = 0; i < in; ++i)
      for (std::size_t cell = 0; cell < static_cast<std::size_t>(cells); ++cell)
        weights[(o * static_cast<std::size_t>(cells) + cell) * stride + i] =
            convolution.weights[(o * in + i) * static_cast<std::size_t>(cells) + cell];
  dense.layer = pack(kernels_, weights, cells * dense.in_stride, convolution.bias);
  return dense;
}

Trunk::Channelwise Trunk::pack_channelwise(const Convolution &convolution) const {
  Channelwise packed;
  packed.shape = without_weights(convolution);
  packed.bias = in_panels(convolution.bias);
  packed.panels = static_cast<int>(packed.bias.size()) / panel_width;
  packed.out_stride = round_up(convolution.out, kernels_.depth);
  const int last_column = (convolution.output.width - 1) * convolution.stride + convolution.kernel;
  packed.padded_width = std::max(last_column, convolution.pad_left + convolution.input.width);
  const int rows_in_cache =
      std::max(strip_values / (2 * packed.padded_width * panel_width), convolution.kernel);
  const int most = std::max((rows_in_cache - convolution.kernel) / convolution.stride + 1, 1);
  packed.strip = rows_a_task(convolution.output.height, tasks_for(convolution.output.height, most), 1);
  const auto cells =
      static_cast<std::size_t>(convolution.kernel) * static_cast<std::size_t>(convolution.kernel);
  packed.weights.resize(packed.bias.size() * cells);
  for (std::size_t c = 0; c < convolution.bias.size(); ++c)
    for (std::size_t cell = 0; cell < cells; ++cell)
      packed.weights[(c / panel_width * cells + cell) * panel_width + c % panel_width] =
          convolution.weights[c * cells + cell];
  return packed;
}

Trunk::PackedGate Trunk::pack_gate(const Gate &gate) {
  const auto channels = static_cast<std::size_t>(gate.channels);
  const auto squeezed = static_cast<std::size_t>(gate.squeezed);
  const auto padded = static_cast<std::size_t>(round_up(gate.channels, panel_width));
  PackedGate packed;
  packed.squeezed = gate.squeezed;
  packed.reduce.resize(squeezed * padded);
  packed.expand.resize(squeezed * padded);
  for (std::size_t s = 0; s < squeezed; ++s) {
    for (std::size_t c = 0; c < channels; ++c) {
      packed.reduce[s * padded + c] = gate.reduce[s * channels + c];
      packed.expand[s * padded + c] = gate.expand[c * squeezed + s];
    }
  }
  packed.reduce_bias = gate.reduce_bias;
  packed.expand_bias = in_panels(gate.expand_bias);
  return packed;
}

Trunk::Trunk(const Kernels &kernels, const FoldedNetwork &network)
    : kernels_(kernels),
      input_{network.input.height, network.input.width},
      grid_(network.grid),
      channels_(network.channels),
      stem_(pack_dense(network.backbone.stem)),
      max_pool_(network.backbone.max_pool),
      pooled_{(stem_.shape.output.height - 1) / 2 + 1, (stem_.shape.output.width - 1) / 2 + 1} {
  int first_channel = 0;
  for (std::size_t i = 0; i < network.backbone.blocks.size(); ++i) {
    const Convolution *last = nullptr;
    if (const auto *inverted = std::get_if<InvertedBlock>(&network.backbone.blocks[i])) {
      Inverted block;
      if (inverted->expand) block.expand = pack_dense(*inverted->expand);
      block.depthwise = pack_channelwise(inverted->depthwise);
      if (inverted->gate) block.gate = pack_gate(*inverted->gate);
      block.project = pack_dense(inverted->project);
      block.skip = inverted->skip;
      last = &inverted->project;
      blocks_.emplace_back(std::move(block));
    } else {
      const auto &unit = std::get<ResidualUnit>(network.backbone.blocks[i]);
      Residual block;
      for (const Convolution &convolution : unit.body) block.body.push_back(pack_dense(convolution));
      if (unit.shortcut) block.shortcut = pack_dense(*unit.shortcut);
      last = &unit.body.back();
      blocks_.emplace_back(std::move(block));
    }
    const auto &tapped = network.backbone.tapped;
    if (std::find(tapped.begin(), tapped.end(), i) == tapped.end()) continue;
    const auto channels = static_cast<std::size_t>(last->out);
    const auto first = static_cast<std::size_t>(first_channel);
    taps_.push_back({i, last->out, first_channel, last->output, round_up(last->out, kernels_.depth),
                     interpolation(last->output.height, grid_.height),
                     interpolation(last->output.width, grid_.width),
                     in_panels({network.feature_scale.data() + first, channels}),
                     in_panels({network.feature_offset.data() + first, channels})});
    first_channel += last->out;
  }
}

Trunk::Memory Trunk::make_memory(int threads) const {
  std::size_t map = size_of_map(stem_.shape.output.pixels() + spare_rows, stem_.out_stride);
  std::size_t inner = 0;
  std::size_t inner_too = 0;
  std::size_t shortcut = 0;
  std::size_t scaled = 0;
  std::size_t padded = 0;
  std::size_t channels = 0;
  std::size_t sums = 0;
  std::size_t row_scales = 0;
  std::size_t bytes = 0;
  std::size_t squeezed = 0;
  std::size_t patch_row = static_cast<std::size_t>(stem_.in_stride);
  const auto cover = [](std::size_t &most, std::size_t size) { most = std::max(most, size); };
  const auto cover_map = [&](std::size_t &most, const Dense &dense) {
    cover(most, size_of_map(dense.shape.output.pixels() + spare_rows, dense.out_stride));
    if (!reads_pixels_as_they_are(dense.shape))
      cover(patch_row, static_cast<std::size_t>(round_up(dense.layer.values, kernels_.depth)));
  };
  for (const auto &block : blocks_) {
    if (const auto *inverted = std::get_if<Inverted>(&block)) {
      const Channelwise &depthwise = inverted->depthwise;
      cover_map(map, inverted->project);
      if (inverted->expand && kernels_.quantize != nullptr) {
        const int pixels = inverted->expand->shape.input.pixels() + spare_rows;
        cover(row_scales, size_of_map(pixels, 1));
        cover(bytes, size_of_map(pixels, inverted->expand->layer.depth));
      }
      cover(inner, size_of_map(depthwise.shape.output.pixels() + spare_rows, depthwise.out_stride));
      const Convolution &shape = depthwise.shape;
      const int seen = (depthwise.strip - 1) * shape.stride + shape.kernel;
      cover(padded, size_of_map(seen * depthwise.padded_width, panel_width));
      cover(channels, depthwise.bias.size());
      cover(sums, depthwise.bias.size() *
                      static_cast<std::size_t>(tasks_for(shape.output.height, depthwise.strip)));
      if (inverted->gate) cover(squeezed, static_cast<std::size_t>(inverted->gate->squeezed));
      if (kernels_.scale != nullptr)
        cover(scaled,
              size_of_map(inverted->project.layer.depth, inverted->project.layer.panels * panel_width));
    } else {
      const auto &residual = std::get<Residual>(block);
      cover_map(inner, residual.body.front());
      if (residual.body.size() > 2) cover_map(inner_too, residual.body[1]);
      cover_map(map, residual.body.back());
      if (residual.shortcut) cover_map(shortcut, *residual.shortcut);
    }
  }
  Memory memory;
  memory.input = Elements(kernels_, map);
  memory.output = Elements(kernels_, map);
  memory.inner = Elements(kernels_, inner);
  memory.inner_too = Elements(kernels_, inner_too);
  memory.shortcut = Elements(kernels_, shortcut);
  memory.scaled = Elements(kernels_, scaled);
  memory.bytes.resize(bytes);
  memory.row_scales.resize(row_scales);
  memory.sums.resize(sums);
  memory.gate.resize(channels + static_cast<std::size_t>(kernels_.depth));
  memory.squeezed.resize(squeezed);
  const std::size_t patches =
      std::max(patch_values, patch_row * static_cast<std::size_t>(kernels_.rows)) + patch_row * spare_rows;
  std::size_t row = patch_row;
  for (const Tap &tap : taps_) row = std::max(row, tap.scale.size());
  for (int i = 0; i < threads; ++i) {
    memory.padded.emplace_back(2 * padded);
    memory.patches.emplace_back(kernels_, patches);
    memory.wide_row.emplace_back(row);
  }
  return memory;
}

}  // namespace uniad::cpu
