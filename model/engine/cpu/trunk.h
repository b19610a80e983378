// SPDX-License-Identifier: Apache-2.0
// Runs the backbone up to its last tap on the CPU.
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "model/base/thread_pool.h"
#include "model/engine/backend/folded.h"
#include "model/kernels/packed_layer.h"
#include "model/scoring/score.h"

namespace uniad::cpu {

// A folded backbone and neck with packed weights. Input: an image; output: standardized features.
//
// Activations are stored as rows of pixels with interleaved channels. The expanded map of an inverted block
// is never stored as a whole: a task expands two panels of channels of a strip of rows into its own memory,
// which fits in the cache, and computes the depthwise convolution from there.
class Trunk {
 public:
  // Working memory for one picture. Tasks on thread i use the i-th element of the vectors.
  struct Memory {
    Elements input, output;     // of a block; swapped after each block
    Elements inner, inner_too;  // between two convolutions of a block
    Elements shortcut;
    AlignedVector<std::uint8_t> bytes;           // a block's input in int8
    AlignedVector<float> row_scales;             // of `bytes`
    Elements scaled;                             // weights of the gated projection
    AlignedVector<float> sums, squeezed, gate;   // of the gate
    std::vector<AlignedVector<float>> padded;    // for each thread: padded maps of two panels
    std::vector<Elements> patches;               // for each thread: rows of patches
    std::vector<AlignedVector<float>> wide_row;  // for each thread: one row of patches or of channels
  };

  Trunk(const Kernels &kernels, const FoldedNetwork &network);

  Memory make_memory(int threads) const;

  // image: (3, height, width); features: (tokens, channels).
  void run(const Team &team, Memory &memory, const float *image, float *features) const;

 private:
  struct Dense {
    Convolution shape;  // without its weights
    PackedLayer layer;
    int in_stride = 0;  // padded channels
    int out_stride = 0;
  };
  struct Channelwise {
    Convolution shape;
    AlignedVector<float> weights;  // panels x kernel x kernel x panel_width
    AlignedVector<float> bias;
    int panels = 0;
    int out_stride = 0;
    int padded_width = 0;  // of the input including padding
    int strip = 0;         // output rows per task
  };
  struct PackedGate {
    int squeezed = 0;
    AlignedVector<float> reduce;  // squeezed x padded channels
    std::vector<float> reduce_bias;
    AlignedVector<float> expand;  // squeezed x padded channels
    AlignedVector<float> expand_bias;
  };
  struct Inverted {
    std::optional<Dense> expand;
    Channelwise depthwise;
    std::optional<PackedGate> gate;
    Dense project;
    bool skip = false;
  };
  struct Residual {
    std::vector<Dense> body;
    std::optional<Dense> shortcut;
  };
  // A tapped map, and the four of its pixels that each token is interpolated from.
  struct Tap {
    std::size_t block = 0;
    int channels = 0;
    int first_channel = 0;
    MapSize map;
    int stride = 0;
    std::vector<Band> rows, columns;     // for each row or column of tokens
    AlignedVector<float> scale, offset;  // in panels
  };

  Dense pack_dense(const Convolution &convolution) const;
  Channelwise pack_channelwise(const Convolution &convolution) const;
  static PackedGate pack_gate(const Gate &gate);

  void run_stem(const Team &team, Memory &memory, const float *image) const;
  void run_max_pool(const Team &team, Memory &memory) const;
  void run_block(const Team &team, Memory &memory, const Inverted &block) const;
  void run_block(const Team &team, Memory &memory, const Residual &block) const;
  void convolve(const Team &team, Memory &memory, const Dense &dense, const Elements &input, Elements &output,
                const Elements *skip, Activation activation) const;
  const void *patches_of(const Dense &dense, const Elements &input, int first, int rows,
                         Elements &patches) const;
  void quantize(const Team &team, Memory &memory, const Dense &dense) const;
  void expand_and_filter(const Team &team, Memory &memory, const Inverted &block) const;
  void set_gate(const Team &team, Memory &memory, const Inverted &block) const;
  void sample(const Team &team, Memory &memory, const Tap &tap, float *features) const;
  void clear_padding(Elements &map, int rows, int used, int stride) const;

  std::size_t bytes_of(int elements) const;
  std::byte *at(Elements &map, std::ptrdiff_t element) const;
  const std::byte *at(const Elements &map, std::ptrdiff_t element) const;

  const Kernels &kernels_;
  MapSize input_;
  MapSize grid_;
  int channels_;
  Dense stem_;
  bool max_pool_;
  MapSize pooled_;
  std::vector<std::variant<Inverted, Residual>> blocks_;
  std::vector<Tap> taps_;
};

}  // namespace uniad::cpu
