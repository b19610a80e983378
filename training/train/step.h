// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

#include <vector>

#include "model/reconstruction/uniad.h"

namespace uniad {

// AdamW (Loshchilov and Hutter, 2019) with betas 0.9 and 0.999 and eps 1e-8 on all parameters alike, by
// LibTorch's fused kernel: one pass over the parameters where torch::optim makes a dozen.
class Optimiser {
 public:
  Optimiser(std::vector<torch::Tensor> parameters, double weight_decay);

  void zero_grad();
  // Scales all gradients so that their global L2 norm is at most `limit`; returns the norm before.
  double clip(double limit);
  void step(double learning_rate);

 private:
  std::vector<torch::Tensor> gradients() const;

  std::vector<torch::Tensor> parameters_;
  double weight_decay_;
  std::vector<torch::Tensor> first_moments_;
  std::vector<torch::Tensor> second_moments_;
  std::vector<torch::Tensor> steps_;
};

struct StepResult {
  double loss = 0;           // before the step: the network's feature_loss()
  double gradient_norm = 0;  // before clipping
};

// One step of learning to reconstruct `features` (B, channels, H, W). `bf16`: the forward pass and its
// gradients in bf16 where torch's autocast deems it safe, weights and loss in fp32. The parameters are left
// as they were when loss or gradient are not finite.
StepResult training_step(UniAD &network, const torch::Tensor &features, Optimiser &optimiser,
                         double learning_rate, double clip, bool bf16);

}  // namespace uniad
