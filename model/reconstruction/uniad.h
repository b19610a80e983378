// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

#include "model/file/model_file.h"
#include "model/reconstruction/cnn.h"
#include "model/reconstruction/transformer.h"

namespace uniad {

// Learned: a table a row and a table a column, the column's half first (facts 6).
// Sine: DETR's normalised sine, the row's half first, no parameters.
class PositionTableImpl : public torch::nn::Module {
 public:
  PositionTableImpl(PositionEmbedding kind, int dim, int height, int width);
  torch::Tensor forward();  // (height * width, dim), row-major

  using torch::nn::Module::to;
  void to(torch::Device device, torch::Dtype dtype, bool non_blocking = false) override;

 private:
  int height_;
  int width_;
  torch::nn::Embedding row_embed_{nullptr};
  torch::nn::Embedding col_embed_{nullptr};
  torch::Tensor sine_;
};
TORCH_MODULE(PositionTable);

class TransformerImpl : public torch::nn::Module {
 public:
  TransformerImpl(const ReconstructionConfig &config, int tokens);
  Encoder encoder{nullptr};
  Decoder decoder{nullptr};
};
TORCH_MODULE(Transformer);

// UniAD (paper section 3): features in, what normal features would be out. Module names are the authors'.
// With another NetworkKind, a baseline of the paper stands between the same projections.
class UniADImpl : public torch::nn::Module {
 public:
  UniADImpl(const ReconstructionConfig &config, int channels, int height, int width);

  // features: (B, channels, height, width). Returns the reconstruction, same shape. In training mode the
  // input is jittered first (paper 3.4); the loss compares with the features as they came.
  torch::Tensor forward(const torch::Tensor &features);

  // The steps of forward, tokens (B, height * width, dim) in between. The CNN is all in decode().
  torch::Tensor embed(const torch::Tensor &features);
  torch::Tensor encode(const torch::Tensor &tokens);
  torch::Tensor decode(const torch::Tensor &memory);

  const ReconstructionConfig &config() const { return config_; }

  // With the constants that are no part of the model's file: a captured CUDA graph must find them there.
  using torch::nn::Module::to;
  void to(torch::Device device, torch::Dtype dtype, bool non_blocking = false) override;

  PositionTable pos_embed{nullptr};  // UniAD only
  torch::nn::Linear input_proj{nullptr};
  torch::nn::Linear output_proj{nullptr};
  Transformer transformer{nullptr};  // UniAD and MLP
  Cnn cnn{nullptr};                  // CNN

 private:
  torch::Tensor jitter(const torch::Tensor &tokens) const;
  torch::Tensor position(const torch::Tensor &like);  // undefined without positions
  torch::Tensor mask(bool wanted, const torch::Tensor &like) const;

  ReconstructionConfig config_;
  int height_;
  int width_;
  torch::Tensor neighbour_mask_;
};
TORCH_MODULE(UniAD);

}  // namespace uniad
