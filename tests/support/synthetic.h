// SPDX-License-Identifier: Apache-2.0
// Generates tensors that can be told apart.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "model/file/network_tensors.h"

// Every element of a tensor is the tensor's number.
namespace uniad::test {

inline StoredTensor filled(const Shape &shape, float value) {
  const auto count =
      std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<std::int64_t>());
  const std::vector<float> values(static_cast<std::size_t>(count), value);
  const auto bytes = std::as_bytes(std::span(values));
  return {DType::F32, shape, {bytes.begin(), bytes.end()}};
}

inline std::map<std::string, StoredTensor> numbered(const std::map<std::string, Shape> &shapes,
                                                    const std::string &prefix = "") {
  std::map<std::string, StoredTensor> tensors;
  float number = 1;
  for (const auto &[name, shape] : shapes) tensors[prefix + name] = filled(shape, number++);
  return tensors;
}

inline bool same(const std::map<std::string, StoredTensor> &a, const std::map<std::string, StoredTensor> &b) {
  const auto equal = [](const auto &x, const auto &y) {
    return x.first == y.first && x.second.dtype == y.second.dtype && x.second.shape == y.second.shape &&
           x.second.bytes == y.second.bytes;
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), equal);
}

}  // namespace uniad::test
