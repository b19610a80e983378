// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>
#include <vector>

#include "model/area.h"
#include "model/file/model_file.h"

namespace uniad {

// A row-major map of floats. Value (x, y) tells of the place left + x / (width - 1), top + y / (height - 1),
// in 0..1 of the frame.
struct Grid {
  int width = 0;
  int height = 0;
  std::vector<float> values;  // height x width
  double left = 0, top = 0;   // not 0 where a backbone's cells lie beside the pixels that they tell of

  float at(int x, int y) const {
    return values[static_cast<std::size_t>(y) * static_cast<std::size_t>(width) +
                  static_cast<std::size_t>(x)];
  }
};

// The area that the grid's cells share evenly, each with its value's place in its middle.
Area area_of(const Grid &grid);

// The anomaly map of the frame at any size: bilinear, align_corners where the grid begins at 0 (facts 1);
// beyond the grid's outermost values these go on.
Grid upsample(const Grid &grid, int width, int height);

// 16x16 average pooling, stride 1, of the 16-fold upsampled map, where it begins at 0, without building it: A
// * grid * A^T with one fixed (16 g - 15) x g matrix a side (both steps are linear).
Grid pooled_map(const Grid &grid);

// The image score (facts 9): max of the pooled map, or mean or population standard deviation of the upsampled
// map.
float image_score(const Grid &grid, ScoreKind kind);

// One output of a resize or a pooling along an axis: neighbouring inputs with their weights.
struct Band {
  int first = 0;
  int count = 0;
  std::array<double, 4> weights{};
};

// Bilinear interpolation of `from` samples to `to`, corners aligned, or with the first and the last sample at
// `begin` and `begin` + 1 of the output's length: one or two weights each.
std::vector<Band> interpolation(int from, int to, double begin = 0);

// The rows of pooled_map()'s matrix for a side of `from` cells: interpolation to 16 times the size, then the
// mean of every 16 neighbours.
std::vector<Band> pooling(int from);

// image_score() of many grids of one size, without taking memory for each. A grid with a value that is no
// number has a score that is none.
class Scorer {
 public:
  Scorer(int width, int height, ScoreKind kind);
  float score(const Grid &grid);

 private:
  ScoreKind kind_;
  std::vector<Band> vertical_, horizontal_;
  std::vector<float> rows_;
  Grid map_;
};

// A peak of the pooled map and the connected places (8 neighbours) around it that reach the threshold and
// 0.65 of the peak, as the part of the frame that they tell of: within 0..1 of its width and height. A peak
// beside a higher one is a region of its own where the map falls off between them.
struct Region {
  float x = 0, y = 0, width = 0, height = 0;
  float score = 0;  // the peak
};

// Strongest first; never empty where the maximum of the pooled map is at or above the threshold.
std::vector<Region> regions(const Grid &grid, float threshold);

// 0..1, monotone in the score, 0.5 at the threshold, whatever rule that was drawn by. The odds p / (1 - p)
// are how many times more rarely normal frames reach the score than the threshold, their scores' tail taken
// as exponential: p = 1 / (1 + exp(-(score - threshold) / s)). So p is the share of true alarms among frames
// that reach the score, if as many abnormal frames do as normal frames reach the threshold. s: the mean
// excess of normal peaks (tail.h); without a tail the standard deviation of normal scores, which is an
// exponential distribution's scale; without that a tenth of the threshold. At least a 400th of the threshold.
double probability(double score, double threshold, const ScoreStatistics *normal);

}  // namespace uniad
