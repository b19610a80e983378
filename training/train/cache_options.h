// SPDX-License-Identifier: Apache-2.0
// Options of the feature cache.
#pragma once

#include <cstdint>
#include <filesystem>

namespace uniad {

struct FeatureCacheOptions {
  std::uint64_t memory = std::uint64_t{2} << 30U;  // bytes of features in memory, for all sources together
  std::filesystem::path folder;                    // for the other features and for later runs; empty: none
  std::uint64_t disk = std::uint64_t{20} << 30U;   // bytes; the oldest files are removed at the start
};

// $XDG_CACHE_HOME/uniad/features, by default ~/.cache/uniad/features.
std::filesystem::path default_cache_folder();

}  // namespace uniad
