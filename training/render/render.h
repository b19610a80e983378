// SPDX-License-Identifier: Apache-2.0
// The subcommand render.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "training/base/progress.h"

namespace CLI {
class App;
}

namespace uniad {

struct RenderOptions {
  std::filesystem::path model;
  std::vector<std::string> data;  // [NAME=]PATH
  std::filesystem::path image_dir;
  std::optional<int> bit_depth;   // significant bits of 16-bit values; absent: all
  std::filesystem::path decoder;  // safetensors; trained and written if it does not exist
  std::filesystem::path folder;   // for the pictures
  std::int64_t steps = 300;       // of training the decoder
  int batch = 8;                  // pictures per step
  std::uint64_t seed = 0;
};

// Visualizes what a model reconstructs (paper, appendix B.3; docs/network-details.md, "Pictures of features")
// with a network that generates pictures from features (model/reconstruction/picture_decoder.h). That network
// is trained on all the data, normal or not, since it serves visualization only: mean squared error to the
// normalized picture, AdamW at 1e-4, gradient clipped to 0.1. `folder` receives NUMBER_NAME.png for each
// picture, which shows side by side the network's input, the picture generated from its features, and the one
// from their reconstruction; and query_L.png for the learned query of each decoder layer. Throws Error if the
// model has no reconstruction network, or if the decoder was trained on other features.
void run_render(const RenderOptions &options, Progress &progress);

void describe_render(CLI::App &app, RenderOptions &options);

}  // namespace uniad
