// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "training/progress.h"

namespace uniad {

struct RenderOptions {
  std::filesystem::path model;
  std::vector<std::string> data;  // [NAME=]PATH
  std::filesystem::path image_dir;
  std::optional<int> bit_depth;   // of values of 16 bits so many are used; absent: all
  std::filesystem::path decoder;  // safetensors; learned and written where it is missing
  std::filesystem::path folder;   // for the pictures
  std::int64_t steps = 300;       // of learning the decoder
  int batch = 8;                  // pictures a step
  std::uint64_t seed = 0;
};

// Shows what a model reconstructs (paper, appendix B.3; facts 11), by a network that makes pictures of
// features (model/reconstruction/picture_decoder.h). It learns from all the data, normal or not, as it is
// only to look at: mean squared error to the normalised picture, AdamW at 1e-4, gradient clipped to 0.1.
// `folder` receives for each picture NUMBER_NAME.png, side by side as the network sees it, made of its
// features, and made of their reconstruction; and query_L.png for each decoder layer's learned query. Throws
// Error where the model has no reconstruction, or the decoder belongs to other features.
void run_render(const RenderOptions &options, Progress &progress);

}  // namespace uniad
