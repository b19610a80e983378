// SPDX-License-Identifier: Apache-2.0
// The part of a score that tells how unusual a picture is as a whole.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace uniad {

// What turns the distance of a picture as a whole (Scene::image) into a part of its score:
//
//   score = local score + slope (distance - usual distance)
//   slope = weight x standard deviation of local scores / standard deviation of distances
//
// Both standard deviations are those of normal pictures that were held out. So the mean of normal scores
// stays that of local scores, and a picture whose distance is k standard deviations above the usual one
// scores as much as another whose local score is weight x k standard deviations higher.
struct ImageTerm {
  double usual = 0;                     // mean distance
  double standard_deviation = 0;        // of distances
  double local_standard_deviation = 0;  // of local scores
  double weight = 0;                    // 0 to 1

  double slope() const;
  // What is added to the local score of a picture with this distance.
  double part(double distance) const { return slope() * (distance - usual); }
};

// The weight where nothing speaks against it, and the number of independent pictures at which it is half of
// this.
inline constexpr double image_weight = 0.75;
inline constexpr double image_prior = 50;

// From the local scores and distances of held-out normal pictures, in the order in which they were taken.
// groups: equal for pictures that were held out together. The weight is image_weight, reduced
// - by n / (n + image_prior) for n independent pictures. Neighboring frames of a video resemble each other,
// so
//   that n is the effective sample size of a first-order autoregressive process: count (1 - r) / (1 + r) with
//   the correlation r of neighbors (Bayley and Hammersley 1946);
// - by the share of the variance of distances that lies between groups, the intraclass correlation of a
// one-way
//   analysis of variance (Shrout and Fleiss 1979, ICC(1)): where the picture as a whole changes with time, as
//   with daylight, a distance says little.
// Absent if there are fewer than 20 pictures, or their distances do not differ.
std::optional<ImageTerm> image_term_of(std::span<const double> local_scores,
                                       std::span<const double> distances, std::span<const int> groups);

// The term of two samples of this many pictures together; local_means: of their scores. Absent if one of them
// has none.
std::optional<ImageTerm> combine(const std::optional<ImageTerm> &a, const std::optional<ImageTerm> &b,
                                 std::int64_t count_a, std::int64_t count_b, double mean_a, double mean_b);

// Chan, Golub and LeVeque 1979: the standard deviation of two samples together.
double combined_deviation(double deviation_a, double deviation_b, std::int64_t count_a, std::int64_t count_b,
                          double mean_a, double mean_b);

}  // namespace uniad
