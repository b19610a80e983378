// SPDX-License-Identifier: Apache-2.0
#include "training/train/step.h"

#include <ATen/autocast_mode.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "model/reconstruction/feature_loss.h"

namespace uniad {
namespace {

// Turns automatic bf16 on, and off again whatever happens.
class Bf16Scope {
 public:
  explicit Bf16Scope(bool wanted) : wanted_(wanted) {
    if (!wanted_) return;
    at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
    at::autocast::set_autocast_enabled(at::kCPU, true);
  }
  ~Bf16Scope() {
    if (!wanted_) return;
    at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(at::kCPU, false);
  }
  Bf16Scope(const Bf16Scope &) = delete;
  Bf16Scope &operator=(const Bf16Scope &) = delete;

 private:
  bool wanted_;
};

}  // namespace

Optimiser::Optimiser(std::vector<torch::Tensor> parameters, double weight_decay)
    : parameters_(std::move(parameters)), weight_decay_(weight_decay) {
  for (const torch::Tensor &parameter : parameters_) {
    first_moments_.push_back(torch::zeros_like(parameter));
    second_moments_.push_back(torch::zeros_like(parameter));
    steps_.push_back(torch::zeros({}, torch::kFloat32));
  }
}

void Optimiser::zero_grad() {
  for (torch::Tensor &parameter : parameters_) parameter.mutable_grad().reset();
}

double Optimiser::clip(double limit) {
  const std::vector<torch::Tensor> all = gradients();
  const double norm = torch::stack(at::_foreach_norm(all, 2)).to(torch::kFloat64).norm().item<double>();
  const double scale = limit / (norm + 1e-6);
  if (scale < 1) at::_foreach_mul_(all, scale);
  return norm;
}

void Optimiser::step(double learning_rate) {
  const torch::NoGradGuard no_grad;
  at::_foreach_add_(steps_, 1);
  at::_fused_adamw_(parameters_, gradients(), first_moments_, second_moments_, {}, steps_, learning_rate, 0.9,
                    0.999, weight_decay_, 1e-8, /*amsgrad=*/false, /*maximize=*/false);
}

std::vector<torch::Tensor> Optimiser::gradients() const {
  std::vector<torch::Tensor> all;
  all.reserve(parameters_.size());
  for (const torch::Tensor &parameter : parameters_) all.push_back(parameter.grad());
  return all;
}

StepResult training_step(UniAD &network, const torch::Tensor &features, Optimiser &optimiser,
                         double learning_rate, double clip, bool bf16) {
  optimiser.zero_grad();
  torch::Tensor reconstruction;
  {
    const Bf16Scope scope(bf16);
    reconstruction = network(features).to(features.scalar_type());
  }
  const torch::Tensor loss = feature_loss(network->config().loss, reconstruction, features);
  loss.backward();
  const StepResult result{loss.item<double>(), optimiser.clip(clip)};
  if (std::isfinite(result.loss) && std::isfinite(result.gradient_norm)) optimiser.step(learning_rate);
  return result;
}

}  // namespace uniad
