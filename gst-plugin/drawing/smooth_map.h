// SPDX-License-Identifier: Apache-2.0
// The anomaly map as a smooth surface over the frame.
#pragma once

#include <span>
#include <vector>

#include "model/base/area.h"
#include "model/base/point.h"

namespace uniad {

// An anomaly grid as a smooth surface: the mean of the bilinear map over a window of one cell, whose maximum
// is the frame's score. This is a quadratic B-spline with the grid's values as coefficients: within a cell,
// one parabola per direction, never above the largest or below the smallest of the surrounding 3x3 values.
// Beyond the grid's edges, the outermost values continue.
class SmoothMap {
 public:
  // On a cell, with t = 0..1 across it: a + t * (b + t * c).
  struct Parabola {
    float a, b, c;
  };

  // area: the area that the cells divide evenly.
  SmoothMap(int columns, int rows, std::vector<float> values, const Area &area = {});

  int columns() const { return columns_; }
  int rows() const { return rows_; }
  const std::vector<float> &values() const { return values_; }
  const Area &area() const { return area_; }

  double column_at(double u) const { return area_.column_at(u, columns_); }

  // The surface along a horizontal line at v = 0..1 of the frame's height: one parabola for each column of
  // the grid. coefficients, of the same size, receives the spline's coefficients on that line.
  void section(double v, std::span<float> coefficients, std::span<Parabola> parabolas) const;

 private:
  int columns_;
  int rows_;
  std::vector<float> values_;
  Area area_;
};

// In 0..1 of the frame.
struct Segment {
  Point from, to;
};

// The line on which the surface crosses `level`, as short straight segments.
std::vector<Segment> iso_line(const SmoothMap &map, float level);

// The same around a single peak, the highest within `part` of the frame. If it is connected with a higher
// peak at that level, the level is raised until they are separate.
std::vector<Segment> outline(const SmoothMap &map, float level, const Area &part);

}  // namespace uniad
