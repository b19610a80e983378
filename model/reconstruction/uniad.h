// SPDX-License-Identifier: Apache-2.0
// UniAD, and the baselines of its paper.
#pragma once

#include <torch/torch.h>

#include "model/config/model_config.h"
#include "model/reconstruction/cnn.h"
#include "model/reconstruction/transformer.h"

namespace uniad {

// Learned: a table for rows and a table for columns, the column's half first (docs/network-details.md,
// "Reconstruction"). Sine: DETR's normalized sine, the row's half first, no parameters.
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

// UniAD (paper section 3): reconstructs features as normal features. Module names are the authors'. With
// another NetworkKind, a baseline of the paper is used between the same projections.
class UniADImpl : public torch::nn::Module {
 public:
  UniADImpl(const ReconstructionConfig &config, int channels, int height, int width);

  // features: (B, channels, height, width). Returns the reconstruction, with the same shape. In training
  // mode, the input is jittered first (paper 3.4); the loss uses the original features.
  torch::Tensor forward(const torch::Tensor &features);

  // The steps of forward, with tokens (B, height * width, dim) in between. The CNN is entirely in decode().
  torch::Tensor embed(const torch::Tensor &features);
  torch::Tensor encode(const torch::Tensor &tokens);
  torch::Tensor decode(const torch::Tensor &memory);

  const ReconstructionConfig &config() const { return config_; }

  // Also moves the constants that are not in the model file, since a captured CUDA graph needs them on the
  // device.
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
  torch::Tensor neighbor_mask_;
};
TORCH_MODULE(UniAD);

}  // namespace uniad
