// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "model/area.h"

namespace uniad {

// An anomaly grid as a smooth surface: the mean of the bilinear map over a window of one cell, which is what
// a frame's score is the maximum of. That is a quadratic B-spline with the grid's values as coefficients:
// within a cell one parabola a direction, never beyond the largest and the smallest of the 3x3 values around.
// Beyond the grid's edges the outermost values go on.
class SmoothMap {
 public:
  // On a cell, with t = 0..1 across it: a + t * (b + t * c).
  struct Parabola {
    float a, b, c;
  };

  // `area`: what the cells share evenly.
  SmoothMap(int columns, int rows, std::vector<float> values, const Area &area = {});

  int columns() const { return columns_; }
  int rows() const { return rows_; }
  const std::vector<float> &values() const { return values_; }
  const Area &area() const { return area_; }

  double column_at(double u) const { return area_.column_at(u, columns_); }

  // The surface along a line at height v = 0..1 of the frame: a parabola for each column of the grid.
  // `coefficients`, of the same size, takes the spline's coefficients on that line.
  void section(double v, std::span<float> coefficients, std::span<Parabola> parabolas) const;

 private:
  int columns_;
  int rows_;
  std::vector<float> values_;
  Area area_;
};

struct Point {
  double x, y;  // 0..1 of the frame
};

struct Segment {
  Point from, to;
};

// Where the surface crosses `level`, as short straight lines.
std::vector<Segment> iso_line(const SmoothMap &map, float level);

// The same around one peak: the highest within `part` of the frame. Where a higher one hangs together with it
// at that level, as high above it as keeps them apart.
std::vector<Segment> outline(const SmoothMap &map, float level, const Area &part);

}  // namespace uniad
