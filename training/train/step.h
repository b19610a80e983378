// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <vector>

#include "model/reconstruction/uniad.h"
#include "training/train/workers.h"

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

  std::vector<torch::Tensor> gradients();  // zeros where none was left

  // Its memory of earlier steps, in the order of the parameters: with them a training can go on.
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
  bool stop = false;         // some worker was asked to stop
};

// How a step is taken.
struct StepRule {
  double learning_rate = 0;
  double clip = 0;
  bool bf16 = false;  // forward pass and gradients in bf16 where torch's autocast deems it safe
};

// One step of learning to reconstruct `features` (B, channels, H, W), weights and loss in fp32. The
// parameters are left as they were when loss or gradient are not finite.
StepResult training_step(UniAD &network, const torch::Tensor &features, Optimiser &optimiser,
                         const StepRule &rule);

// The same with others: `features` are this worker's part, possibly none, of a batch of `all` pictures; every
// worker takes the step of the whole batch. `stop`: asks all of them to stop after it.
StepResult training_step(UniAD &network, const torch::Tensor &features, std::int64_t all,
                         Optimiser &optimiser, const StepRule &rule, Workers &workers, bool stop);

}  // namespace uniad
