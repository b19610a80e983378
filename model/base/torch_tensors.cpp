// SPDX-License-Identifier: Apache-2.0
#include "model/base/torch_tensors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <sstream>
#include <utility>
#include <vector>

#include "model/base/error.h"

namespace uniad {
namespace {

constexpr std::array<std::pair<DType, torch::ScalarType>, 10> dtypes{{{DType::F64, torch::kFloat64},
                                                                      {DType::F32, torch::kFloat32},
                                                                      {DType::F16, torch::kFloat16},
                                                                      {DType::BF16, torch::kBFloat16},
                                                                      {DType::I64, torch::kInt64},
                                                                      {DType::I32, torch::kInt32},
                                                                      {DType::I16, torch::kInt16},
                                                                      {DType::I8, torch::kInt8},
                                                                      {DType::U8, torch::kUInt8},
                                                                      {DType::Bool, torch::kBool}}};

bool is_step_counter(const std::string &name) {
  return name.ends_with("num_batches_tracked");
}

// Parameters and buffers by name, as in a state dict.
std::map<std::string, torch::Tensor> state_dict(const torch::nn::Module &module) {
  std::map<std::string, torch::Tensor> state;
  for (const auto &item : module.named_parameters()) state.emplace(item.key(), item.value());
  for (const auto &item : module.named_buffers()) {
    if (!is_step_counter(item.key())) state.emplace(item.key(), item.value());
  }
  return state;
}

std::string shape_text(torch::IntArrayRef shape) {
  std::ostringstream text;
  for (std::size_t i = 0; i < shape.size(); ++i) text << (i == 0 ? "" : "x") << shape[i];
  return text.str();
}

}  // namespace

torch::Tensor to_torch(const StoredTensor &stored) {
  const auto *found =
      std::find_if(dtypes.begin(), dtypes.end(), [&](const auto &d) { return d.first == stored.dtype; });
  torch::Tensor tensor = torch::empty(stored.shape, found->second);
  std::memcpy(tensor.data_ptr(), stored.bytes.data(), stored.bytes.size());
  return tensor;
}

StoredTensor to_stored(const torch::Tensor &tensor) {
  const torch::Tensor plain = tensor.detach().cpu().contiguous();
  const auto *found = std::find_if(dtypes.begin(), dtypes.end(),
                                   [&](const auto &d) { return d.second == plain.scalar_type(); });
  StoredTensor stored{found->first, plain.sizes().vec(), std::vector<std::byte>(plain.nbytes())};
  std::memcpy(stored.bytes.data(), plain.data_ptr(), plain.nbytes());
  return stored;
}

void load_tensors(torch::nn::Module &module, const std::map<std::string, StoredTensor> &tensors,
                  const std::string &prefix, const std::string &where) {
  const torch::NoGradGuard no_grad;
  std::vector<std::string> wrong;
  for (auto &[name, target] : state_dict(module)) {
    const auto found = tensors.find(prefix + name);
    if (found == tensors.end()) {
      wrong.push_back(prefix + name + " is missing");
    } else if (torch::IntArrayRef(found->second.shape) != target.sizes()) {
      wrong.push_back(prefix + name + " is " + shape_text(found->second.shape) + ", not " +
                      shape_text(target.sizes()));
    } else {
      torch::Tensor(target).copy_(to_torch(found->second));
    }
  }
  if (wrong.empty()) return;
  const std::string more = wrong.size() > 1 ? " and " + std::to_string(wrong.size() - 1) + " more" : "";
  throw Error(ErrorKind::Malformed, where, wrong.front() + more,
              "the file does not belong to this network configuration");
}

void store_tensors(const torch::nn::Module &module, const std::string &prefix,
                   std::map<std::string, StoredTensor> &tensors) {
  for (const auto &[name, tensor] : state_dict(module)) tensors[prefix + name] = to_stored(tensor);
}

}  // namespace uniad
