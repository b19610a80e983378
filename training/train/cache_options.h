// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>

namespace uniad {

struct FeatureCacheOptions {
  std::uint64_t memory = std::uint64_t{2}
                         << 30U;  // bytes of features kept in memory, of all sources together
  std::filesystem::path folder;   // for the rest and for later runs; empty: none
  std::uint64_t disk = std::uint64_t{20}
                       << 30U;  // bytes that are left of the folder to begin with, the newest
};

// $XDG_CACHE_HOME/uniad/features, by default ~/.cache/uniad/features.
std::filesystem::path default_cache_folder();

}  // namespace uniad
