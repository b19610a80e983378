// SPDX-License-Identifier: Apache-2.0
// A network with everything constant folded into its weights.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "model/base/activation.h"
#include "model/file/model_file.h"

namespace uniad {

// The network of a model in the form that is used for inference: batch normalization is folded into the
// convolutions, the decoder's first query and the softmax's scale are computed in advance, and dropout and
// jitter are left out. All numbers are plain fp32; each backend packs them in its own way. model/network.h
// defines the network, and the tests compare this form with it.

// The size of a map that a convolution reads or writes.
struct MapSize {
  int height = 0;
  int width = 0;
  int pixels() const { return height * width; }
  bool operator==(const MapSize &) const = default;
};

struct Convolution {
  int in = 0;  // channels
  int out = 0;
  int kernel = 1;
  int stride = 1;
  MapSize input;
  MapSize output;
  int pad_top = 0;  // the padding below and to the right follows from the sizes
  int pad_left = 0;
  std::vector<float> weights;  // (out, in, kernel, kernel); depthwise: (out, kernel, kernel)
  std::vector<float> bias;     // (out)
  Activation activation = Activation::None;
};

// Squeeze-and-excitation: sigmoid(expand * silu(reduce * mean)).
struct Gate {
  int channels = 0;
  int squeezed = 0;
  std::vector<float> reduce;  // (squeezed, channels)
  std::vector<float> reduce_bias;
  std::vector<float> expand;  // (channels, squeezed)
  std::vector<float> expand_bias;
};

struct InvertedBlock {
  std::optional<Convolution> expand;
  Convolution depthwise;
  std::optional<Gate> gate;
  Convolution project;
  bool skip = false;  // the block's input is added to its output
};

// relu(body(x) + shortcut(x)).
struct ResidualUnit {
  std::vector<Convolution> body;        // the last one without activation
  std::optional<Convolution> shortcut;  // absent: the input itself
};

using Block = std::variant<InvertedBlock, ResidualUnit>;

struct FoldedBackbone {
  Convolution stem;
  bool max_pool = false;  // 3 x 3, stride 2, after the stem
  std::vector<Block> blocks;
  std::vector<std::size_t> tapped;  // blocks whose outputs are features, ascending
};

struct LinearLayer {
  int in = 0;
  int out = 0;
  std::vector<float> weights;  // (out, in)
  std::vector<float> bias;     // (out)
};

struct LayerNorm {
  std::vector<float> weight;
  std::vector<float> bias;
};

inline constexpr float layer_norm_eps = 1e-5F;

struct FoldedAttention {
  LinearLayer query;  // scaled by 1 / sqrt(dim / heads)
  LinearLayer key;
  LinearLayer value;
  LinearLayer out;
};

struct FeedForward {
  LinearLayer first;  // followed by ReLU
  LinearLayer second;
};

struct FoldedEncoderLayer {
  FoldedAttention attention;
  FeedForward feed_forward;
  LayerNorm norm1;
  LayerNorm norm2;
};

struct FoldedDecoderLayer {
  std::vector<float> query;  // (tokens, dim): the learned query, to which the first attention is added
  std::vector<float>
      projected;           // (tokens, dim): the query with its position, normalized and projected as needed
  FoldedAttention first;   // of the encoder's output; its `query` is empty
  FoldedAttention second;  // of the previous layer's output
  FeedForward feed_forward;
  LayerNorm norm1;
  LayerNorm norm2;
  LayerNorm norm3;
};

struct FoldedReconstruction {
  int tokens = 0;
  int dim = 0;
  int heads = 0;
  int feedforward = 0;
  bool pre_norm = false;
  std::vector<float> position;  // (tokens, dim)
  int mask_height = 0;          // the neighbor mask, in tokens
  int mask_width = 0;
  bool mask_encoder = false;
  bool mask_decoder_first = false;
  bool mask_decoder_second = false;
  LinearLayer input;
  std::vector<FoldedEncoderLayer> encoder;
  std::optional<LayerNorm> encoder_norm;
  std::vector<FoldedDecoderLayer> decoder;
  LayerNorm decoder_norm;
  LinearLayer output;
};

struct FoldedNetwork {
  InputConfig input;
  MapSize grid;
  int channels = 0;  // of the features
  FoldedBackbone backbone;
  std::vector<float> feature_scale;      // (channels): features are raw * scale + offset
  std::vector<float> feature_offset;     // (channels)
  std::vector<float> feature_whitening;  // (channels, channels), or empty
  std::optional<FoldedReconstruction> reconstruction;
};

// Whether the reconstruction has a folded form: UniAD with a query for each layer and decoder variant A.
bool foldable(const ReconstructionConfig &reconstruction);

// Leaves out the reconstruction if it is not foldable. Throws Error with the tensors that are missing or have
// another shape. where: used in errors.
FoldedNetwork fold(const Model &model, const std::string &where);

}  // namespace uniad
