// SPDX-License-Identifier: Apache-2.0
#include "model/engine/cpu/reconstructor.h"

#include <algorithm>
#include <utility>

namespace uniad::cpu {
namespace {

// (rows, columns) -> (rows, stride), padded with zeros.
AlignedVector<float> spread(const std::vector<float> &values, int rows, int columns, int stride) {
  AlignedVector<float> out(static_cast<std::size_t>(rows + spare_rows) * static_cast<std::size_t>(stride));
  for (int r = 0; r < rows; ++r)
    std::copy_n(values.begin() + std::ptrdiff_t{r} * columns, columns,
                out.begin() + std::ptrdiff_t{r} * stride);
  return out;
}

}  // namespace

PackedLayer Reconstructor::packed(const LinearLayer &layer) const {
  return pack(kernels_, layer.weights, layer.in, layer.bias);
}

Reconstructor::Norm Reconstructor::normed(const LayerNorm &norm) {
  return {in_panels(norm.weight), in_panels(norm.bias)};
}

Reconstructor::FeedForwardLayer Reconstructor::packed(const FeedForward &feed_forward) const {
  return {packed(feed_forward.first), packed(feed_forward.second)};
}

Elements Reconstructor::make(int columns) const {
  return {kernels_, static_cast<std::size_t>(tokens_ + spare_rows) *
                        static_cast<std::size_t>(round_up(columns, kernels_.depth))};
}

AlignedVector<float> Reconstructor::make_floats(int columns) const {
  return AlignedVector<float>(static_cast<std::size_t>(tokens_ + spare_rows) *
                              static_cast<std::size_t>(round_up(columns, panel_width)));
}

std::byte *Reconstructor::at(Elements &elements, int row, int stride) const {
  return elements.data() + std::ptrdiff_t{row} * stride * kernels_.element;
}

const std::byte *Reconstructor::at(const Elements &elements, int row, int stride) const {
  return elements.data() + std::ptrdiff_t{row} * stride * kernels_.element;
}

Reconstructor::Reconstructor(const Kernels &kernels, const FoldedReconstruction &network, MapSize grid)
    : kernels_(kernels),
      grid_(grid),
      tokens_(network.tokens),
      dim_(network.dim),
      heads_(network.heads),
      channels_(network.input.in),
      stride_(round_up(network.dim, kernels.depth)),
      wide_stride_(round_up(network.dim, panel_width)),
      hidden_stride_(round_up(network.feedforward, kernels.depth)),
      feature_stride_(round_up(network.input.in, kernels.depth)),
      pre_norm_(network.pre_norm),
      mask_encoder_(network.mask_encoder),
      mask_first_(network.mask_decoder_first),
      mask_second_(network.mask_decoder_second),
      mask_height_(network.mask_height),
      mask_width_(network.mask_width),
      position_(spread(network.position, tokens_, dim_, wide_stride_)),
      input_(packed(network.input)),
      output_(packed(network.output)),
      decoder_norm_(normed(network.decoder_norm)) {
  for (const FoldedEncoderLayer &layer : network.encoder) {
    encoder_.push_back({packed(layer.attention.query), packed(layer.attention.key),
                        packed(layer.attention.value), packed(layer.attention.out),
                        packed(layer.feed_forward), normed(layer.norm1), normed(layer.norm2)});
  }
  if (network.encoder_norm) encoder_norm_ = normed(*network.encoder_norm);
  for (const FoldedDecoderLayer &layer : network.decoder) {
    Elements query = make(dim_);
    for (int r = 0; r < tokens_; ++r)
      kernels_.from_f32(layer.projected.data() + std::ptrdiff_t{r} * dim_, dim_, at(query, r, stride_));
    decoder_.push_back({spread(layer.query, tokens_, dim_, wide_stride_), std::move(query),
                        packed(layer.first.key), packed(layer.first.value), packed(layer.first.out),
                        packed(layer.second.query), packed(layer.second.key), packed(layer.second.value),
                        packed(layer.second.out), packed(layer.feed_forward), normed(layer.norm1),
                        normed(layer.norm2), normed(layer.norm3)});
  }
}

Reconstructor::Memory Reconstructor::make_memory(int threads) const {
  Memory memory;
  memory.features = make(channels_);
  memory.reconstruction = make_floats(channels_);
  memory.stream = make_floats(dim_);
  memory.sum = make_floats(dim_);
  for (Elements *elements : {&memory.plain, &memory.placed, &memory.memory_plain, &memory.memory_placed,
                             &memory.query, &memory.key, &memory.value, &memory.attended})
    *elements = make(dim_);
  memory.hidden = make(hidden_stride_);
  for (std::size_t i = 0; i < decoder_.size(); ++i) {
    memory.keys.push_back(make(dim_));
    memory.values.push_back(make(dim_));
    memory.attended_memory.push_back(make(dim_));
    memory.queries.push_back(make(dim_));
    memory.found.push_back(make_floats(dim_));
  }
  for (int i = 0; i < threads; ++i)
    memory.scratch.emplace_back(kernels_.attend_scratch(tokens_, dim_ / heads_));
  return memory;
}

// Runs `work` on a range of tokens for each thread.
template <typename Work>
void Reconstructor::by_rows(const Team &team, Work work) const {
  const int each = round_up((tokens_ + team.size() - 1) / team.size(), kernels_.rows);
  team.run((tokens_ + each - 1) / each, [&](int task, int /*thread*/) {
    work(Rows{task * each, std::min(each, tokens_ - task * each)});
  });
}

void Reconstructor::apply(const PackedLayer &layer, const Elements &input, Elements &output, Rows rows,
                          Activation activation) const {
  GemmArgs multiply = layer.onto(rows.count);
  const int stride = round_up(layer.values, kernels_.depth);
  multiply.a = at(input, rows.first, stride);
  multiply.a_stride = stride;
  multiply.activation = activation;
  multiply.c_stride = round_up(layer.panels * panel_width, kernels_.depth);
  multiply.c = at(output, rows.first, static_cast<int>(multiply.c_stride));
  kernels_.multiply(multiply);
}

// output = to + layer(input), in floats; `to` may be null. to, output: tokens x stride.
void Reconstructor::add(const PackedLayer &layer, const Elements &input, int input_stride,
                        const AlignedVector<float> *to, AlignedVector<float> &output, Rows rows) const {
  const int stride = layer.panels * panel_width;
  GemmArgs multiply = layer.onto(rows.count);
  multiply.a = at(input, rows.first, input_stride);
  multiply.a_stride = input_stride;
  if (to != nullptr) multiply.residual = to->data() + std::ptrdiff_t{rows.first} * stride;
  multiply.residual_stride = stride;
  multiply.f32 = output.data() + std::ptrdiff_t{rows.first} * stride;
  multiply.f32_stride = stride;
  kernels_.multiply(multiply);
}

// norm: null to convert the type only.
void Reconstructor::normalize(const Norm *norm, const AlignedVector<float> &input, AlignedVector<float> *wide,
                              Elements *plain, Elements *placed, Rows rows) const {
  const std::ptrdiff_t first = std::ptrdiff_t{rows.first} * wide_stride_;
  LayerNormArgs normalize;
  normalize.input = input.data() + first;
  normalize.rows = rows.count;
  normalize.columns = dim_;
  if (norm != nullptr) {
    normalize.weight = norm->weight.data();
    normalize.bias = norm->bias.data();
  }
  if (wide != nullptr) normalize.f32 = wide->data() + first;
  normalize.offset = position_.data() + first;
  normalize.f32_stride = wide_stride_;
  if (plain != nullptr) normalize.output = at(*plain, rows.first, stride_);
  if (placed != nullptr) normalize.placed = at(*placed, rows.first, stride_);
  normalize.output_stride = stride_;
  kernels_.normalize(normalize);
}

void Reconstructor::attend_head(AlignedVector<std::byte> &scratch, int head, const Elements &query,
                                const Elements &key, const Elements &value, Elements &output,
                                bool masked) const {
  const int width = dim_ / heads_;
  const std::ptrdiff_t column = std::ptrdiff_t{head} * width * kernels_.element;
  AttentionArgs attend;
  attend.q = query.data() + column;
  attend.k = key.data() + column;
  attend.v = value.data() + column;
  attend.output = output.data() + column;
  attend.q_stride = attend.k_stride = attend.v_stride = attend.output_stride = stride_;
  attend.head = width;
  attend.grid_height = grid_.height;
  attend.grid_width = grid_.width;
  attend.masked = masked;
  attend.mask_height = mask_height_;
  attend.mask_width = mask_width_;
  attend.scratch = scratch.data();
  kernels_.attend(attend);
}

void Reconstructor::attend(const Team &team, Memory &memory, const Elements &query, const Elements &key,
                           const Elements &value, Elements &output, bool masked) const {
  team.run(heads_, [&](int head, int thread) {
    attend_head(memory.scratch[static_cast<std::size_t>(thread)], head, query, key, value, output, masked);
  });
}

// memory.sum = input + feed_forward(memory.plain).
void Reconstructor::feed_forward(Memory &memory, const FeedForwardLayer &layer,
                                 const AlignedVector<float> &input, Rows rows) const {
  apply(layer.first, memory.plain, memory.hidden, rows, Activation::Relu);
  add(layer.second, memory.hidden, hidden_stride_, &input, memory.sum, rows);
}

void Reconstructor::encode(const Team &team, Memory &memory) const {
  const auto project = [&](const EncoderLayer &layer, Rows rows) {
    apply(layer.query, memory.placed, memory.query, rows, Activation::None);
    apply(layer.key, memory.placed, memory.key, rows, Activation::None);
    apply(layer.value, memory.plain, memory.value, rows, Activation::None);
  };
  const auto enter = [&](const EncoderLayer &layer, Rows rows) {
    normalize(pre_norm_ ? &layer.norm1 : nullptr, memory.stream, nullptr, &memory.plain, &memory.placed,
              rows);
    project(layer, rows);
  };
  const auto leave = [&](Rows rows) {
    normalize(encoder_norm_ ? &*encoder_norm_ : nullptr, memory.stream, &memory.stream, &memory.memory_plain,
              &memory.memory_placed, rows);
  };
  by_rows(team, [&](Rows rows) {
    add(input_, memory.features, feature_stride_, nullptr, memory.stream, rows);
    if (encoder_.empty())
      leave(rows);
    else
      enter(encoder_.front(), rows);
  });
  for (std::size_t i = 0; i < encoder_.size(); ++i) {
    const EncoderLayer &layer = encoder_[i];
    attend(team, memory, memory.query, memory.key, memory.value, memory.attended, mask_encoder_);
    by_rows(team, [&](Rows rows) {
      add(layer.out, memory.attended, stride_, &memory.stream, memory.sum, rows);
      if (pre_norm_) {
        std::copy_n(memory.sum.begin() + std::ptrdiff_t{rows.first} * wide_stride_,
                    std::ptrdiff_t{rows.count} * wide_stride_,
                    memory.stream.begin() + std::ptrdiff_t{rows.first} * wide_stride_);
        normalize(&layer.norm2, memory.stream, nullptr, &memory.plain, nullptr, rows);
      } else {
        normalize(&layer.norm1, memory.sum, &memory.stream, &memory.plain, nullptr, rows);
      }
      feed_forward(memory, layer.feed_forward, memory.stream, rows);
      normalize(pre_norm_ ? nullptr : &layer.norm2, memory.sum, &memory.stream, nullptr, nullptr, rows);
      if (i + 1 < encoder_.size())
        enter(encoder_[i + 1], rows);
      else
        leave(rows);
    });
  }
}

void Reconstructor::decode(const Team &team, Memory &memory) const {
  const std::size_t layers = decoder_.size();
  by_rows(team, [&](Rows rows) {
    for (std::size_t i = 0; i < layers; ++i) {
      apply(decoder_[i].first_key, memory.memory_placed, memory.keys[i], rows, Activation::None);
      apply(decoder_[i].first_value, memory.memory_plain, memory.values[i], rows, Activation::None);
    }
  });
  // The first attentions of the layers are independent of each other.
  team.run(static_cast<int>(layers) * heads_, [&](int task, int thread) {
    const auto i = static_cast<std::size_t>(task / heads_);
    attend_head(memory.scratch[static_cast<std::size_t>(thread)], task % heads_, decoder_[i].query,
                memory.keys[i], memory.values[i], memory.attended_memory[i], mask_first_);
  });
  const auto project_previous = [&](const DecoderLayer &layer, const Elements &plain, const Elements &placed,
                                    Rows rows) {
    apply(layer.key2, placed, memory.key, rows, Activation::None);
    apply(layer.value2, plain, memory.value, rows, Activation::None);
  };
  by_rows(team, [&](Rows rows) {
    for (std::size_t i = 0; i < layers; ++i) {
      const DecoderLayer &layer = decoder_[i];
      add(layer.first_out, memory.attended_memory[i], stride_, &layer.start, memory.sum, rows);
      if (pre_norm_) {
        normalize(nullptr, memory.sum, &memory.found[i], nullptr, nullptr, rows);
        normalize(&layer.norm2, memory.sum, nullptr, nullptr, &memory.placed, rows);
      } else {
        normalize(&layer.norm1, memory.sum, &memory.found[i], nullptr, &memory.placed, rows);
      }
      apply(layer.query2, memory.placed, memory.queries[i], rows, Activation::None);
    }
    if (layers > 0) project_previous(decoder_.front(), memory.memory_plain, memory.memory_placed, rows);
  });
  for (std::size_t i = 0; i < layers; ++i) {
    const DecoderLayer &layer = decoder_[i];
    attend(team, memory, memory.queries[i], memory.key, memory.value, memory.attended, mask_second_);
    by_rows(team, [&](Rows rows) {
      add(layer.out2, memory.attended, stride_, &memory.found[i], memory.sum, rows);
      if (pre_norm_) {
        normalize(nullptr, memory.sum, &memory.stream, nullptr, nullptr, rows);
        normalize(&layer.norm3, memory.sum, nullptr, &memory.plain, nullptr, rows);
      } else {
        normalize(&layer.norm2, memory.sum, &memory.stream, &memory.plain, nullptr, rows);
      }
      feed_forward(memory, layer.feed_forward, memory.stream, rows);
      normalize(pre_norm_ ? nullptr : &layer.norm3, memory.sum, &memory.stream, &memory.plain, &memory.placed,
                rows);
      if (i + 1 < layers) project_previous(decoder_[i + 1], memory.plain, memory.placed, rows);
    });
  }
}

void Reconstructor::run(const Team &team, Memory &memory, const float *features, float *residuals) const {
  for (int r = 0; r < tokens_; ++r)
    kernels_.from_f32(features + std::ptrdiff_t{r} * channels_, channels_,
                      at(memory.features, r, feature_stride_));
  encode(team, memory);
  decode(team, memory);
  const int out_stride = output_.panels * panel_width;
  by_rows(team, [&](Rows rows) {
    normalize(&decoder_norm_, memory.stream, nullptr, &memory.plain, nullptr, rows);
    add(output_, memory.plain, stride_, nullptr, memory.reconstruction, rows);
    for (int r = rows.first; r < rows.first + rows.count; ++r) {
      const float *in = features + std::ptrdiff_t{r} * channels_;
      const float *out = memory.reconstruction.data() + std::ptrdiff_t{r} * out_stride;
      float *left = residuals + std::ptrdiff_t{r} * channels_;
      for (int c = 0; c < channels_; ++c) left[c] = in[c] - out[c];
    }
  });
}

}  // namespace uniad::cpu
