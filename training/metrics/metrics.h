// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace uniad {

// How well scores rank abnormal above normal; each 0..1. Equal scores are one threshold, so no figure depends
// on their order. An AUROC below 0.5 is reported as it is.
struct Ranking {
  double auroc =
      0;  // area under true over false positive rate, trapezoids: P(abnormal > normal) + P(equal) / 2
  double average_precision = 0;  // sum over thresholds of precision x growth of recall (scikit-learn's)
  double f1_max = 0;             // largest harmonic mean of precision and recall over all thresholds
};

// None where one of the two kinds is missing. Throws Error on a score that is not a number.
std::optional<Ranking> rank(std::span<const float> normal, std::span<const float> abnormal);

// The shares of normal and of abnormal scores that are at or above a threshold.
struct Rates {
  double false_positive = 0;
  double true_positive = 0;
};

// The ROC curve from (0, 0) to (1, 1), a point a distinct score. Thinned: points nearer than `spacing` to the
// one before (sum of both axes) are left out, so there are at most 2 / spacing + 2. Empty where one of the
// two kinds is missing. Throws Error on a score that is not a number.
std::vector<Rates> roc_curve(std::span<const float> normal, std::span<const float> abnormal, double spacing);

// What the masks say of anomaly maps, pixel by pixel. Scores nearer than one part in 16,384 count as equal:
// so it holds a megabyte for every doubling between the lowest and the highest, however many pictures come.
class PixelScores {
 public:
  // A map and its mask (non-zero: abnormal), both height x width, row-major; an empty mask: a normal picture.
  // Throws Error on a value that is not a number.
  void add(std::span<const float> map, std::span<const std::uint8_t> mask, int width, int height);
  // All that the other was given.
  void add(const PixelScores &other);

  // Of all pixels together; none where one of the two kinds is missing.
  std::optional<Ranking> ranking() const;

  // Area under the per-region overlap (share of an abnormal region that is found, mean over all regions) over
  // the false positive rate, up to `limit` and divided by it: MVTec-AD's definition (Bergmann et al., IJCV
  // 2021, section 5.3), regions being 8-connected. None where one of the two kinds is missing.
  std::optional<double> aupro(double limit = 0.3) const;

  // Area under the per-image overlap (share of a picture's abnormal pixels that is found, mean over the
  // pictures that have any) over the logarithm of the false positive rate of normal pictures, between the two
  // rates, divided by its largest: AUPIMO (Bertoldo et al. 2024, arXiv 2401.01984; the mean of the pictures'
  // areas is the area under their mean). Between two thresholds the curve is linear in the rate. None without
  // an abnormal pixel, and where normal pictures have fewer than 1 / `lowest` pixels.
  std::optional<double> aupimo(double lowest = 1e-5, double highest = 1e-4) const;

 private:
  // What is known of the pixels of one score.
  struct Bin {
    std::uint64_t normal = 0;
    std::uint64_t normal_in_normal_pictures = 0;
    std::uint64_t abnormal = 0;
    double regions = 0;   // sum of the shares that they are of their regions
    double pictures = 0;  // sum of the shares that they are of their pictures' abnormal pixels
  };
  Bin &bin_of(float score);
  template <typename Visitor>
  void from_the_highest(Visitor visitor) const;
  Bin sum() const;

  // By sign and exponent, ascending; then by the first bits of the mantissa. Empty until a score falls there.
  std::array<std::vector<Bin>, 512> bins_;
};

}  // namespace uniad
