// SPDX-License-Identifier: Apache-2.0
// Computes score, regions and probability from an anomaly grid.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "model/base/area.h"
#include "model/config/model_config.h"
#include "model/scoring/calibration.h"
#include "model/scoring/zones.h"

namespace uniad {

// A row-major map of floats. Value (x, y) belongs to the place left + x / (width - 1), top + y / (height -
// 1), in 0..1 of the frame.
struct Grid {
  int width = 0;
  int height = 0;
  std::vector<float> values;  // height x width
  double left = 0, top = 0;   // not 0 if a backbone's cells are displaced from their pixels

  float at(int x, int y) const {
    return values[static_cast<std::size_t>(y) * static_cast<std::size_t>(width) +
                  static_cast<std::size_t>(x)];
  }
};

// The area that the grid's cells divide evenly, with the place of each value in the center of its cell.
Area area_of(const Grid &grid);

// The anomaly map of the frame at any size: bilinear, with align_corners if the grid begins at 0
// (docs/network-details.md, "Evaluation"); the outermost values continue beyond the grid.
Grid upsample(const Grid &grid, int width, int height);

// 16x16 average pooling, stride 1, of the map after upsampling by 16, without computing that map: A * grid *
// A^T. Both steps are linear; if the grid begins at 0, A is a fixed (16 g - 15) x g matrix for each side.
Grid pooled_map(const Grid &grid);

// The pooled map of only some cells. Cells outside the mask contribute nothing to places beside them, as each
// place is a mean over cells of the mask, A (m * grid) A^T / (A m A^T). A place is -infinity if the cell
// nearest to its center is outside the mask. mask: of the grid's size.
Grid pooled_map(const Grid &grid, const CellMask &mask);

// The image score (docs/network-details.md, "Evaluation"): max of the pooled map, or mean or population
// standard deviation of the upsampled map.
float image_score(const Grid &grid, ScoreKind kind);

// One output of a resize or pooling along an axis: neighboring inputs and their weights.
struct Band {
  int first = 0;
  int count = 0;
  std::array<double, 4> weights{};
};

// Bilinear interpolation of `from` samples to `to`, with aligned corners, or with the first and the last
// sample at `begin` and `begin` + 1 of the output's length; one or two weights each.
std::vector<Band> interpolation(int from, int to, double begin = 0);

// The rows of pooled_map()'s matrix for a side of `from` cells: interpolation to 16 times the size, then the
// mean of every 16 neighbors.
std::vector<Band> pooling(int from);

// image_score() for many grids of the same size, without allocating memory for each. If a value of a grid is
// NaN, so is its score.
class Scorer {
 public:
  Scorer(int width, int height, ScoreKind kind);
  // The score of only some cells; see pooled_map(). 0 if the mask is empty.
  Scorer(CellMask mask, ScoreKind kind);
  float score(const Grid &grid);

 private:
  // A place of the map that is scored, and the divisor of its sum over the mask.
  struct Place {
    std::size_t index;
    float weight;
  };

  float score_of(const std::vector<float> &values) const;

  ScoreKind kind_;
  CellMask mask_;  // width 0: all cells count
  std::vector<Band> vertical_, horizontal_;
  std::vector<Place> places_;  // of the mask
  std::vector<float> rows_;
  Grid masked_, map_;
  std::vector<float> scored_;
};

// A peak of the pooled map and the connected places (8 neighbors) around it that reach the threshold and 0.65
// of the peak, as a part of the frame in 0..1 of its width and height. A peak next to a higher one is a
// separate region if the map falls off between them.
struct Region {
  float x = 0, y = 0, width = 0, height = 0;
  float score = 0;     // the peak
  std::string zone{};  // the watch zone that it lies in; empty: none
};

// Strongest first; never empty if the maximum of the pooled map is at or above the threshold.
std::vector<Region> regions(const Grid &grid, float threshold);
// The same for only some cells; see pooled_map().
std::vector<Region> regions(const Grid &grid, const CellMask &mask, float threshold);

// Maps the score to 0..1, monotonically, with 0.5 at the threshold, whichever rule computed it. The odds p /
// (1 - p) say how many times more rarely normal frames reach the score than the threshold, assuming an
// exponential tail of their scores: p = 1 / (1 + exp(-(score - threshold) / s)). So p is the fraction of true
// alarms among frames that reach the score, if abnormal frames reach it as often as normal frames reach the
// threshold. s: the mean excess of normal peaks (extreme_value.h); without a tail, the standard deviation of
// normal scores, which is the scale of an exponential distribution; without that, a tenth of the threshold.
// At least a 400th of the threshold.
double probability(double score, double threshold, const ScoreStatistics *normal);

}  // namespace uniad
