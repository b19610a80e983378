// SPDX-License-Identifier: Apache-2.0
// Computes Mahalanobis distances of tokens.
#pragma once

#include <span>
#include <vector>

#include "model/kernels/packed_layer.h"

namespace uniad {

// The Gaussian of a cluster's tokens in the form that is used for inference: fp32, with its whitening matrix
// packed for the processor. (Inverse Cholesky factors are triangular, so the zero half is left out.)
class TokenGaussian {
 public:
  // Working memory for one measurement at a time.
  struct Scratch {
    AlignedVector<float> deviations;  // tokens x padded channels
    AlignedVector<float> whitened;    // tokens x two panels
    std::vector<float> descriptor;    // channels (Scenes::nearest)
  };

  // mean: (tokens, channels), whitening: (channels, channels).
  TokenGaussian(std::vector<float> mean, std::span<const float> whitening);

  const std::vector<float> &mean() const { return mean_; }

  // squares[t] += |whitening * (tokens[t] - mean[t])|^2. tokens, mean: (squares.size(), channels).
  void add_squared_distances(std::span<const float> tokens, std::span<const float> mean,
                             std::span<float> squares, Scratch &scratch) const;

 private:
  const cpu::Kernels *kernels_;  // statically allocated
  std::vector<float> mean_;
  std::size_t channels_;
  std::vector<cpu::PackedLayer> whitening_;  // two panels of rows each, without trailing zeros
};

}  // namespace uniad
