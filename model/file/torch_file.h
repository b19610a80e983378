// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "model/file/safetensors.h"

namespace uniad {

// Reads what torch.save wrote, in the legacy format (before PyTorch 1.6) or as a zip archive. Nothing in the
// file is executed: of its pickle only containers, numbers, texts and tensors are understood, every other
// object is passed over.
//
// Tensors are named by their keys joined with '.'; where the file holds a dict under "state_dict" (a training
// checkpoint), it is that dict's tensors alone. Throws Error naming the file and the reason; memory stays
// within a small multiple of the file's size, and 40 MB for what its pickle builds.
TensorFile read_torch_file(const std::filesystem::path &path);
TensorFile parse_torch_file(std::span<const std::byte> bytes, const std::string &name);  // name: for errors

// Either of the two formats that weights come in, told apart by content.
TensorFile read_tensor_file(const std::filesystem::path &path);

}  // namespace uniad
