// SPDX-License-Identifier: Apache-2.0
// The file that stores interrupted learning.
#pragma once

#include <filesystem>
#include <string>

namespace uniad {

// The metadata key that marks a file as interrupted learning, not a model.
inline constexpr const char *learning_entry = "uniad.learning";

// The path of the interrupted learning of a source, from which learning is resumed: MODEL.SOURCE.learning,
// with special bytes of the source's name as %XX.
std::filesystem::path interrupted_learning_path(const std::filesystem::path &model,
                                                const std::string &source);

}  // namespace uniad
