// SPDX-License-Identifier: Apache-2.0
#include "training/train/step.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "model/reconstruction/feature_loss.h"
#include "training/train/bf16_scope.h"

namespace uniad {

Optimizer::Optimizer(std::vector<torch::Tensor> parameters, double weight_decay)
    : parameters_(std::move(parameters)), weight_decay_(weight_decay) {
  for (const torch::Tensor &parameter : parameters_) {
    first_moments_.push_back(torch::zeros_like(parameter));
    second_moments_.push_back(torch::zeros_like(parameter));
    steps_.push_back(torch::zeros({}, parameter.options().dtype(torch::kFloat32).requires_grad(false)));
  }
}

void Optimizer::zero_grad() {
  for (torch::Tensor &parameter : parameters_) parameter.mutable_grad().reset();
}

double Optimizer::clip(double limit) {
  const std::vector<torch::Tensor> all = gradients();
  const double norm = torch::stack(at::_foreach_norm(all, 2)).to(torch::kFloat64).norm().item<double>();
  const double scale = limit / (norm + 1e-6);
  if (scale < 1) at::_foreach_mul_(all, scale);
  return norm;
}

void Optimizer::step(double learning_rate) {
  const torch::NoGradGuard no_grad;
  at::_foreach_add_(steps_, 1);
  at::_fused_adamw_(parameters_, gradients(), first_moments_, second_moments_, {}, steps_, learning_rate, 0.9,
                    0.999, weight_decay_, 1e-8, /*amsgrad=*/false, /*maximize=*/false);
}

std::vector<torch::Tensor> Optimizer::gradients() {
  std::vector<torch::Tensor> all;
  all.reserve(parameters_.size());
  for (torch::Tensor &parameter : parameters_) {
    torch::Tensor &gradient = parameter.mutable_grad();
    if (!gradient.defined()) gradient = torch::zeros_like(parameter);
    all.push_back(gradient);
  }
  return all;
}

void Optimizer::set_steps(std::int64_t steps) {
  for (torch::Tensor &count : steps_) count.fill_(static_cast<double>(steps));
}

StepResult training_step(UniAD &network, const torch::Tensor &features, Optimizer &optimizer,
                         const StepRule &rule) {
  Workers alone;
  return training_step(network, StepPictures{features, {}}, features.size(0), optimizer, rule, alone, false);
}

StepResult training_step(UniAD &network, const StepPictures &pictures, std::int64_t all, Optimizer &optimizer,
                         const StepRule &rule, Workers &workers, bool stop) {
  const torch::Tensor &features = pictures.features;
  optimizer.zero_grad();
  double loss = 0;
  if (features.size(0) > 0) {
    torch::Tensor reconstruction;
    {
      const Bf16Scope scope(rule.bf16, features.device().type());
      reconstruction = network(features).to(features.scalar_type());
    }
    // The contribution of this worker to the mean over the batch.
    const double share = static_cast<double>(features.size(0)) / static_cast<double>(all);
    const torch::Tensor mean =
        feature_loss(network->config().loss, reconstruction, features, pictures.learned);
    const torch::Tensor part = share < 1 ? mean * share : mean;
    part.backward();
    loss = part.item<double>();
  }
  bool stops = stop;
  if (workers.rank().size > 1) {
    std::vector<torch::Tensor> tensors = optimizer.gradients();
    const torch::Tensor told =
        torch::tensor({loss, stop ? 1.0 : 0.0}, torch::kFloat32).to(tensors.front().device());
    tensors.push_back(told);
    workers.all_reduce_sum(tensors);
    loss = told[0].item<double>();
    stops = told[1].item<double>() > 0;
  }
  const StepResult result{loss, optimizer.clip(rule.clip), stops};
  if (std::isfinite(result.loss) && std::isfinite(result.gradient_norm)) optimizer.step(rule.learning_rate);
  return result;
}

}  // namespace uniad
