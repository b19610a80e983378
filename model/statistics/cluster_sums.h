// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "model/file/model_file.h"

namespace uniad {

// Sums over the tokens of some pictures: all that their Gaussian follows from. In fp64, so that they add up.
struct TokenSums {
  torch::Tensor positions;  // (tokens, channels): over pictures, of the token at each position
  torch::Tensor products;   // (channels, channels): over pictures and positions, of token x token^T

  bool defined() const { return positions.defined(); }
};

// What the pictures of a cluster add up to. The sums of two clusters, runs or machines added are those of all
// their pictures: nothing is approximated, and no picture is needed again.
struct ClusterSums {
  std::int64_t pictures = 0;
  torch::Tensor descriptors;         // (channels), fp64: of each picture's mean token, its descriptor
  torch::Tensor descriptor_squares;  // (channels), fp64
  TokenSums features;
  TokenSums residuals;  // of features - UniAD(features); undefined without a network in front

  ClusterSums &operator+=(const ClusterSums &other);
};

using Statistics = std::vector<ClusterSums>;

// Of one or more.
ClusterSums sum_of(std::span<const std::shared_ptr<const ClusterSums>> clusters);

// Of one picture's features (channels, rows, columns) and residuals (the same shape, or undefined).
ClusterSums sums_of(const torch::Tensor &features, const torch::Tensor &residuals);

// Mean and standard deviation of every channel over all tokens of all clusters. A channel that never changes
// says nothing: its inverse deviation is 0.
struct ChannelScale {
  torch::Tensor mean;         // (channels), fp64
  torch::Tensor inverse_std;  // (channels), fp64
};
// Of `count` tokens with this sum and these sums of squares. Throws Error where no numbers have such sums (a
// falsified file).
ChannelScale channel_scale(const torch::Tensor &sum, const torch::Tensor &squares, double count);
ChannelScale scale_of(std::span<const ClusterSums> statistics, TokenSums ClusterSums::*part);

// In fp32 and in order.
std::vector<float> to_floats(const torch::Tensor &tensor);

// (clusters, channels), fp64: each cluster's mean descriptor, in standardised channels.
torch::Tensor centres_of(std::span<const ClusterSums> statistics, const ChannelScale &scale);

// Root mean square, over pictures and channels, of the distance of a cluster's descriptors from its centre,
// in standardised channels.
double spread_of(const ClusterSums &cluster, const ChannelScale &scale);

// A cluster's normal tokens as one Gaussian: a mean at every position, and a whitening matrix W with
// W covariance W^T = 1 for the deviations from it.
struct Gaussian {
  torch::Tensor mean;          // (tokens, channels), fp64
  torch::Tensor whitening;     // (channels, channels), fp64
  double log_determinant = 0;  // of the covariance of standardised channels
};

// The mean of a position is drawn to the cluster's mean over all positions by n / (n + prior) for n pictures.
// The covariance of standardised channels is shrunk to a multiple of the identity by the oracle approximating
// shrinkage (Chen, Wiesel, Eldar and Hero 2010, equation 23), and never below a hundredth of a standard
// deviation. Throws Error when the sums are no sums of anything (a falsified file).
Gaussian gaussian_of(const TokenSums &sums, std::int64_t pictures, const ChannelScale &scale, double prior);

// Of every cluster.
std::vector<Gaussian> gaussians_of(std::span<const ClusterSums> statistics, TokenSums ClusterSums::*part,
                                   double prior);

// With fewer pictures a covariance of so many channels is guesswork: twenty tokens a channel.
std::int64_t fewest_pictures(std::int64_t channels, std::int64_t tokens);

// By the names of the model file: statistics.pictures, .descriptors, .descriptor_squares, .features.*,
// .residuals.*, stacked over clusters.
void store_statistics(std::span<const ClusterSums> statistics, std::map<std::string, StoredTensor> &tensors);
// What of the model tells of statistics, brought in line with these.
void set_statistics(Model &model, std::span<const ClusterSums> statistics);
Statistics load_statistics(const std::map<std::string, StoredTensor> &tensors, bool residuals);

}  // namespace uniad
