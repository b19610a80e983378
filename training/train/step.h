// SPDX-License-Identifier: Apache-2.0
// One training step.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <vector>

#include "model/reconstruction/uniad.h"
#include "training/train/workers.h"

namespace uniad {

// AdamW (Loshchilov and Hutter, 2019) with betas 0.9 and 0.999 and eps 1e-8 for all parameters, with
// LibTorch's fused kernel: one pass over the parameters, whereas torch::optim makes a dozen.
class Optimizer {
 public:
  Optimizer(std::vector<torch::Tensor> parameters, double weight_decay);

  void zero_grad();
  // Scales all gradients so that their global L2 norm is at most `limit`; returns the previous norm.
  double clip(double limit);
  void step(double learning_rate);

  std::vector<torch::Tensor> gradients();  // zeros for parameters without a gradient

  // The moments of the gradients, in the order of the parameters, which are needed to resume a training.
  const std::vector<torch::Tensor> &first_moments() const { return first_moments_; }
  const std::vector<torch::Tensor> &second_moments() const { return second_moments_; }
  void set_steps(std::int64_t steps);

 private:
  std::vector<torch::Tensor> parameters_;
  double weight_decay_;
  std::vector<torch::Tensor> first_moments_;
  std::vector<torch::Tensor> second_moments_;
  std::vector<torch::Tensor> steps_;
};

struct StepResult {
  double loss = 0;           // before the step: the network's feature_loss()
  double gradient_norm = 0;  // before clipping
  bool stop = false;         // any worker was asked to stop
};

// What a step reconstructs.
struct StepPictures {
  torch::Tensor features;  // (B, channels, H, W)
  torch::Tensor learned;   // of feature_loss(); undefined: all cells are
};

// The parameters of a step.
struct StepRule {
  double learning_rate = 0;
  double clip = 0;
  bool bf16 = false;  // forward pass and gradients with torch's bf16 autocast
};

// One training step that reconstructs `features` (B, channels, H, W), with weights and loss in fp32. The
// parameters are not changed if the loss or the gradient is not finite.
StepResult training_step(UniAD &network, const torch::Tensor &features, Optimizer &optimizer,
                         const StepRule &rule);

// The same for several workers. pictures: this worker's part of a batch of `all` pictures; may be empty.
// Every worker makes the step of the whole batch. stop: asks all workers to stop after this step.
StepResult training_step(UniAD &network, const StepPictures &pictures, std::int64_t all, Optimizer &optimizer,
                         const StepRule &rule, Workers &workers, bool stop);

}  // namespace uniad
