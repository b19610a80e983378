// SPDX-License-Identifier: Apache-2.0
// Sums of normal features, and the Gaussians computed from them.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "model/base/stored_tensor.h"

namespace uniad {

// Sums over the tokens of some pictures, from which their Gaussian is computed. In fp64, so that they can be
// added.
struct TokenSums {
  torch::Tensor positions;  // (tokens, channels): over pictures, of the token at each position
  torch::Tensor products;   // (channels, channels): over pictures and positions, of token x token^T

  bool defined() const { return positions.defined(); }
};

// The sums over the pictures of a cluster. The sums of several clusters, runs or machines can be added to
// those of all their pictures, exactly and without the pictures.
struct ClusterSums {
  std::int64_t pictures = 0;
  torch::Tensor descriptors;  // (channels), fp64: sum of descriptors, which are the mean tokens of pictures
  torch::Tensor descriptor_squares;  // (channels), fp64
  // (channels, channels), fp64: sum of descriptor x descriptor^T. Undefined: zero. Only the sum over all
  // clusters is used (picture_whitening()), so one cluster may hold the sum of several.
  torch::Tensor descriptor_products;
  TokenSums features;
  TokenSums residuals;  // of features - UniAD(features); undefined without UniAD

  ClusterSums &operator+=(const ClusterSums &other);
};

using Statistics = std::vector<ClusterSums>;

// The sum of one or more clusters.
ClusterSums sum_of(std::span<const std::shared_ptr<const ClusterSums>> clusters);

// The sums of one picture, from features (channels, rows, columns) and residuals (the same shape, or
// undefined).
ClusterSums sums_of(const torch::Tensor &features, const torch::Tensor &residuals);

// Mean and standard deviation of every channel over all tokens of all clusters. A constant channel has no
// information, and its inverse deviation is 0.
struct ChannelScale {
  torch::Tensor mean;         // (channels), fp64
  torch::Tensor inverse_std;  // (channels), fp64
};
// The scale for `count` tokens with this sum and sum of squares. Throws Error if the sums are inconsistent (a
// manipulated file).
ChannelScale channel_scale(const torch::Tensor &sum, const torch::Tensor &squares, double count);
ChannelScale scale_of(std::span<const ClusterSums> statistics, TokenSums ClusterSums::*part);

// Converts to fp32, in row-major order.
std::vector<float> to_floats(const torch::Tensor &tensor);

// (clusters, channels), fp64: each cluster's mean descriptor, in standardized channels.
torch::Tensor centers_of(std::span<const ClusterSums> statistics, const ChannelScale &scale);

// Root mean square, over pictures and channels, of the distance of a cluster's descriptors from its center,
// in standardized channels.
double spread_of(const ClusterSums &cluster, const ChannelScale &scale);

// A cluster's normal tokens as one Gaussian: a mean at every position, and a whitening matrix W with
// W covariance W^T = 1 for the deviations from it.
struct Gaussian {
  torch::Tensor mean;          // (tokens, channels), fp64
  torch::Tensor whitening;     // (channels, channels), fp64
  double log_determinant = 0;  // of the covariance of standardized channels
};

// The mean of a position is shrunk toward the cluster's mean over all positions, with weight n / (n + prior)
// for n pictures. The covariance of standardized channels is shrunk to a multiple of the identity by the
// oracle approximating shrinkage (Chen, Wiesel, Eldar and Hero 2010, equation 23), and never below a
// hundredth of a standard deviation. Throws Error if the sums are inconsistent (a manipulated file).
Gaussian gaussian_of(const TokenSums &sums, std::int64_t pictures, const ChannelScale &scale, double prior);

// The Gaussians of all clusters.
std::vector<Gaussian> gaussians_of(std::span<const ClusterSums> statistics, TokenSums ClusterSums::*part,
                                   double prior);

// A whitening matrix for the deviations of the descriptors of pictures, in standardized channels, from the
// center of their cluster. Their covariance is pooled over all clusters, and shrunk as that of tokens.
// Undefined if the sums do not contain the products of all pictures (files of earlier versions). Throws Error
// if the sums are inconsistent (a manipulated file).
torch::Tensor picture_whitening(std::span<const ClusterSums> statistics, const ChannelScale &scale);

// Adds products of descriptors to the first of the clusters; see ClusterSums::descriptor_products.
void add_descriptor_products(std::span<ClusterSums> statistics, const torch::Tensor &products);

// The number of pictures for a reliable covariance of this many channels: twenty tokens per channel.
std::int64_t fewest_pictures(std::int64_t channels, std::int64_t tokens);

// Stores the statistics with the tensor names of model files: statistics.pictures, .descriptors,
// .descriptor_squares, .features.*, .residuals.*, stacked over clusters, and .descriptor_products, summed
// over clusters.
void store_statistics(std::span<const ClusterSums> statistics, std::map<std::string, StoredTensor> &tensors);
Statistics load_statistics(const std::map<std::string, StoredTensor> &tensors, bool residuals);

}  // namespace uniad
