// SPDX-License-Identifier: Apache-2.0
#include "model/engine/cpu/trunk.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "model/engine/cpu/work_sizes.h"

namespace uniad::cpu {
namespace {

// Writes zeros around a part of a map: above and to the left of it, between its rows, and below it.
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

// Clears the padding columns. The next layer multiplies them by zero, so they must not be NaN.
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
      kernels_.from_f32(row, stem_.in_stride, at(patches, std::ptrdiff_t{r} * stem_.in_stride));
    }
    GemmArgs multiply = stem_.layer.onto(rows);
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
      const std::byte *center = at(std::as_const(memory.input),
                                   (std::ptrdiff_t{2} * y * from.width + std::ptrdiff_t{2} * x) * stride);
      std::memcpy(to, center, bytes_of(stride));
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
    GemmArgs multiply = project.layer.onto(std::min(each, pixels - task * each));
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

// Quantizes the whole input of a convolution once, before tasks multiply it by one panel after the other.
void Trunk::quantize(const Team &team, Memory &memory, const Dense &dense) const {
  const int pixels = dense.shape.input.pixels();
  const int each = rows_a_task(pixels, 2 * team.size(), kernels_.rows);
  team.run(tasks_for(pixels, each), [&](int task, int /*thread*/) {
    const std::ptrdiff_t first = std::ptrdiff_t{task} * each;
    GemmArgs multiply = dense.layer.onto(std::min(each, pixels - task * each));
    multiply.a = at(memory.input, first * dense.in_stride);
    multiply.a_stride = dense.in_stride;
    kernels_.quantize(multiply, memory.bytes.data() + first * dense.layer.depth,
                      memory.row_scales.data() + first);
  });
}

void Trunk::expand_and_filter(const Team &team, Memory &memory, const Inverted &block) const {
  const Channelwise &filter = block.depthwise;
  const Convolution &shape = filter.shape;
  const auto cells = std::ptrdiff_t{shape.kernel} * shape.kernel;
  const int strips = tasks_for(shape.output.height, filter.strip);
  const int panel_pairs = (filter.panels + 1) / 2;
  const bool quantized = block.expand && kernels_.quantize != nullptr;
  if (quantized) quantize(team, memory, *block.expand);
  team.run(strips * panel_pairs, [&](int task, int thread) {
    const int first_panel = task % panel_pairs * 2;
    const int panels = std::min(2, filter.panels - first_panel);
    const int strip = task / panel_pairs;
    const int first_row = strip * filter.strip;
    const int rows = std::min(filter.strip, shape.output.height - first_row);
    // The part of the input that the strip depends on, including padding.
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
      GemmArgs multiply = block.expand->layer.onto(input_rows * shape.input.width, first_panel, panels);
      multiply.a = at(memory.input, first_pixel * block.expand->in_stride);
      multiply.a_stride = block.expand->in_stride;
      if (quantized) {
        multiply.a = memory.bytes.data() + first_pixel * multiply.depth;
        multiply.row_scales = memory.row_scales.data() + first_pixel;
      }
      multiply.activation = block.expand->shape.activation;
      multiply.f32 = padded + inside;
      multiply.f32_stride = panel_width;
      multiply.f32_panel = panel_size;
      multiply.f32_width = shape.input.width;
      multiply.f32_gap = seen.width - shape.input.width;
      kernels_.multiply(multiply);
    } else {
      const int stride = round_up(shape.in, kernels_.depth);
      for (int p = 0; p < panels; ++p)
        for (int y = 0; y < input_rows; ++y)
          kernels_.to_f32(at(memory.input, (first_pixel + std::ptrdiff_t{y} * shape.input.width) * stride +
                                               std::ptrdiff_t{first_panel + p} * panel_width),
                          stride, shape.input.width,
                          padded + p * panel_size + inside + std::ptrdiff_t{y} * seen.width * panel_width);
    }
    for (int p = 0; p < panels; ++p) {
      const std::ptrdiff_t channel = std::ptrdiff_t{first_panel + p} * panel_width;
      DepthwiseArgs depthwise;
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

// Computes the gate, and multiplies it into the projection's weights, because there are fewer weights than
// pixels.
void Trunk::set_gate(const Team &team, Memory &memory, const Inverted &block) const {
  const PackedGate &gate = *block.gate;
  const auto channels = block.depthwise.bias.size();
  const int strips = tasks_for(block.depthwise.shape.output.height, block.depthwise.strip);
  for (std::size_t i = channels; i < channels * static_cast<std::size_t>(strips); ++i)
    memory.sums[i % channels] += memory.sums[i];
  SqueezeExciteArgs squeeze;
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

// The patches around output pixels from `first` on, one per row, each a sequence of whole pixels.
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
    GemmArgs multiply = dense.layer.onto(rows);
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
      BlendArgs blend;
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
