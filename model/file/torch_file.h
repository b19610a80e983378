// SPDX-License-Identifier: Apache-2.0
// Reads files of torch.save.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "model/file/safetensors.h"

namespace uniad {

// Reads a file written by torch.save, in the legacy format (before PyTorch 1.6) or as a zip archive. No code
// in the file is executed: only containers, numbers, strings and tensors of its pickle are used, all other
// objects are ignored.
//
// Tensors are named by their keys joined with '.'; if the file contains a dict under "state_dict" (a training
// checkpoint), only its tensors are returned. Throws Error with the file and the reason. Memory is limited to
// a small multiple of the file's size, and 40 MB for the objects of its pickle.
TensorFile read_torch_file(const std::filesystem::path &path);
TensorFile parse_torch_file(std::span<const std::byte> bytes,
                            const std::string &name);  // name: used in errors

// Reads a weight file in either of the two formats, which is detected from its content.
TensorFile read_tensor_file(const std::filesystem::path &path);

}  // namespace uniad
