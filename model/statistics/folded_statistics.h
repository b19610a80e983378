// SPDX-License-Identifier: Apache-2.0
// Statistics in the form that is used for inference.
#pragma once

#include <vector>

namespace uniad {

// The statistics of a model in the form that is used for inference: the result of standardization, shrinkage
// and inversion, in plain fp32. Scenes and RoutedGaussians judge a picture as follows:
//
//   descriptor = (mean of its tokens - descriptor_mean) * descriptor_scale
//   distance to a cluster = root mean square, over channels, of descriptor - center; the nearest cluster is
//     used, and a distance above that cluster's limit shows an unknown scene
//   distance of the whole picture = |whitening (descriptor - center)| / sqrt(channels), with the nearest
//   center square of a token = |whitening (token - mean at its position)|^2 / channels; if there are
//   Gaussians of
//     residuals, the mean of the squares of features and residuals
//   grid = square root of the square
struct FoldedGaussian {
  std::vector<float> mean;       // (tokens, channels)
  std::vector<float> whitening;  // (channels, channels)
};

struct FoldedScenes {
  std::vector<float> descriptor_mean;   // (channels)
  std::vector<float> descriptor_scale;  // (channels)
  std::vector<float> centers;           // (clusters, channels)
  std::vector<float> limits;            // (clusters)
  std::vector<float> whitening;         // (channels, channels), lower triangular; empty: not known
};

struct FoldedStatistics {
  FoldedScenes scenes;
  std::vector<FoldedGaussian> features;   // for each cluster
  std::vector<FoldedGaussian> residuals;  // for each cluster, or empty
};

}  // namespace uniad
