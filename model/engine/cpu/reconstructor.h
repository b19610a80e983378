// SPDX-License-Identifier: Apache-2.0
// Runs UniAD's reconstruction on the CPU.
#pragma once

#include <optional>
#include <vector>

#include "model/base/thread_pool.h"
#include "model/engine/backend/folded.h"
#include "model/kernels/packed_layer.h"

namespace uniad::cpu {

// A folded UniAD with packed weights. Input: features; output: features - UniAD(features).
//
// Everything except attention processes each token independently, so a thread processes its tokens from one
// attention to the next without waiting for other threads.
class Reconstructor {
 public:
  // Working memory for one picture. Unless noted otherwise, Elements are tokens x padded dim, and floats are
  // tokens x dim in whole panels.
  struct Memory {
    Elements features;                     // tokens x padded channels
    AlignedVector<float> reconstruction;   // tokens x channels in panels
    AlignedVector<float> stream;           // the tokens that pass from layer to layer
    AlignedVector<float> sum;              // the input of a normalization
    Elements plain, placed;                // the stream in the kernels' format, without and with positions
    Elements memory_plain, memory_placed;  // the encoder's output, likewise
    Elements query, key, value, attended;
    Elements hidden;                          // tokens x padded feedforward
    std::vector<Elements> keys, values;       // for each decoder layer: of the encoder's output
    std::vector<Elements> attended_memory;    // for each decoder layer
    std::vector<AlignedVector<float>> found;  // for each decoder layer: its query after the first attention
    std::vector<Elements> queries;            // for each decoder layer: of the second attention
    std::vector<AlignedVector<std::byte>> scratch;  // for each thread
  };

  Reconstructor(const Kernels &kernels, const FoldedReconstruction &network, MapSize grid);

  Memory make_memory(int threads) const;

  // features, residuals: (tokens, channels).
  void run(const Team &team, Memory &memory, const float *features, float *residuals) const;

 private:
  struct Norm {
    AlignedVector<float> weight, bias;
  };
  struct FeedForwardLayer {
    PackedLayer first, second;
  };
  struct EncoderLayer {
    PackedLayer query, key, value, out;
    FeedForwardLayer feed_forward;
    Norm norm1, norm2;
  };
  struct DecoderLayer {
    AlignedVector<float> start;  // the learned query
    Elements query;              // of the first attention
    PackedLayer first_key, first_value, first_out;
    PackedLayer query2, key2, value2, out2;
    FeedForwardLayer feed_forward;
    Norm norm1, norm2, norm3;
  };
  struct Rows {
    int first, count;
  };

  PackedLayer packed(const LinearLayer &layer) const;
  static Norm normed(const LayerNorm &norm);
  FeedForwardLayer packed(const FeedForward &feed_forward) const;
  Elements make(int columns) const;
  AlignedVector<float> make_floats(int columns) const;

  template <typename Work>
  void by_rows(const Team &team, Work work) const;

  std::byte *at(Elements &elements, int row, int stride) const;
  const std::byte *at(const Elements &elements, int row, int stride) const;

  void apply(const PackedLayer &layer, const Elements &input, Elements &output, Rows rows,
             Activation activation) const;
  void add(const PackedLayer &layer, const Elements &input, int input_stride, const AlignedVector<float> *to,
           AlignedVector<float> &output, Rows rows) const;
  void normalize(const Norm *norm, const AlignedVector<float> &input, AlignedVector<float> *wide,
                 Elements *plain, Elements *placed, Rows rows) const;
  void attend(const Team &team, Memory &memory, const Elements &query, const Elements &key,
              const Elements &value, Elements &output, bool masked) const;
  void attend_head(AlignedVector<std::byte> &scratch, int head, const Elements &query, const Elements &key,
                   const Elements &value, Elements &output, bool masked) const;
  void feed_forward(Memory &memory, const FeedForwardLayer &layer, const AlignedVector<float> &input,
                    Rows rows) const;

  void encode(const Team &team, Memory &memory) const;
  void decode(const Team &team, Memory &memory) const;

  const Kernels &kernels_;
  MapSize grid_;
  int tokens_, dim_, heads_, channels_;
  int stride_;          // of rows of dim elements
  int wide_stride_;     // of rows of dim floats
  int hidden_stride_;   // of rows of feedforward elements
  int feature_stride_;  // of rows of channels elements
  bool pre_norm_;
  bool mask_encoder_, mask_first_, mask_second_;
  int mask_height_, mask_width_;
  AlignedVector<float> position_;  // tokens x wide_stride_
  PackedLayer input_, output_;
  std::vector<EncoderLayer> encoder_;
  std::optional<Norm> encoder_norm_;
  std::vector<DecoderLayer> decoder_;
  Norm decoder_norm_;
};

}  // namespace uniad::cpu
