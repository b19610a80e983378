// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "model/file/model_file.h"

namespace uniad {

// The statistics of a model as pictures are judged by them: what standardising, shrinkage and inverses come
// to, in plain numbers (fp32). With them a picture is judged so (Scenes and RoutedGaussians do it):
//
//   descriptor = (mean of its tokens - descriptor_mean) * descriptor_scale
//   distance to a cluster = root mean square, over channels, of descriptor - centre; the nearest cluster
//   judges,
//     and a distance above that cluster's limit shows a scene that was not learned
//   a token's square = |whitening (token - mean at its position)|^2 / channels; where there are Gaussians of
//     residuals, the mean of the features' square and the residuals'
//   grid = the square's root
struct FoldedGaussian {
  std::vector<float> mean;       // (tokens, channels)
  std::vector<float> whitening;  // (channels, channels)
};

struct FoldedScenes {
  std::vector<float> descriptor_mean;   // (channels)
  std::vector<float> descriptor_scale;  // (channels)
  std::vector<float> centres;           // (clusters, channels)
  std::vector<float> limits;            // (clusters)
};

struct FoldedStatistics {
  FoldedScenes scenes;
  std::vector<FoldedGaussian> features;   // a cluster
  std::vector<FoldedGaussian> residuals;  // a cluster, or none
};

// Of a model that has statistics. Throws Error where no numbers have such sums (a falsified file).
FoldedStatistics fold_statistics(const Model &model);

}  // namespace uniad
