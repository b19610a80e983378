// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate/report/plots.h"

#include <algorithm>
#include <cmath>

#include "training/evaluate/report/html.h"

namespace uniad {
namespace {

constexpr int small = 360, narrow = 480, wide = 960;
constexpr std::size_t columns = 300;  // horizontal resolution of plots over time

// Widens an empty range, because an axis of length zero cannot be drawn.
Axis axis_of(const std::string &label, double low, double high) {
  if (!(high > low)) high = low + std::max(std::abs(low), 1.0) * 0.1;
  return {label, low, high};
}

// Returns the index of the first of `points` points that is in column `c`.
std::size_t column_start(std::size_t c, std::size_t points) {
  return c * points / std::min(columns, points);
}

std::vector<Point> histogram(std::span<const float> scores, const Axis &axis, int bins) {
  std::vector<double> counts(static_cast<std::size_t>(bins));
  const double width = (axis.high - axis.low) / bins;
  for (const float score : scores) {
    const auto bin = std::floor((static_cast<double>(score) - axis.low) / width);
    counts[static_cast<std::size_t>(std::clamp(bin, 0.0, bins - 1.0))] += 1;
  }
  std::vector<Point> bars;
  bars.reserve(counts.size());
  for (std::size_t i = 0; i < counts.size(); ++i)
    bars.push_back({axis.low + width * static_cast<double>(i),
                    100 * counts[i] / static_cast<double>(std::max<std::size_t>(scores.size(), 1))});
  return bars;
}

// Returns the lowest and the highest score of each column, so that no peak is lost.
std::vector<Point> envelope(const Timeline &timeline, double per_frame) {
  const auto &frames = timeline.frames;
  std::vector<Point> points;
  for (std::size_t c = 0; c < std::min(columns, frames.size()); ++c) {
    const auto begin = frames.begin() + static_cast<std::ptrdiff_t>(column_start(c, frames.size()));
    const auto end = frames.begin() + static_cast<std::ptrdiff_t>(column_start(c + 1, frames.size()));
    auto [low, high] = std::minmax_element(
        begin, end, [](const JudgedFrame &a, const JudgedFrame &b) { return a.score < b.score; });
    if (low > high) std::swap(low, high);
    for (const auto &frame : {low, high})
      points.push_back({static_cast<double>(frame->number) * per_frame, static_cast<double>(frame->score)});
    if (low == high) points.pop_back();
  }
  return points;
}

// Converts runs to time spans, ends included, and joins those that are less than a pixel apart.
std::vector<Point> spans(const std::vector<Run> &runs, double per_frame, double pixel) {
  std::vector<Point> joined;  // each from x to y
  for (const auto &run : runs) {
    const Point span{static_cast<double>(run.first) * per_frame,
                     static_cast<double>(run.last + 1) * per_frame};
    if (!joined.empty() && span.x - joined.back().y < pixel)
      joined.back().y = span.y;
    else
      joined.push_back(span);
  }
  return joined;
}

}  // namespace

std::string roc_plot(std::span<const float> normal, std::span<const float> abnormal,
                     const std::optional<Confusion> &confusion) {
  const auto rates = roc_curve(normal, abnormal, 0.01);
  if (rates.empty()) return {};
  Chart chart(narrow, 320, {"false alarms (fraction of normal)"}, {"found (fraction of abnormal)"},
              "ROC curve");
  std::vector<Point> points;
  points.reserve(rates.size());
  for (const auto &rate : rates) points.push_back({rate.false_positive, rate.true_positive});
  const Point chance[] = {{0, 0}, {1, 1}};
  chart.line(chance, "chance");
  chart.line(points, "curve");
  if (confusion)
    chart.dot({static_cast<double>(confusion->false_alarms) / static_cast<double>(normal.size()),
               static_cast<double>(confusion->found) / static_cast<double>(abnormal.size())},
              "at the threshold");
  return chart.svg();
}

std::string histogram_plot(std::span<const float> normal, std::span<const float> abnormal,
                           std::optional<double> threshold) {
  std::vector<float> all(normal.begin(), normal.end());
  all.insert(all.end(), abnormal.begin(), abnormal.end());
  if (all.empty()) return {};
  std::sort(all.begin(), all.end());
  const double low = all.front();
  double high = all[(all.size() - 1) * 99 / 100];
  if (threshold) high = std::max(high, low + 1.1 * (*threshold - low));
  constexpr int bins = 40;
  const auto scores = axis_of("score", low, high);
  const auto normal_bars = histogram(normal, scores, bins);
  const auto abnormal_bars = histogram(abnormal, scores, bins);
  double highest = 0;
  for (const auto &bars : {normal_bars, abnormal_bars})
    for (const auto &bar : bars) highest = std::max(highest, bar.y);
  Chart chart(narrow, 320, scores, axis_of("fraction of its class [%]", 0, 1.05 * highest),
              "Histogram of the scores of normal and abnormal pictures");
  const double width = (scores.high - scores.low) / bins;
  for (const auto &bar : normal_bars)
    if (bar.y > 0) chart.bar(bar.x, bar.x + width, bar.y, "normal");
  for (const auto &bar : abnormal_bars)
    if (bar.y > 0) chart.bar(bar.x, bar.x + width, bar.y, "abnormal");
  if (threshold) chart.threshold_at_x(*threshold, "threshold");
  return chart.svg();
}

std::string timeline_plot(const Timeline &timeline, std::optional<double> threshold, double gap) {
  if (timeline.frames.empty()) return {};
  const double per_frame = timeline.frame_rate ? 1 / *timeline.frame_rate : 1;
  const auto points = envelope(timeline, per_frame);
  double low = points.front().y;
  double high = threshold.value_or(low);
  for (const auto &point : points) {
    low = std::min(low, point.y);
    high = std::max(high, point.y);
  }
  const auto time = axis_of(timeline.frame_rate ? "time [s]" : "frame",
                            static_cast<double>(timeline.frames.front().number) * per_frame,
                            static_cast<double>(timeline.frames.back().number + 1) * per_frame);
  const auto score = axis_of("score", std::min(low, threshold.value_or(low)), high);
  Chart chart(wide, 260, time, axis_of("score", score.low, score.high + 0.1 * (score.high - score.low)),
              "Score over time");
  const double pixel = (time.high - time.low) / wide;
  for (const auto &span : spans(labeled_events(timeline, gap), per_frame, pixel))
    chart.band(span.x, span.y, "abnormal");
  for (const auto &span : spans(alarms(timeline, gap), per_frame, pixel))
    chart.strip(span.x, span.y, "alarm");
  chart.line(points, "curve");
  if (threshold) chart.threshold_at_y(*threshold, "threshold");
  return chart.svg();
}

std::string curve_plot(const std::string &label, std::span<const Point> points) {
  std::vector<Point> means;
  for (std::size_t c = 0; c < std::min(columns, points.size()); ++c) {
    const auto begin = column_start(c, points.size());
    const auto end = column_start(c + 1, points.size());
    Point sum;
    for (auto i = begin; i < end; ++i) sum.y += points[i].y;
    means.push_back({points[end - 1].x, sum.y / static_cast<double>(end - begin)});
  }
  if (means.empty()) return {};
  const auto [low, high] = std::minmax_element(means.begin(), means.end(),
                                               [](const Point &a, const Point &b) { return a.y < b.y; });
  auto value = axis_of(label, low->y, high->y);
  value.logarithmic = value.low > 0 && value.high > 100 * value.low;
  if (!value.logarithmic) value.low = std::min(0.0, value.low);
  Chart chart(small, 240, axis_of("step", means.front().x, means.back().x), value, label + " over steps");
  chart.line(means, "curve");
  return chart.svg();
}

}  // namespace uniad
