// SPDX-License-Identifier: Apache-2.0
// Reads and writes safetensors files.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "model/base/stored_tensor.h"

namespace uniad {

// Reads a complete safetensors file (huggingface/safetensors, format 0.4). The file is not trusted: header
// size, JSON, dtypes, shapes and offsets are checked before memory is allocated, and memory is limited to a
// small multiple of the file's size. Throws Error with the file and the reason.
TensorFile read_safetensors(const std::filesystem::path &path);
TensorFile parse_safetensors(std::span<const std::byte> bytes,
                             const std::string &name);  // name: used in errors

// Reads metadata and shapes only, without the tensors' data (for `uniad info`).
TensorFile read_safetensors_header(const std::filesystem::path &path);

// Replaces the file atomically (AtomicFileWriter). Throws Error if the disk is full or the folder does not
// exist.
void write_safetensors(const TensorFile &file, const std::filesystem::path &path);

}  // namespace uniad
