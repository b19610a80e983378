// SPDX-License-Identifier: Apache-2.0
#include "model/statistics/cluster_sums.h"

#include <algorithm>
#include <cmath>

#include "model/base/error.h"
#include "model/base/torch_tensors.h"

namespace uniad {
namespace {

constexpr double noise_floor =
    1e-4;  // variance of a standardized channel: the square of a hundredth of its standard deviation
constexpr double picture_noise_floor = 1e-6;  // of a mean over a hundred tokens and more

Error no_sums() {
  return {ErrorKind::Malformed, "statistics", "the sums are inconsistent", "learn the model again"};
}

TokenSums token_sums(const torch::Tensor &picture) {
  const torch::Tensor transposed = picture.flatten(1).t();
  const torch::Tensor tokens = torch::empty(transposed.sizes(), torch::kFloat64).copy_(transposed);
  return {tokens, tokens.t().mm(tokens)};
}

// Undefined tensors are zero.
torch::Tensor sum_of_both(const torch::Tensor &a, const torch::Tensor &b) {
  if (!a.defined() || !b.defined()) return a.defined() ? a : b;
  return a + b;
}

void add(TokenSums &to, const TokenSums &other) {
  if (!other.defined()) return;
  if (!to.defined()) {
    to = {other.positions.clone(), other.products.clone()};
    return;
  }
  to.positions = to.positions + other.positions;
  to.products = to.products + other.products;
}

// Equation 23 of Chen et al.: the weight of the identity, for a covariance of `count` samples.
double oracle_approximating_shrinkage(const torch::Tensor &covariance, double count) {
  const auto size = static_cast<double>(covariance.size(0));
  const double trace = covariance.trace().item<double>();
  const double squares = covariance.square().sum().item<double>();
  const double numerator = (1 - 2 / size) * squares + trace * trace;
  const double denominator = (count + 1 - 2 / size) * (squares - trace * trace / size);
  return denominator > 0 ? std::min(1.0, numerator / denominator) : 1.0;
}

struct Whitening {
  torch::Tensor matrix;
  double log_determinant = 0;  // of the shrunk covariance
};

// Of a covariance of `count` samples, which is shrunk first.
Whitening shrunk_whitening(const torch::Tensor &covariance, double count, double floor) {
  const double shrinkage = oracle_approximating_shrinkage(covariance, count);
  const double target =
      shrinkage * covariance.trace().item<double>() / static_cast<double>(covariance.size(0));
  const torch::Tensor identity = torch::eye(covariance.size(0), torch::kFloat64);
  const torch::Tensor shrunk = (1 - shrinkage) * covariance + (std::max(target, 0.0) + floor) * identity;
  const auto [factor, failed] = at::linalg_cholesky_ex(shrunk);
  if (failed.item<int>() != 0 || !std::isfinite(factor.sum().item<double>())) throw no_sums();
  return {at::linalg_solve_triangular(factor, identity, /*upper=*/false),
          2 * factor.diag().log().sum().item<double>()};
}

}  // namespace

ClusterSums &ClusterSums::operator+=(const ClusterSums &other) {
  pictures += other.pictures;
  descriptors = descriptors.defined() ? descriptors + other.descriptors : other.descriptors;
  descriptor_squares =
      descriptor_squares.defined() ? descriptor_squares + other.descriptor_squares : other.descriptor_squares;
  descriptor_products = sum_of_both(descriptor_products, other.descriptor_products);
  add(features, other.features);
  add(residuals, other.residuals);
  return *this;
}

ClusterSums sum_of(std::span<const std::shared_ptr<const ClusterSums>> clusters) {
  // Allocates memory for the result once, and adds up to a hundred sums of a megabyte each in place.
  const auto total = [&](auto part) {
    torch::Tensor sum = part(*clusters.front());
    if (!sum.defined()) return sum;
    if (clusters.size() == 1) return sum.clone();
    sum = sum + part(*clusters[1]);
    for (const auto &cluster : clusters.subspan(2)) sum += part(*cluster);
    return sum;
  };
  ClusterSums all;
  for (const auto &cluster : clusters) {
    all.pictures += cluster->pictures;
    all.descriptor_products = sum_of_both(all.descriptor_products, cluster->descriptor_products);
  }
  all.descriptors = total([](const ClusterSums &sums) { return sums.descriptors; });
  all.descriptor_squares = total([](const ClusterSums &sums) { return sums.descriptor_squares; });
  all.features = {total([](const ClusterSums &sums) { return sums.features.positions; }),
                  total([](const ClusterSums &sums) { return sums.features.products; })};
  all.residuals = {total([](const ClusterSums &sums) { return sums.residuals.positions; }),
                   total([](const ClusterSums &sums) { return sums.residuals.products; })};
  return all;
}

ClusterSums sums_of(const torch::Tensor &features, const torch::Tensor &residuals) {
  ClusterSums sums;
  sums.pictures = 1;
  sums.features = token_sums(features);
  if (residuals.defined()) sums.residuals = token_sums(residuals);
  sums.descriptors = sums.features.positions.mean(0);
  sums.descriptor_squares = sums.descriptors.square();
  return sums;
}

ChannelScale channel_scale(const torch::Tensor &sum, const torch::Tensor &squares, double count) {
  const torch::Tensor mean = sum / count;
  const torch::Tensor power = squares / count;
  const torch::Tensor variance = power - mean.square();
  if (!(variance >= -1e-6 * power).all().item<bool>()) throw no_sums();
  // The rounding error of a difference of equal numbers in fp64 is not a variance.
  const torch::Tensor varies = variance > 1e-12 * power;
  return {mean, torch::where(varies, variance.clamp_min(1e-300).rsqrt(), torch::zeros_like(variance))};
}

ChannelScale scale_of(std::span<const ClusterSums> statistics, TokenSums ClusterSums::*part) {
  const auto channels = statistics.front().features.positions.size(1);
  torch::Tensor sum = torch::zeros({channels}, torch::kFloat64);
  torch::Tensor squares = torch::zeros({channels}, torch::kFloat64);
  double count = 0;
  for (const ClusterSums &cluster : statistics) {
    const TokenSums &sums = cluster.*part;
    sum += sums.positions.sum(0);
    squares += sums.products.diag();
    count += static_cast<double>(cluster.pictures * sums.positions.size(0));
  }
  return channel_scale(sum, squares, count);
}

std::vector<float> to_floats(const torch::Tensor &tensor) {
  std::vector<float> floats(static_cast<std::size_t>(tensor.numel()));
  torch::from_blob(floats.data(), tensor.sizes(), torch::kFloat32).copy_(tensor);
  return floats;
}

torch::Tensor centers_of(std::span<const ClusterSums> statistics, const ChannelScale &scale) {
  std::vector<torch::Tensor> centers;
  for (const ClusterSums &cluster : statistics) {
    centers.push_back((cluster.descriptors / cluster.pictures - scale.mean) * scale.inverse_std);
  }
  return torch::stack(centers);
}

double spread_of(const ClusterSums &cluster, const ChannelScale &scale) {
  const auto pictures = static_cast<double>(cluster.pictures);
  const torch::Tensor variance =
      cluster.descriptor_squares / pictures - (cluster.descriptors / pictures).square();
  return std::sqrt(std::max((variance * scale.inverse_std.square()).mean().item<double>(), 0.0));
}

Gaussian gaussian_of(const TokenSums &sums, std::int64_t pictures, const ChannelScale &scale, double prior) {
  const auto count = static_cast<double>(pictures);
  const auto tokens = static_cast<double>(sums.positions.size(0));
  const double weight = count / (count + prior);
  const torch::Tensor at_position = sums.positions / count;
  const torch::Tensor everywhere = at_position.mean(0);
  const torch::Tensor mean = weight * at_position + (1 - weight) * everywhere;

  // The sum of (t - mean)(t - mean)^T, expanded.
  const torch::Tensor scatter =
      sums.products - count * (2 * weight - weight * weight) * at_position.t().mm(at_position) -
      count * tokens * (1 - weight) * (1 - weight) * torch::outer(everywhere, everywhere);
  const torch::Tensor covariance =
      scatter * torch::outer(scale.inverse_std, scale.inverse_std) / (count * tokens);

  const Whitening whitening = shrunk_whitening(covariance, count * tokens, noise_floor);
  return {mean, whitening.matrix * scale.inverse_std, whitening.log_determinant};
}

std::vector<Gaussian> gaussians_of(std::span<const ClusterSums> statistics, TokenSums ClusterSums::*part,
                                   double prior) {
  const ChannelScale scale = scale_of(statistics, part);
  std::vector<Gaussian> gaussians;
  for (const ClusterSums &cluster : statistics)
    gaussians.push_back(gaussian_of(cluster.*part, cluster.pictures, scale, prior));
  return gaussians;
}

torch::Tensor picture_whitening(std::span<const ClusterSums> statistics, const ChannelScale &scale) {
  torch::Tensor products;
  torch::Tensor squares = torch::zeros_like(scale.mean);
  for (const ClusterSums &cluster : statistics) {
    products = sum_of_both(products, cluster.descriptor_products);
    squares += cluster.descriptor_squares;
  }
  constexpr double rounding = 1e-6;
  if (!products.defined() || !at::allclose(products.diag(), squares, rounding, 0)) return {};
  torch::Tensor scatter = products.clone();
  double pictures = 0;
  for (const ClusterSums &cluster : statistics) {
    scatter -= torch::outer(cluster.descriptors, cluster.descriptors) / cluster.pictures;
    pictures += static_cast<double>(cluster.pictures);
  }
  const torch::Tensor covariance = scatter * torch::outer(scale.inverse_std, scale.inverse_std) / pictures;
  return shrunk_whitening(covariance, pictures, picture_noise_floor).matrix;
}

void add_descriptor_products(std::span<ClusterSums> statistics, const torch::Tensor &products) {
  torch::Tensor &first = statistics.front().descriptor_products;
  first = sum_of_both(first, products);
}

std::int64_t fewest_pictures(std::int64_t channels, std::int64_t tokens) {
  return (20 * channels + tokens - 1) / tokens;
}

void store_statistics(std::span<const ClusterSums> statistics, std::map<std::string, StoredTensor> &tensors) {
  const auto store = [&](const std::string &name, auto part) {
    std::vector<torch::Tensor> parts;
    for (const ClusterSums &cluster : statistics) parts.push_back(part(cluster));
    tensors["statistics." + name] = to_stored(torch::stack(parts));
  };
  store("pictures",
        [](const ClusterSums &c) { return torch::tensor(static_cast<double>(c.pictures), torch::kFloat64); });
  store("descriptors", [](const ClusterSums &c) { return c.descriptors; });
  store("descriptor_squares", [](const ClusterSums &c) { return c.descriptor_squares; });
  torch::Tensor products;
  for (const ClusterSums &cluster : statistics) products = sum_of_both(products, cluster.descriptor_products);
  if (products.defined())
    tensors["statistics.descriptor_products"] = to_stored(products);
  else
    tensors.erase("statistics.descriptor_products");
  store("features.positions", [](const ClusterSums &c) { return c.features.positions; });
  store("features.products", [](const ClusterSums &c) { return c.features.products; });
  if (!statistics.front().residuals.defined()) return;
  store("residuals.positions", [](const ClusterSums &c) { return c.residuals.positions; });
  store("residuals.products", [](const ClusterSums &c) { return c.residuals.products; });
}

Statistics load_statistics(const std::map<std::string, StoredTensor> &tensors, bool with_residuals) {
  const auto load = [&](const std::string &name) {
    const auto found = tensors.find("statistics." + name);
    return found == tensors.end() ? torch::Tensor() : to_torch(found->second).to(torch::kFloat64);
  };
  const torch::Tensor pictures = load("pictures");
  if (!pictures.defined()) return {};
  const torch::Tensor descriptors = load("descriptors");
  const torch::Tensor squares = load("descriptor_squares");
  const TokenSums features{load("features.positions"), load("features.products")};
  TokenSums residuals;
  if (with_residuals) residuals = {load("residuals.positions"), load("residuals.products")};
  Statistics statistics;
  for (std::int64_t i = 0; i < pictures.size(0); ++i) {
    ClusterSums cluster;
    cluster.pictures = static_cast<std::int64_t>(pictures[i].item<double>());
    cluster.descriptors = descriptors[i];
    cluster.descriptor_squares = squares[i];
    cluster.features = {features.positions[i], features.products[i]};
    if (residuals.defined()) cluster.residuals = {residuals.positions[i], residuals.products[i]};
    statistics.push_back(std::move(cluster));
  }
  if (!statistics.empty()) statistics.front().descriptor_products = load("descriptor_products");
  return statistics;
}

}  // namespace uniad
