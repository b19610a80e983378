// SPDX-License-Identifier: Apache-2.0
// Finds real data.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>

namespace uniad::test {

// Returns a file or folder of the real data next to the source tree, if it exists; tests skip without it.
// $UNIAD_SHARED names the folder; the default is ../shared, relative to the source tree.
inline std::optional<std::filesystem::path> shared_path(const std::filesystem::path &relative) {
  const char *root = std::getenv("UNIAD_SHARED");  // NOLINT(concurrency-mt-unsafe): nothing here sets it
  const auto path = (root != nullptr ? std::filesystem::path(root)
                                     : std::filesystem::path(UNIAD_SOURCE_ROOT).parent_path() / "shared") /
                    relative;
  if (!std::filesystem::exists(path)) return std::nullopt;
  return path;
}

}  // namespace uniad::test

#define UNIAD_NEED_SHARED(variable, relative)                                                       \
  const auto variable##_found = uniad::test::shared_path(relative);                                 \
  if (!variable##_found) GTEST_SKIP() << "needs ../shared/" << (relative) << ", which is not here"; \
  const std::filesystem::path &variable = *variable##_found
