// SPDX-License-Identifier: Apache-2.0
#pragma once

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

// What the masks say of the anomaly maps of one source, pixel by pixel. Holds 4 bytes a normal and 8 an
// abnormal pixel.
class PixelScores {
 public:
  // A map and its mask (non-zero: abnormal), both height x width, row-major; an empty mask: all normal.
  // Throws Error on a value that is not a number.
  void add(std::span<const float> map, std::span<const std::uint8_t> mask, int width, int height);

  // Of all pixels together; none where one of the two kinds is missing.
  std::optional<Ranking> ranking();

  // Area under the per-region overlap (share of an abnormal region that is found, mean over all regions) over
  // the false positive rate, up to `limit` and divided by it: MVTec-AD's definition (Bergmann et al., IJCV
  // 2021, section 5.3), regions being 8-connected. None where one of the two kinds is missing.
  std::optional<double> aupro(double limit = 0.3);

 private:
  struct RegionPixel {
    float score;
    float share;  // of its region: 1 / pixels in it
  };
  void sort();

  std::vector<float> normal_;
  std::vector<RegionPixel> abnormal_;
  std::size_t regions_ = 0;
  bool sorted_ = true;
};

}  // namespace uniad
