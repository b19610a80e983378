// SPDX-License-Identifier: Apache-2.0
#include "model/scoring/image_term.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <numeric>

namespace uniad {
namespace {

constexpr std::size_t fewest_distances = 20;

struct Sample {
  double count = 0;
  double mean = 0;
  double squares = 0;  // sum of squared deviations from the mean

  void add(double value) {  // Welford 1962
    ++count;
    const double before = value - mean;
    mean += before / count;
    squares += before * (value - mean);
  }
  double deviation() const { return count > 1 ? std::sqrt(squares / (count - 1)) : 0; }
};

Sample sample_of(std::span<const double> values) {
  Sample sample;
  for (const double value : values) sample.add(value);
  return sample;
}

// Between 0 and 1.
double share_between(std::span<const double> values, std::span<const int> groups) {
  std::map<int, Sample> by_group;
  for (std::size_t i = 0; i < values.size(); ++i) by_group[groups[i]].add(values[i]);
  const auto number = static_cast<double>(by_group.size());
  const auto count = static_cast<double>(values.size());
  if (number < 2 || count <= number) return 0;
  double within = 0;
  double squared_sizes = 0;
  for (const auto &[group, sample] : by_group) {
    within += sample.squares;
    squared_sizes += sample.count * sample.count;
  }
  const double between = std::max(sample_of(values).squares - within, 0.0) / (number - 1);
  within /= count - number;
  const double size = (count - squared_sizes / count) / (number - 1);
  const double total = between + (size - 1) * within;
  return total > 0 ? std::clamp((between - within) / total, 0.0, 1.0) : 0;
}

double independent_pictures(std::span<const double> distances, const Sample &sample) {
  double products = 0;
  for (std::size_t i = 0; i + 1 < distances.size(); ++i)
    products += (distances[i] - sample.mean) * (distances[i + 1] - sample.mean);
  const double correlation = std::clamp(products / sample.squares, 0.0, 1.0);
  return sample.count * (1 - correlation) / (1 + correlation);
}

}  // namespace

double ImageTerm::slope() const {
  return standard_deviation > 0 ? weight * local_standard_deviation / standard_deviation : 0;
}

std::optional<ImageTerm> image_term_of(std::span<const double> local_scores,
                                       std::span<const double> distances, std::span<const int> groups) {
  if (distances.size() < fewest_distances || distances.size() != local_scores.size() ||
      groups.size() != distances.size())
    return std::nullopt;
  const Sample images = sample_of(distances);
  if (!(images.deviation() > 0)) return std::nullopt;
  const double independent = independent_pictures(distances, images);
  const double weight = image_weight * independent / (independent + image_prior);
  return ImageTerm{images.mean, images.deviation(), sample_of(local_scores).deviation(),
                   weight * (1 - share_between(distances, groups))};
}

double combined_deviation(double deviation_a, double deviation_b, std::int64_t count_a, std::int64_t count_b,
                          double mean_a, double mean_b) {
  const auto n = static_cast<double>(count_a);
  const auto m = static_cast<double>(count_b);
  const double squares = (n - 1) * deviation_a * deviation_a + (m - 1) * deviation_b * deviation_b +
                         (mean_a - mean_b) * (mean_a - mean_b) * n * m / (n + m);
  return std::sqrt(squares / (n + m - 1));
}

std::optional<ImageTerm> combine(const std::optional<ImageTerm> &a, const std::optional<ImageTerm> &b,
                                 std::int64_t count_a, std::int64_t count_b, double mean_a, double mean_b) {
  if (!a || !b) return std::nullopt;
  const auto n = static_cast<double>(count_a);
  const auto m = static_cast<double>(count_b);
  ImageTerm both;
  both.usual = (n * a->usual + m * b->usual) / (n + m);
  both.standard_deviation =
      combined_deviation(a->standard_deviation, b->standard_deviation, count_a, count_b, a->usual, b->usual);
  both.local_standard_deviation = combined_deviation(a->local_standard_deviation, b->local_standard_deviation,
                                                     count_a, count_b, mean_a, mean_b);
  both.weight = (n * a->weight + m * b->weight) / (n + m);
  return both;
}

}  // namespace uniad
