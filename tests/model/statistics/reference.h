// SPDX-License-Identifier: Apache-2.0
// Computes statistics by definition.
#pragma once

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/statistics/cluster_sums.h"

// Pictures to learn from, and their statistics by definition: token by token, in fp64.
namespace uniad::test {

using Row = std::vector<double>;
using Table = std::vector<Row>;

// Returns (count, 6, 3, 4), fp32: pictures of a scene with a different mean at every position and noise that
// is correlated between channels. scene, seed: the random seeds of the scene and of the noise.
inline torch::Tensor draw_pictures(std::uint64_t scene, std::uint64_t seed, std::int64_t count) {
  constexpr std::int64_t channels = 6;
  torch::manual_seed(scene);
  const torch::Tensor mean = torch::randn({12, channels}) * 2;
  const torch::Tensor mix = torch::eye(channels) + torch::randn({channels, channels}) * 0.3;
  torch::manual_seed(seed);
  const torch::Tensor tokens = torch::randn({count, 12, channels}).matmul(mix) + mean;
  return tokens.transpose(1, 2).reshape({count, channels, 3, 4});
}

// The sums of pictures (count, channels, rows, columns), which are added one at a time.
inline ClusterSums sum_up(const torch::Tensor &pictures, const torch::Tensor &residuals = {}) {
  ClusterSums sums;
  for (std::int64_t i = 0; i < pictures.size(0); ++i)
    sums += sums_of(pictures[i], residuals.defined() ? residuals[i] : torch::Tensor());
  return sums;
}

inline ClusterSums total_of(const Statistics &statistics) {
  ClusterSums total;
  for (const ClusterSums &cluster : statistics) total += cluster;
  return total;
}

// --- definitions

inline torch::Tensor to_tensor(const Row &row) {
  return torch::tensor(row, torch::kFloat64);
}

inline torch::Tensor to_tensor(const Table &table) {
  std::vector<torch::Tensor> rows;
  for (const Row &row : table) rows.push_back(to_tensor(row));
  return torch::stack(rows);
}

// One picture's tokens: [position][channel].
inline Table tokens_of(const torch::Tensor &picture) {
  const torch::Tensor plain = picture.to(torch::kFloat64).contiguous();
  const auto values = plain.accessor<double, 3>();
  Table tokens;
  for (std::int64_t y = 0; y < plain.size(1); ++y) {
    for (std::int64_t x = 0; x < plain.size(2); ++x) {
      Row token;
      for (std::int64_t c = 0; c < plain.size(0); ++c) token.push_back(values[c][y][x]);
      tokens.push_back(token);
    }
  }
  return tokens;
}

inline Row descriptor_of(const torch::Tensor &picture) {
  const Table tokens = tokens_of(picture);
  Row descriptor(tokens.front().size());
  for (const Row &token : tokens) {
    for (std::size_t c = 0; c < token.size(); ++c)
      descriptor[c] += token[c] / static_cast<double>(tokens.size());
  }
  return descriptor;
}

struct Totals {
  Row descriptors;
  Row descriptor_squares;
  Table positions;
  Table products;
};

inline Totals totals_of(const torch::Tensor &pictures) {
  const auto channels = static_cast<std::size_t>(pictures.size(1));
  const auto positions = static_cast<std::size_t>(pictures.size(2) * pictures.size(3));
  Totals totals;
  totals.descriptors.resize(channels);
  totals.descriptor_squares.resize(channels);
  totals.positions.resize(positions, Row(channels));
  totals.products.resize(channels, Row(channels));
  for (std::int64_t i = 0; i < pictures.size(0); ++i) {
    const Row descriptor = descriptor_of(pictures[i]);
    const Table tokens = tokens_of(pictures[i]);
    for (std::size_t c = 0; c < channels; ++c) {
      totals.descriptors[c] += descriptor[c];
      totals.descriptor_squares[c] += descriptor[c] * descriptor[c];
      for (std::size_t t = 0; t < positions; ++t) {
        totals.positions[t][c] += tokens[t][c];
        for (std::size_t d = 0; d < channels; ++d) totals.products[c][d] += tokens[t][c] * tokens[t][d];
      }
    }
  }
  return totals;
}

// Mean and standard deviation of every channel over all tokens.
struct Channels {
  Row mean;
  Row deviation;
};

inline Channels channels_of(const torch::Tensor &pictures) {
  const auto count = static_cast<std::size_t>(pictures.size(1));
  const auto tokens = static_cast<double>(pictures.size(0) * pictures.size(2) * pictures.size(3));
  Channels channels{Row(count), Row(count)};
  for (std::int64_t i = 0; i < pictures.size(0); ++i) {
    for (const Row &token : tokens_of(pictures[i]))
      for (std::size_t c = 0; c < count; ++c) channels.mean[c] += token[c] / tokens;
  }
  for (std::int64_t i = 0; i < pictures.size(0); ++i) {
    for (const Row &token : tokens_of(pictures[i]))
      for (std::size_t c = 0; c < count; ++c)
        channels.deviation[c] += (token[c] - channels.mean[c]) * (token[c] - channels.mean[c]) / tokens;
  }
  for (double &deviation : channels.deviation) deviation = std::sqrt(deviation);
  return channels;
}

// A Gaussian exactly as in its definition.
struct Definition {
  torch::Tensor mean;          // (positions, channels)
  torch::Tensor covariance;    // (channels, channels), shrunk
  double log_determinant = 0;  // of the shrunk covariance of standardized channels
};

// deviation: the standard deviations that standardize the channels.
inline Definition define_gaussian(const torch::Tensor &pictures, const Row &deviation, double prior) {
  const auto count = static_cast<double>(pictures.size(0));
  const std::size_t size = deviation.size();
  Table mean = totals_of(pictures).positions;
  const auto positions = static_cast<double>(mean.size());
  Row overall(size);
  for (Row &token : mean) {
    for (std::size_t c = 0; c < size; ++c) {
      token[c] /= count;
      overall[c] += token[c] / positions;
    }
  }
  for (Row &token : mean) {
    for (std::size_t c = 0; c < size; ++c)
      token[c] = (count * token[c] + prior * overall[c]) / (count + prior);
  }

  Table covariance(size, Row(size));
  const double samples = count * positions;
  for (std::int64_t i = 0; i < pictures.size(0); ++i) {
    const Table tokens = tokens_of(pictures[i]);
    for (std::size_t t = 0; t < tokens.size(); ++t) {
      Row standardized(size);
      for (std::size_t c = 0; c < size; ++c) standardized[c] = (tokens[t][c] - mean[t][c]) / deviation[c];
      for (std::size_t c = 0; c < size; ++c) {
        for (std::size_t d = 0; d < size; ++d)
          covariance[c][d] += standardized[c] * standardized[d] / samples;
      }
    }
  }

  // Equation 23 of Chen, Wiesel, Eldar and Hero 2010.
  const auto p = static_cast<double>(size);
  double trace = 0;
  double trace_of_square = 0;
  for (std::size_t c = 0; c < size; ++c) {
    trace += covariance[c][c];
    for (std::size_t d = 0; d < size; ++d) trace_of_square += covariance[c][d] * covariance[d][c];
  }
  const double numerator = (1 - 2 / p) * trace_of_square + trace * trace;
  const double denominator = (samples + 1 - 2 / p) * (trace_of_square - trace * trace / p);
  const double rho = std::min(numerator / denominator, 1.0);
  for (std::size_t c = 0; c < size; ++c) {
    for (std::size_t d = 0; d < size; ++d)
      covariance[c][d] = (1 - rho) * covariance[c][d] + (c == d ? rho * trace / p + 1e-4 : 0.0);
  }

  Definition definition;
  definition.mean = to_tensor(mean);
  definition.log_determinant = torch::logdet(to_tensor(covariance)).item<double>();
  for (std::size_t c = 0; c < size; ++c) {
    for (std::size_t d = 0; d < size; ++d) covariance[c][d] *= deviation[c] * deviation[d];
  }
  definition.covariance = to_tensor(covariance);
  return definition;
}

// d covariance^-1 d^T of each row d, which is the squared Mahalanobis length.
inline torch::Tensor squared_lengths(const torch::Tensor &deviations, const torch::Tensor &covariance) {
  return (deviations.mm(covariance.inverse()) * deviations).sum(1);
}

inline torch::Tensor squared_distances(const torch::Tensor &picture, const Definition &gaussian) {
  return squared_lengths(to_tensor(tokens_of(picture)) - gaussian.mean, gaussian.covariance);
}

// --- comparisons

// The largest difference, relative to the largest expected number.
inline double relative_error(const torch::Tensor &actual, const torch::Tensor &expected) {
  EXPECT_EQ(actual.sizes().vec(), expected.sizes().vec());
  return ((actual - expected).abs().max() / expected.abs().max()).item<double>();
}

inline void expect_token_sums(const TokenSums &sums, const torch::Tensor &pictures,
                              double tolerance = 1e-12) {
  const Totals totals = totals_of(pictures);
  EXPECT_LT(relative_error(sums.positions, to_tensor(totals.positions)), tolerance);
  EXPECT_LT(relative_error(sums.products, to_tensor(totals.products)), tolerance);
}

// Expects the sums of exactly these pictures.
inline void expect_sums(const ClusterSums &sums, const torch::Tensor &pictures, double tolerance = 1e-12) {
  const Totals totals = totals_of(pictures);
  EXPECT_EQ(sums.pictures, pictures.size(0));
  EXPECT_LT(relative_error(sums.descriptors, to_tensor(totals.descriptors)), tolerance);
  EXPECT_LT(relative_error(sums.descriptor_squares, to_tensor(totals.descriptor_squares)), tolerance);
  expect_token_sums(sums.features, pictures, tolerance);
}

// Expects equality bit by bit.
inline void expect_same(const ClusterSums &a, const ClusterSums &b) {
  EXPECT_EQ(a.pictures, b.pictures);
  EXPECT_TRUE(torch::equal(a.descriptors, b.descriptors));
  EXPECT_TRUE(torch::equal(a.descriptor_squares, b.descriptor_squares));
  EXPECT_TRUE(torch::equal(a.features.positions, b.features.positions));
  EXPECT_TRUE(torch::equal(a.features.products, b.features.products));
  ASSERT_EQ(a.residuals.defined(), b.residuals.defined());
  if (!a.residuals.defined()) return;
  EXPECT_TRUE(torch::equal(a.residuals.positions, b.residuals.positions));
  EXPECT_TRUE(torch::equal(a.residuals.products, b.residuals.products));
}

}  // namespace uniad::test
