// SPDX-License-Identifier: Apache-2.0
// Charts in SVG.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "model/base/point.h"

namespace uniad {

struct Axis {
  std::string label;
  double low = 0;
  double high = 1;           // greater than low
  bool logarithmic = false;  // requires low > 0
};

// A chart with two axes, as SVG for a page whose style sheet defines the classes "line", "bar", "band" and
// "strip" with the given kind, "threshold", "dot", "grid", "axis" and "label". Values outside the axes are
// drawn at their ends.
class Chart {
 public:
  // description: the text for screen readers.
  Chart(int width, int height, Axis x, Axis y, std::string description);

  void line(std::span<const Point> points, const std::string &kind);
  void bar(double from, double to, double value, const std::string &kind);
  void band(double from, double to, const std::string &kind);   // from top to bottom
  void strip(double from, double to, const std::string &kind);  // along the top
  void threshold_at_x(double x, const std::string &label);
  void threshold_at_y(double y, const std::string &label);
  void dot(const Point &point, const std::string &label);

  std::string svg() const;

 private:
  double to_x(double x) const;
  double to_y(double y) const;
  void rectangle(double left, double top, double right, double bottom, const std::string &css_class);
  // In SVG coordinates.
  void straight(const Point &from, const Point &to, const std::string &css_class);
  void text(double x, double y, const std::string &anchor, const std::string &css_class,
            const std::string &content);
  void draw_axes();

  int width_, height_;
  Axis x_, y_;
  std::string description_;
  std::string drawing_;
};

// The ticks of an axis: three to eight round numbers, or powers of ten on a logarithmic axis.
std::vector<double> ticks(const Axis &axis);

}  // namespace uniad
