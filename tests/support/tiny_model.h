// SPDX-License-Identifier: Apache-2.0
// Writes a small, fast model.
#pragma once

#include <filesystem>
#include <optional>

namespace uniad::test {

// Writes a complete model with random weights from a fixed seed: taps 1-3 of efficientnet-lite0 at 64x64, one
// encoder and one decoder layer. Its scores are meaningless; it serves tests of everything around the
// network. threshold: if set, the model has a pooled calibration with this threshold.
void write_tiny_model(const std::filesystem::path &path, std::optional<double> threshold = std::nullopt);

}  // namespace uniad::test
