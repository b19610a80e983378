// SPDX-License-Identifier: Apache-2.0
// Weights computed by a formula, for golden numbers.
#pragma once

#include <torch/torch.h>

#include <algorithm>
#include <string>
#include <vector>

// Weights computed by a formula, so that golden numbers need no weight file.
namespace uniad::test {

// sin(0.37 * i + k), scaled according to the kind of tensor. k: position of the tensor among the sorted names
// of the whole reference module.
inline torch::Tensor formula_tensor(const std::string &name, torch::IntArrayRef shape, std::int64_t k) {
  const auto numel = c10::multiply_integers(shape);
  const torch::Tensor wave =
      torch::sin(torch::arange(numel, torch::kFloat64) * 0.37 + static_cast<double>(k)).reshape(shape);
  if (shape.size() >= 2) return wave / std::sqrt(static_cast<double>(numel) / static_cast<double>(shape[0]));
  const auto ends_with = [&name](const std::string &suffix) { return name.ends_with(suffix); };
  return ends_with(".weight") || ends_with("running_var") ? 1 + 0.1 * wave : 0.1 * wave;
}

// Fills every parameter and buffer of the module. `beyond` names tensors of the whole reference module that
// this module does not have; they count in the positions.
inline std::size_t fill_by_formula(torch::nn::Module &module, std::vector<std::string> beyond = {}) {
  const torch::NoGradGuard no_grad;
  std::vector<std::pair<std::string, torch::Tensor>> state;
  for (const auto &item : module.named_parameters()) state.emplace_back(item.key(), item.value());
  for (const auto &item : module.named_buffers()) {
    if (!item.key().ends_with("num_batches_tracked")) state.emplace_back(item.key(), item.value());
  }
  std::vector<std::string> names = std::move(beyond);
  for (const auto &[name, tensor] : state) names.push_back(name);
  std::sort(names.begin(), names.end());
  for (auto &[name, tensor] : state) {
    const auto k = std::lower_bound(names.begin(), names.end(), name) - names.begin();
    tensor.copy_(formula_tensor(name, tensor.sizes(), k));
  }
  return names.size();
}

// x[i] = amplitude * sin(step * i)
inline torch::Tensor sine_input(torch::IntArrayRef shape, double step, double amplitude = 1.0) {
  return amplitude *
         torch::sin(torch::arange(c10::multiply_integers(shape), torch::kFloat64) * step).reshape(shape);
}

// Expects agreement to the digits of a printed value: 1e-6 relative, or half a unit of the ninth digit for
// small numbers.
inline void expect_golden(const torch::Tensor &actual, double expected, const std::string &what) {
  EXPECT_NEAR(actual.item<double>(), expected, 1e-6 * std::abs(expected) + 1e-12) << what;
}

inline void expect_element(const torch::Tensor &tensor, std::int64_t index, double expected,
                           const std::string &what) {
  expect_golden(tensor.flatten()[index], expected, what + "[" + std::to_string(index) + "]");
}

}  // namespace uniad::test
