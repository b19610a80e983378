// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate/report/chart.h"

#include <algorithm>
#include <cmath>

#include "training/evaluate/report/html.h"

namespace uniad {
namespace {

// Margins around the drawing, in SVG units.
constexpr double left = 56, right = 24, top = 14, bottom = 46;

double share(const Axis &axis, double value) {
  const double inside = std::clamp(value, axis.low, axis.high);
  if (axis.logarithmic) return std::log(inside / axis.low) / std::log(axis.high / axis.low);
  return (inside - axis.low) / (axis.high - axis.low);
}

std::string px(double value) {
  return decimal(value, 1);
}

// Uses as many digits as are needed to distinguish neighboring ticks.
std::string tick_label(double value, double step) {
  if (value != 0 && (std::abs(value) < 1e-3 || std::abs(value) >= 1e6)) {
    const auto exponent = std::floor(std::log10(std::abs(value)) + 1e-9);
    return decimal(value / std::pow(10, exponent), 0) + "e" + decimal(exponent, 0);
  }
  return decimal(value, std::max(0, static_cast<int>(std::ceil(-std::log10(step) - 1e-9))));
}

}  // namespace

std::vector<double> ticks(const Axis &axis) {
  std::vector<double> marks;
  if (axis.logarithmic) {
    const auto first = static_cast<int>(std::floor(std::log10(axis.low)));
    const auto last = static_cast<int>(std::ceil(std::log10(axis.high)));
    const auto add = [&](double mark) {
      if (mark >= axis.low && mark <= axis.high) marks.push_back(mark);
    };
    for (int power = first; power <= last; ++power)
      for (const double factor : {1.0, 2.0, 5.0})
        if (factor == 1 || last - first < 3) add(factor * std::pow(10, power));
    return marks;
  }
  const double about = (axis.high - axis.low) / 5;
  const double power = std::pow(10, std::floor(std::log10(about)));
  double step = 10 * power;
  for (const double factor : {5.0, 2.0, 1.0})
    if (factor * power >= about) step = factor * power;
  const double first = std::ceil(axis.low / step - 1e-9);
  const auto count = static_cast<int>(std::floor(axis.high / step + 1e-9) - first);
  for (int i = 0; i <= count; ++i) marks.push_back((first + i) * step);
  return marks;
}

Chart::Chart(int width, int height, Axis x, Axis y, std::string description)
    : width_(width),
      height_(height),
      x_(std::move(x)),
      y_(std::move(y)),
      description_(std::move(description)) {
  draw_axes();
}

double Chart::to_x(double x) const {
  return left + share(x_, x) * (width_ - left - right);
}

double Chart::to_y(double y) const {
  return height_ - bottom - share(y_, y) * (height_ - top - bottom);
}

void Chart::text(double x, double y, const std::string &anchor, const std::string &css_class,
                 const std::string &content) {
  drawing_ += "<text class=\"" + css_class + "\" x=\"" + px(x) + "\" y=\"" + px(y) + "\" text-anchor=\"" +
              anchor + "\">" + escape_html(content) + "</text>";
}

void Chart::straight(const Point &from, const Point &to, const std::string &css_class) {
  drawing_ += "<line class=\"" + css_class + "\" x1=\"" + px(from.x) + "\" x2=\"" + px(to.x) + "\" y1=\"" +
              px(from.y) + "\" y2=\"" + px(to.y) + "\"/>";
}

void Chart::draw_axes() {
  const double floor = height_ - bottom;
  const double end = width_ - right;
  const auto step_of = [](const std::vector<double> &marks, std::size_t i) {
    return marks.size() < 2 ? marks[i] : i == 0 ? marks[1] - marks[0] : marks[i] - marks[i - 1];
  };
  const auto across = ticks(x_);
  for (std::size_t i = 0; i < across.size(); ++i)
    text(to_x(across[i]), floor + 18, "middle", "label", tick_label(across[i], step_of(across, i)));
  const auto upwards = ticks(y_);
  for (std::size_t i = 0; i < upwards.size(); ++i) {
    const double y = to_y(upwards[i]);
    straight({left, y}, {end, y}, "grid");
    text(left - 7, y + 4, "end", "label", tick_label(upwards[i], step_of(upwards, i)));
  }
  straight({left, floor}, {end, floor}, "axis");
  text((left + end) / 2, height_ - 6, "middle", "label", x_.label);
  drawing_ += "<text class=\"label\" text-anchor=\"middle\" transform=\"translate(14 " +
              px((top + floor) / 2) + ") rotate(-90)\">" + escape_html(y_.label) + "</text>";
}

void Chart::line(std::span<const Point> points, const std::string &kind) {
  drawing_ += "<polyline class=\"line " + kind + "\" points=\"";
  for (const auto &point : points) drawing_ += px(to_x(point.x)) + "," + px(to_y(point.y)) + " ";
  drawing_ += "\"/>";
}

void Chart::rectangle(double from_x, double from_y, double to_x, double to_y, const std::string &css_class) {
  drawing_ += "<rect class=\"" + css_class + "\" x=\"" + px(from_x) + "\" y=\"" + px(from_y) + "\" width=\"" +
              px(std::max(to_x - from_x, 1.0)) + "\" height=\"" + px(std::max(to_y - from_y, 0.0)) + "\"/>";
}

void Chart::bar(double from, double to, double value, const std::string &kind) {
  rectangle(to_x(from) + 0.5, to_y(value), to_x(to) - 0.5, height_ - bottom, "bar " + kind);
}

void Chart::band(double from, double to, const std::string &kind) {
  rectangle(to_x(from), top, to_x(to), height_ - bottom, "band " + kind);
}

void Chart::strip(double from, double to, const std::string &kind) {
  constexpr double thickness = 6;
  rectangle(to_x(from), top, to_x(to), top + thickness, "strip " + kind);
}

void Chart::threshold_at_x(double x, const std::string &label) {
  const double at = to_x(x);
  straight({at, top}, {at, height_ - bottom}, "threshold");
  const bool near_the_end = share(x_, x) > 0.7;
  text(at + (near_the_end ? -5 : 5), top + 11, near_the_end ? "end" : "start", "note", label);
}

void Chart::threshold_at_y(double y, const std::string &label) {
  const double at = to_y(y);
  straight({left, at}, {width_ - right, at}, "threshold");
  text(left + 5, at - 5, "start", "note", label);
}

void Chart::dot(const Point &point, const std::string &label) {
  drawing_ +=
      "<circle class=\"dot\" cx=\"" + px(to_x(point.x)) + "\" cy=\"" + px(to_y(point.y)) + "\" r=\"4.5\"/>";
  const bool near_the_end = share(x_, point.x) > 0.6;
  text(to_x(point.x) + (near_the_end ? -9 : 9), to_y(point.y) + 16, near_the_end ? "end" : "start", "note",
       label);
}

std::string Chart::svg() const {
  return "<svg viewBox=\"0 0 " + std::to_string(width_) + " " + std::to_string(height_) +
         "\" role=\"img\" aria-label=\"" + escape_html(description_) + "\">" + drawing_ + "</svg>\n";
}

}  // namespace uniad
