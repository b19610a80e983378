// SPDX-License-Identifier: Apache-2.0
// AUROC, AUPRO, average precision, F1.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace uniad {

// How well scores rank abnormal above normal; each metric is 0..1. Equal scores share one threshold, so no
// metric depends on their order. An AUROC below 0.5 is reported unchanged.
struct Ranking {
  double auroc = 0;              // area under the ROC curve: P(abnormal > normal) + P(equal) / 2
  double average_precision = 0;  // sum over thresholds of precision x growth of recall (scikit-learn's)
  double f1_max = 0;             // largest harmonic mean of precision and recall over all thresholds
};

// Absent if there are no normal or no abnormal scores. Throws Error if a score is not a number.
std::optional<Ranking> rank(std::span<const float> normal, std::span<const float> abnormal);

// The fractions of normal and of abnormal scores at or above a threshold.
struct Rates {
  double false_positive = 0;
  double true_positive = 0;
};

// The ROC curve from (0, 0) to (1, 1), with one point per distinct score. Points closer than `spacing` to the
// previous one (sum over both axes) are left out, so there are at most 2 / spacing + 2 points. Empty if there
// are no normal or no abnormal scores. Throws Error if a score is not a number.
std::vector<Rates> roc_curve(std::span<const float> normal, std::span<const float> abnormal, double spacing);

// Pixel metrics of anomaly maps. Scores that differ by less than one part in 16,384 count as equal, so memory
// is a megabyte for each doubling between the lowest and the highest score, however many pictures there are.
class PixelScores {
 public:
  // A map and its mask (non-zero: abnormal), both height x width, row-major; an empty mask: a normal picture.
  // judged: of the same shape, 0 for pixels that do not count; empty: all count. Throws Error if a value is
  // not a number.
  void add(std::span<const float> map, std::span<const std::uint8_t> mask, int width, int height,
           std::span<const std::uint8_t> judged = {});
  // Adds everything that was added to `other`.
  void add(const PixelScores &other);

  // Of all pixels together; absent if there are no normal or no abnormal pixels.
  std::optional<Ranking> ranking() const;

  // Area under the per-region overlap (share of an abnormal region that is found, mean over all regions) over
  // the false positive rate, up to `limit` and divided by it: MVTec-AD's definition (Bergmann et al., IJCV
  // 2021, section 5.3), with 8-connected regions. Absent if there are no normal or no abnormal pixels.
  std::optional<double> aupro(double limit = 0.3) const;

  // Area under the per-image overlap (share of a picture's abnormal pixels that is found, mean over the
  // pictures that have any) over the logarithm of the false positive rate of normal pictures, between the two
  // rates, divided by the largest possible area: AUPIMO (Bertoldo et al. 2024, arXiv 2401.01984; the mean of
  // the pictures' areas is the area under their mean). Between two thresholds the curve is linear in the
  // rate. Absent if there is no abnormal pixel, or if normal pictures have fewer than 1 / `lowest` pixels.
  std::optional<double> aupimo(double lowest = 1e-5, double highest = 1e-4) const;

 private:
  // The pixels with one score.
  struct Bin {
    std::uint64_t normal = 0;
    std::uint64_t normal_in_normal_pictures = 0;
    std::uint64_t abnormal = 0;
    double regions = 0;   // sum of their fractions of their regions
    double pictures = 0;  // sum of their fractions of their pictures' abnormal pixels
  };
  Bin &bin_of(float score);
  template <typename Visitor>
  void from_the_highest(Visitor visitor) const;
  Bin sum() const;

  // Indexed by sign and exponent, in ascending order, then by the leading bits of the mantissa. A vector is
  // empty until there is a score with its sign and exponent.
  std::array<std::vector<Bin>, 512> bins_;
};

}  // namespace uniad
