// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate/figures/figures.h"

#include <algorithm>
#include <span>

#include "model/base/error.h"
#include "model/scoring/zone_grid.h"

namespace uniad {
namespace {

void insert(Figures &figures, const std::string &prefix, const std::optional<Ranking> &ranking) {
  if (!ranking) return;
  figures[prefix + "_auroc"] = ranking->auroc;
  figures[prefix + "_ap"] = ranking->average_precision;
  figures[prefix + "_f1max"] = ranking->f1_max;
}

void insert(Figures &figures, const std::string &name, const std::optional<double> &value) {
  if (value) figures[name] = *value;
}

std::optional<double> share(std::int64_t part, std::int64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

Evaluator::Evaluator(const Source &source, int input_width, int input_height, std::optional<double> threshold)
    : width_(input_width),
      height_(input_height),
      threshold_(threshold),
      masked_(std::any_of(source.test.begin(), source.test.end(),
                          [](const Item &item) { return !item.masks.empty(); })),
      video_(std::all_of(source.test.begin(), source.test.end(),
                         [](const Item &item) { return item.frame.has_value(); })) {}

void Evaluator::Group::add(const Group &other) {
  scores.insert(scores.end(), other.scores.begin(), other.scores.end());
  alarms += other.alarms;
  pixels.add(other.pixels);
}

void Evaluator::add(const Item &item, const Truth &truth, const Detection &detection) {
  ++images_;
  const bool alarm = detection.anomalous(threshold_);
  if (item.frame) add_frame(timelines_, item.path, {*item.frame, detection.score, truth.abnormal, alarm});
  if (!truth.abnormal) return;
  auto &group = *truth.abnormal ? abnormal_[item.defect] : normal_;
  group.scores.push_back(detection.score);
  group.alarms += alarm ? 1 : 0;
  if (!masked_ || !truth.pixels_known) return;
  const auto map = upsample(detection.grid, width_, height_);
  const auto judged = detection.zones ? judged_pixels(*detection.zones, detection.grid, width_, height_)
                                      : std::vector<std::uint8_t>();
  group.pixels.add(map.values, *truth.abnormal ? truth.mask : std::vector<std::uint8_t>(), width_, height_,
                   judged);
}

ClassFigures Evaluator::compare(const Group &abnormal) const {
  ClassFigures result;
  result.images = static_cast<std::int64_t>(abnormal.scores.size());
  auto &figures = result.figures;
  const auto ranking = rank(normal_.scores, abnormal.scores);
  insert(figures, "image", ranking);
  if (ranking && video_) figures["frame_auroc"] = ranking->auroc;
  auto pixels = normal_.pixels;
  pixels.add(abnormal.pixels);
  insert(figures, "pixel", pixels.ranking());
  insert(figures, "aupro", pixels.aupro());
  insert(figures, "aupimo", pixels.aupimo());
  if (!threshold_) return result;
  const auto normal_count = static_cast<std::int64_t>(normal_.scores.size());
  const auto abnormal_count = result.images;
  figures["threshold"] = *threshold_;
  insert(figures, "false_alarm_rate", share(normal_.alarms, normal_count));
  insert(figures, "detection_rate", share(abnormal.alarms, abnormal_count));
  if (abnormal_count > 0)
    insert(figures, "precision", share(abnormal.alarms, abnormal.alarms + normal_.alarms));
  if (normal_count + abnormal_count > 0)
    result.confusion = {normal_count - normal_.alarms, normal_.alarms, abnormal_count - abnormal.alarms,
                        abnormal.alarms};
  return result;
}

std::vector<Timeline> Evaluator::timelines(const EventRules &rules) const {
  std::vector<Timeline> timelines = timelines_;
  for (Timeline &timeline : timelines) apply_event_rules(timeline, threshold_, rules);
  return timelines;
}

ClassFigures Evaluator::figures(const EventRules &rules) const {
  Group all;
  for (const auto &[type, group] : abnormal_) all.add(group);
  auto result = compare(all);
  result.images = images_;
  if (threshold_) result.events = event_figures(timelines(rules), gap_of(rules));
  for (const auto &[type, group] : abnormal_)
    if (!type.empty()) result.defects[type] = compare(group);
  return result;
}

std::vector<float> Evaluator::abnormal_scores() const {
  std::vector<float> scores;
  for (const auto &[type, group] : abnormal_)
    scores.insert(scores.end(), group.scores.begin(), group.scores.end());
  return scores;
}

Mean mean(const std::map<std::string, ClassFigures> &classes) {
  Mean mean;
  for (const auto &[name, of_class] : classes)
    for (const auto &[figure, value] : of_class.figures) {
      if (figure == "threshold") continue;
      mean.figures[figure] += value;
      ++mean.classes[figure];
    }
  for (auto &[figure, value] : mean.figures) value /= static_cast<double>(mean.classes[figure]);
  return mean;
}

}  // namespace uniad
