// SPDX-License-Identifier: Apache-2.0
// Tensors and metadata in plain memory, without LibTorch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace uniad {

enum class DType { F64, F32, F16, BF16, I64, I32, I16, I8, U8, Bool };

std::size_t size_of(DType dtype);  // bytes of one element
bool is_floating(DType dtype);

// One dense tensor, row-major, little-endian. Owns its bytes.
struct StoredTensor {
  DType dtype = DType::F32;
  std::vector<std::int64_t> shape;
  std::vector<std::byte> bytes;  // size_of(dtype) x product of shape
};

// The elements as float, row-major.
std::vector<float> to_float(const StoredTensor &tensor);

// Named tensors and string metadata: the contents of a safetensors file, and the result of every weight
// importer.
struct TensorFile {
  std::map<std::string, StoredTensor> tensors;
  std::map<std::string, std::string> metadata;
};

}  // namespace uniad
