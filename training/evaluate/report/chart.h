// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

namespace uniad {

struct Point {
  double x = 0;
  double y = 0;
};

struct Axis {
  std::string label;
  double low = 0;
  double high = 1;           // above low
  bool logarithmic = false;  // then low is above 0
};

// A drawing in two axes, as SVG for a page whose style sheet knows the classes: "line", "bar", "band" and
// "strip" with the kind given here, "threshold", "dot", "grid", "axis", "label". What lies outside the axes
// is drawn at their ends.
class Chart {
 public:
  // `description` is what a screen reader says.
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
  // In the drawing's own units.
  void straight(const Point &from, const Point &to, const std::string &css_class);
  void text(double x, double y, const std::string &anchor, const std::string &css_class,
            const std::string &content);
  void draw_axes();

  int width_, height_;
  Axis x_, y_;
  std::string description_;
  std::string drawing_;
};

// Where an axis has its marks: three to eight round numbers within it; on a logarithmic one powers of ten.
std::vector<double> ticks(const Axis &axis);

}  // namespace uniad
