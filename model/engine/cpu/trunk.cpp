// SPDX-License-Identifier: Apache-2.0
#include "model/engine/cpu/trunk.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace uniad::cpu {
namespace {

std::size_t size_of_map(int rows, int stride) {
  return static_cast<std::size_t>(rows) * static_cast<std::size_t>(stride);
}

Convolution without_weights(const Convolution &convolution) {
  Convolution shape = convolution;
  shape.weights.clear();
  shape.bias.clear();
  return shape;
}

bool reads_pixels_as_they_are(const Convolution &shape) {
  return shape.kernel == 1 && shape.stride == 1;
}

// Rows of a map for each of `parts` tasks: whole tiles, as even as these allow.
int rows_a_task(int rows, int parts, int tile) {
  return round_up((rows + parts - 1) / parts, tile);
}

int tasks_for(int rows, int rows_each) {
  return (rows + rows_each - 1) / rows_each;
}

// Floats of an expanded strip of two panels, which a core's cache (1 MB and more) holds beside what it is
// made of and the rest.
constexpr int strip_values = 64 * 1024;

// Rows of patches that a task keeps in the cache at a time.
constexpr std::size_t patch_values = std::size_t{64} * 1024;

// Zeros around a part of a map: above and to the left of it, between its rows, below it.
void clear_border(float *padded, MapSize size, int top, int left, int rows, int columns) {
  float *const end = padded + std::ptrdiff_t{size.pixels()} * panel_width;
  float *row = padded + (std::ptrdiff_t{top} * size.width + left) * panel_width;
  std::fill(padded, row, 0.0F);
  for (int y = 0; y < rows; ++y) {
    float *const behind = row + std::ptrdiff_t{columns} * panel_width;
    row += std::ptrdiff_t{size.width} * panel_width;
    std::fill(behind, std::min(row, end), 0.0F);
  }
  if (row < end) std::fill(row, end, 0.0F);
}

}  // namespace

std::size_t Trunk::bytes_of(int elements) const {
  return static_cast<std::size_t>(elements) * static_cast<std::size_t>(kernels_.element);
}

std::byte *Trunk::at(Elements &map, std::ptrdiff_t element) const {
  return map.data() + element * kernels_.element;
}

const std::byte *Trunk::at(const Elements &map, std::ptrdiff_t element) const {
  return map.data() + element * kernels_.element;
}

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
  // (out, in, y, x) -> (out, y, x, padded in): a patch is whole pixels, one after the other.
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
      if (inverted->expand && kernels_.quantise != nullptr) {
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

void Trunk::run(const Team &team, Memory &memory, const float *image, float *features) const {
  run_stem(team, memory, image);
  if (max_pool_) run_max_pool(team, memory);
  auto tap = taps_.begin();
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    std::visit([&](const auto &block) { run_block(team, memory, block); }, blocks_[i]);
    std::swap(memory.input, memory.output);
    if (tap != taps_.end() && tap->block == i) sample(team, memory, *tap++, features);
  }
}

// Columns behind the channels, which the next layer multiplies by zero: they must not be NaN.
void Trunk::clear_padding(Elements &map, int rows, int used, int stride) const {
  if (used == stride) return;
  for (int r = 0; r < rows; ++r)
    std::memset(at(map, std::ptrdiff_t{r} * stride + used), 0, bytes_of(stride - used));
}

void Trunk::run_stem(const Team &team, Memory &memory, const float *image) const {
  const Convolution &shape = stem_.shape;
  const int pixels = shape.output.pixels();
  const int at_once =
      std::max(static_cast<int>(patch_values) / stem_.in_stride / kernels_.rows, 1) * kernels_.rows;
  const int each = std::min(rows_a_task(pixels, 4 * team.size(), kernels_.rows), at_once);
  const int extent = shape.kernel;
  team.run(tasks_for(pixels, each), [&](int task, int thread) {
    const auto which = static_cast<std::size_t>(thread);
    const int first = task * each;
    const int rows = std::min(each, pixels - first);
    Elements &patches = memory.patches[which];
    float *row = memory.wide_row[which].data();
    for (int r = 0; r < rows; ++r) {
      const int top = (first + r) / shape.output.width * shape.stride - shape.pad_top;
      const int left = (first + r) % shape.output.width * shape.stride - shape.pad_left;
      float *to = row;
      const bool inside =
          top >= 0 && left >= 0 && top + extent <= input_.height && left + extent <= input_.width;
      for (int channel = 0; channel < 3; ++channel) {
        const float *plane = image + std::ptrdiff_t{channel} * input_.pixels();
        for (int y = top; y < top + extent; ++y) {
          for (int x = left; x < left + extent; ++x) {
            const bool seen = inside || (y >= 0 && x >= 0 && y < input_.height && x < input_.width);
            *to++ = seen ? plane[std::ptrdiff_t{y} * input_.width + x] : 0;
          }
        }
      }
      kernels_.narrow(row, stem_.in_stride, at(patches, std::ptrdiff_t{r} * stem_.in_stride));
    }
    Multiply multiply = stem_.layer.onto(rows);
    multiply.a = patches.data();
    multiply.a_stride = stem_.in_stride;
    multiply.activation = shape.activation;
    multiply.c = at(memory.input, std::ptrdiff_t{first} * stem_.out_stride);
    multiply.c_stride = stem_.out_stride;
    kernels_.multiply(multiply);
  });
  clear_padding(memory.input, pixels, stem_.layer.panels * panel_width, stem_.out_stride);
}

void Trunk::run_max_pool(const Team &team, Memory &memory) const {
  const MapSize &from = stem_.shape.output;
  const int stride = stem_.out_stride;
  team.run(pooled_.height, [&](int y, int /*thread*/) {
    for (int x = 0; x < pooled_.width; ++x) {
      std::byte *to = at(memory.output, (std::ptrdiff_t{y} * pooled_.width + x) * stride);
      const std::byte *centre = at(std::as_const(memory.input),
                                   (std::ptrdiff_t{2} * y * from.width + std::ptrdiff_t{2} * x) * stride);
      std::memcpy(to, centre, bytes_of(stride));
      for (int near_y = std::max(2 * y - 1, 0); near_y <= std::min(2 * y + 1, from.height - 1); ++near_y)
        for (int near_x = std::max(2 * x - 1, 0); near_x <= std::min(2 * x + 1, from.width - 1); ++near_x)
          kernels_.larger(
              at(std::as_const(memory.input), (std::ptrdiff_t{near_y} * from.width + near_x) * stride),
              stride, to);
    }
  });
  std::swap(memory.input, memory.output);
}

void Trunk::run_block(const Team &team, Memory &memory, const Inverted &block) const {
  expand_and_filter(team, memory, block);
  const Dense &project = block.project;
  if (block.gate) set_gate(team, memory, block);
  const int pixels = project.shape.output.pixels();
  const int each = rows_a_task(pixels, 2 * team.size(), kernels_.rows);
  team.run(tasks_for(pixels, each), [&](int task, int /*thread*/) {
    const std::ptrdiff_t first = std::ptrdiff_t{task} * each;
    Multiply multiply = project.layer.onto(std::min(each, pixels - task * each));
    if (block.gate && kernels_.scale != nullptr) multiply.b = memory.scaled.data();
    if (block.gate && kernels_.scale == nullptr) multiply.factors = memory.gate.data();
    multiply.a = at(memory.inner, first * block.depthwise.out_stride);
    multiply.a_stride = block.depthwise.out_stride;
    if (block.skip) {
      multiply.skip = at(memory.input, first * project.out_stride);
      multiply.skip_stride = project.out_stride;
    }
    multiply.c = at(memory.output, first * project.out_stride);
    multiply.c_stride = project.out_stride;
    kernels_.multiply(multiply);
  });
  clear_padding(memory.output, pixels, project.layer.panels * panel_width, project.out_stride);
}

// The whole input of a convolution, of which tasks take the panels one after the other.
void Trunk::quantise(const Team &team, Memory &memory, const Dense &dense) const {
  const int pixels = dense.shape.input.pixels();
  const int each = rows_a_task(pixels, 2 * team.size(), kernels_.rows);
  team.run(tasks_for(pixels, each), [&](int task, int /*thread*/) {
    const std::ptrdiff_t first = std::ptrdiff_t{task} * each;
    Multiply multiply = dense.layer.onto(std::min(each, pixels - task * each));
    multiply.a = at(memory.input, first * dense.in_stride);
    multiply.a_stride = dense.in_stride;
    kernels_.quantise(multiply, memory.bytes.data() + first * dense.layer.depth,
                      memory.row_scales.data() + first);
  });
}

void Trunk::expand_and_filter(const Team &team, Memory &memory, const Inverted &block) const {
  const Channelwise &filter = block.depthwise;
  const Convolution &shape = filter.shape;
  const auto cells = std::ptrdiff_t{shape.kernel} * shape.kernel;
  const int strips = tasks_for(shape.output.height, filter.strip);
  const int panel_pairs = (filter.panels + 1) / 2;
  const bool quantised = block.expand && kernels_.quantise != nullptr;
  if (quantised) quantise(team, memory, *block.expand);
  team.run(strips * panel_pairs, [&](int task, int thread) {
    const int first_panel = task % panel_pairs * 2;
    const int panels = std::min(2, filter.panels - first_panel);
    const int strip = task / panel_pairs;
    const int first_row = strip * filter.strip;
    const int rows = std::min(filter.strip, shape.output.height - first_row);
    // What the strip sees of the input, with what lies outside of it.
    const MapSize seen{(rows - 1) * shape.stride + shape.kernel, filter.padded_width};
    const int top = first_row * shape.stride - shape.pad_top;
    const int first_input = std::max(top, 0);
    const int input_rows = std::min(top + seen.height, shape.input.height) - first_input;
    const std::ptrdiff_t panel_size = std::ptrdiff_t{seen.pixels()} * panel_width;
    const std::ptrdiff_t inside =
        (std::ptrdiff_t{first_input - top} * seen.width + shape.pad_left) * panel_width;
    float *padded = memory.padded[static_cast<std::size_t>(thread)].data();
    for (int p = 0; p < panels; ++p)
      clear_border(padded + p * panel_size, seen, first_input - top, shape.pad_left, input_rows,
                   shape.input.width);
    const std::ptrdiff_t first_pixel = std::ptrdiff_t{first_input} * shape.input.width;
    if (block.expand) {
      Multiply multiply = block.expand->layer.onto(input_rows * shape.input.width, first_panel, panels);
      multiply.a = at(memory.input, first_pixel * block.expand->in_stride);
      multiply.a_stride = block.expand->in_stride;
      if (quantised) {
        multiply.a = memory.bytes.data() + first_pixel * multiply.depth;
        multiply.row_scales = memory.row_scales.data() + first_pixel;
      }
      multiply.activation = block.expand->shape.activation;
      multiply.wide = padded + inside;
      multiply.wide_stride = panel_width;
      multiply.wide_panel = panel_size;
      multiply.wide_width = shape.input.width;
      multiply.wide_gap = seen.width - shape.input.width;
      kernels_.multiply(multiply);
    } else {
      const int stride = round_up(shape.in, kernels_.depth);
      for (int p = 0; p < panels; ++p)
        for (int y = 0; y < input_rows; ++y)
          kernels_.widen(at(memory.input, (first_pixel + std::ptrdiff_t{y} * shape.input.width) * stride +
                                              std::ptrdiff_t{first_panel + p} * panel_width),
                         stride, shape.input.width,
                         padded + p * panel_size + inside + std::ptrdiff_t{y} * seen.width * panel_width);
    }
    for (int p = 0; p < panels; ++p) {
      const std::ptrdiff_t channel = std::ptrdiff_t{first_panel + p} * panel_width;
      Depthwise depthwise;
      depthwise.input = padded + p * panel_size;
      depthwise.input_width = seen.width;
      depthwise.weights = filter.weights.data() + cells * channel;
      depthwise.bias = filter.bias.data() + channel;
      depthwise.kernel = shape.kernel;
      depthwise.stride = shape.stride;
      depthwise.height = rows;
      depthwise.width = shape.output.width;
      depthwise.activation = shape.activation;
      depthwise.output =
          at(memory.inner, std::ptrdiff_t{first_row} * shape.output.width * filter.out_stride + channel);
      depthwise.output_stride = filter.out_stride;
      if (block.gate)
        depthwise.sums = memory.sums.data() + std::ptrdiff_t{strip} * filter.panels * panel_width + channel;
      kernels_.depthwise(depthwise);
    }
  });
  clear_padding(memory.inner, shape.output.pixels(), filter.panels * panel_width, filter.out_stride);
}

// The gate, and the projection's weights with the gate in them: there are fewer of them than of pixels.
void Trunk::set_gate(const Team &team, Memory &memory, const Inverted &block) const {
  const PackedGate &gate = *block.gate;
  const auto channels = block.depthwise.bias.size();
  const int strips = tasks_for(block.depthwise.shape.output.height, block.depthwise.strip);
  for (std::size_t i = channels; i < channels * static_cast<std::size_t>(strips); ++i)
    memory.sums[i % channels] += memory.sums[i];
  Squeeze squeeze;
  squeeze.sums = memory.sums.data();
  squeeze.inverse_count = 1 / static_cast<float>(block.depthwise.shape.output.pixels());
  squeeze.channels = block.depthwise.panels * panel_width;
  squeeze.squeezed = gate.squeezed;
  squeeze.reduce = gate.reduce.data();
  squeeze.reduce_bias = gate.reduce_bias.data();
  squeeze.expand = gate.expand.data();
  squeeze.expand_bias = gate.expand_bias.data();
  squeeze.inner = memory.squeezed.data();
  squeeze.gate = memory.gate.data();
  kernels_.squeeze(squeeze);
  if (kernels_.scale == nullptr) return;
  const PackedLayer &layer = block.project.layer;
  std::fill(memory.gate.begin() + squeeze.channels,
            memory.gate.begin() + std::max(layer.depth, squeeze.channels), 0.0F);
  const int each = std::max(layer.panels / team.size(), 1);
  team.run(tasks_for(layer.panels, each), [&](int task, int /*thread*/) {
    const int count = std::min(each, layer.panels - task * each);
    const std::ptrdiff_t first = std::ptrdiff_t{task} * each * layer.depth * panel_width;
    kernels_.scale(layer.onto(0, task * each, count).b, memory.gate.data(), layer.depth, count,
                   at(memory.scaled, first));
  });
}

// Rows of what the kernel sees around output pixels `first` and on: whole pixels one after the other.
const void *Trunk::patches_of(const Dense &dense, const Elements &input, int first, int rows,
                              Elements &patches) const {
  const Convolution &shape = dense.shape;
  const auto pixel = bytes_of(dense.in_stride);
  std::byte *to = patches.data();
  for (int r = first; r < first + rows; ++r) {
    const int top = r / shape.output.width * shape.stride - shape.pad_top;
    const int left = r % shape.output.width * shape.stride - shape.pad_left;
    for (int y = top; y < top + shape.kernel; ++y) {
      for (int x = left; x < left + shape.kernel; ++x) {
        if (y >= 0 && x >= 0 && y < shape.input.height && x < shape.input.width)
          std::memcpy(to, at(input, (std::ptrdiff_t{y} * shape.input.width + x) * dense.in_stride), pixel);
        else
          std::memset(to, 0, pixel);
        to += pixel;
      }
    }
  }
  return patches.data();
}

void Trunk::convolve(const Team &team, Memory &memory, const Dense &dense, const Elements &input,
                     Elements &output, const Elements *skip, Activation activation) const {
  const int pixels = dense.shape.output.pixels();
  const bool direct = reads_pixels_as_they_are(dense.shape);
  const int depth = round_up(dense.layer.values, kernels_.depth);
  int each = rows_a_task(pixels, 2 * team.size(), kernels_.rows);
  if (!direct)
    each =
        std::min(each, std::max(static_cast<int>(patch_values) / depth / kernels_.rows, 1) * kernels_.rows);
  team.run(tasks_for(pixels, each), [&](int task, int thread) {
    const int first = task * each;
    const int rows = std::min(each, pixels - first);
    Multiply multiply = dense.layer.onto(rows);
    multiply.a =
        direct ? at(input, std::ptrdiff_t{first} * dense.in_stride)
               : patches_of(dense, input, first, rows, memory.patches[static_cast<std::size_t>(thread)]);
    multiply.a_stride = direct ? dense.in_stride : depth;
    if (skip != nullptr) {
      multiply.skip = at(*skip, std::ptrdiff_t{first} * dense.out_stride);
      multiply.skip_stride = dense.out_stride;
    }
    multiply.activation = activation;
    multiply.c = at(output, std::ptrdiff_t{first} * dense.out_stride);
    multiply.c_stride = dense.out_stride;
    kernels_.multiply(multiply);
  });
  clear_padding(output, pixels, dense.layer.panels * panel_width, dense.out_stride);
}

void Trunk::run_block(const Team &team, Memory &memory, const Residual &block) const {
  const Elements *from = &memory.input;
  const std::size_t last = block.body.size() - 1;
  for (std::size_t i = 0; i < last; ++i) {
    Elements &to = i == 0 ? memory.inner : memory.inner_too;
    convolve(team, memory, block.body[i], *from, to, nullptr, block.body[i].shape.activation);
    from = &to;
  }
  const Elements *skip = &memory.input;
  if (block.shortcut) {
    convolve(team, memory, *block.shortcut, memory.input, memory.shortcut, nullptr, Activation::None);
    skip = &memory.shortcut;
  }
  convolve(team, memory, block.body[last], *from, memory.output, skip, Activation::Relu);
}

void Trunk::sample(const Team &team, Memory &memory, const Tap &tap, float *features) const {
  team.run(grid_.height, [&](int y, int thread) {
    float *row = memory.wide_row[static_cast<std::size_t>(thread)].data();
    const Band &rows = tap.rows[static_cast<std::size_t>(y)];
    for (int x = 0; x < grid_.width; ++x) {
      const Band &columns = tap.columns[static_cast<std::size_t>(x)];
      Blend blend;
      for (int corner = 0; corner < 4; ++corner) {
        const int down = corner / 2, right = corner % 2;
        const int from_y = rows.first + std::min(down, rows.count - 1);
        const int from_x = columns.first + std::min(right, columns.count - 1);
        blend.pixels[corner] =
            at(std::as_const(memory.input), (std::ptrdiff_t{from_y} * tap.map.width + from_x) * tap.stride);
        blend.weights[corner] = static_cast<float>(rows.weights[static_cast<std::size_t>(down)] *
                                                   columns.weights[static_cast<std::size_t>(right)]);
      }
      blend.channels = static_cast<int>(tap.scale.size());
      blend.scale = tap.scale.data();
      blend.offset = tap.offset.data();
      blend.output = row;
      kernels_.blend(blend);
      std::copy_n(row, tap.channels,
                  features + (std::ptrdiff_t{y} * grid_.width + x) * channels_ + tap.first_channel);
    }
  });
}

}  // namespace uniad::cpu
