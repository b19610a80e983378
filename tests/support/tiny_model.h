// SPDX-License-Identifier: Apache-2.0
// A model that is small and fast.
#pragma once

#include <filesystem>
#include <optional>

namespace uniad::test {

// Writes a complete model with random weights of a fixed seed: efficientnet-lite0 at 64x64 taps 1-3, one
// encoder and one decoder layer. Fast and meaningless, for tests of everything around the network.
// `threshold`: a pooled calibration with it, else none.
void write_tiny_model(const std::filesystem::path &path, std::optional<double> threshold = std::nullopt);

}  // namespace uniad::test
