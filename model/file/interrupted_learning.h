// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

namespace uniad {

// The metadata by which a file says that it holds such learning, and is no model.
inline constexpr const char *learning_entry = "uniad.learning";

// Where learning of a source that was interrupted waits to be gone on with: MODEL.SOURCE.learning, with every
// byte of the source's name that could mean something else in a file's name as %XX.
std::filesystem::path interrupted_learning_path(const std::filesystem::path &model,
                                                const std::string &source);

}  // namespace uniad
