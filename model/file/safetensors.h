// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
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

// Its elements as float, row-major.
std::vector<float> to_float(const StoredTensor &tensor);

// Named tensors and string metadata: what a safetensors file holds, and what every weight importer yields.
struct TensorFile {
  std::map<std::string, StoredTensor> tensors;
  std::map<std::string, std::string> metadata;
};

// Reads a safetensors file (huggingface/safetensors, format 0.4) whole; the file is hostile until proven
// otherwise: header size, JSON, dtypes, shapes and offsets are checked before memory is taken, and memory
// stays within a small multiple of the file's size. Throws Error naming the file and the reason.
TensorFile read_safetensors(const std::filesystem::path &path);
TensorFile parse_safetensors(std::span<const std::byte> bytes, const std::string &name);  // name: for errors

// The metadata alone, without reading the tensors' bytes (for `uniad info`); shapes come with empty bytes.
TensorFile read_safetensors_header(const std::filesystem::path &path);

// Writes beside `path`, syncs, renames: the file is old or new, never half. Throws Error (disk full, no such
// folder).
void write_safetensors(const TensorFile &file, const std::filesystem::path &path);

}  // namespace uniad
