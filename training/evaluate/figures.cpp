// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate/figures.h"

#include <algorithm>

#include "model/error.h"

namespace uniad {
namespace {

double share_at_or_above(std::span<const float> scores, double threshold) {
  const auto above = std::count_if(scores.begin(), scores.end(),
                                   [&](float score) { return static_cast<double>(score) >= threshold; });
  return static_cast<double>(above) / static_cast<double>(scores.size());
}

void insert(Figures &figures, const std::string &prefix, const std::optional<Ranking> &ranking) {
  if (!ranking) return;
  figures[prefix + "_auroc"] = ranking->auroc;
  figures[prefix + "_ap"] = ranking->average_precision;
  figures[prefix + "_f1max"] = ranking->f1_max;
}

}  // namespace

Judge::Judge(std::span<const Item> items, int input_width, int input_height)
    : width_(input_width),
      height_(input_height),
      masked_(std::any_of(items.begin(), items.end(), [](const Item &item) { return !item.masks.empty(); })),
      video_(
          std::all_of(items.begin(), items.end(), [](const Item &item) { return item.frame.has_value(); })) {}

void Judge::add(const Item &item, const Grid &grid, float score, std::optional<PictureShape> shape) {
  ++images_;
  auto abnormal = item.abnormal;
  std::vector<std::uint8_t> mask;
  std::optional<Error> error;
  try {
    if (!item.masks.empty()) {
      mask = read_masks(item.masks, width_, height_, shape);
      abnormal = std::find(mask.begin(), mask.end(), 1) != mask.end();
    }
  } catch (const Error &unreadable) {
    error = unreadable;
  }
  if (abnormal) (*abnormal ? abnormal_ : normal_).push_back(score);
  const bool pixels_known = !mask.empty() || (item.masks.empty() && abnormal == false);
  if (masked_ && pixels_known) pixels_.add(upsample(grid, width_, height_).values, mask, width_, height_);
  if (error) throw *error;
}

ClassFigures Judge::figures(std::optional<double> threshold) {
  ClassFigures result;
  result.images = images_;
  auto &figures = result.figures;
  const auto ranking = rank(normal_, abnormal_);
  insert(figures, "image", ranking);
  if (ranking && video_) figures["frame_auroc"] = ranking->auroc;
  insert(figures, "pixel", pixels_.ranking());
  if (const auto aupro = pixels_.aupro()) figures["aupro"] = *aupro;
  if (threshold) {
    figures["threshold"] = *threshold;
    if (!normal_.empty()) figures["false_alarm_rate"] = share_at_or_above(normal_, *threshold);
    if (!abnormal_.empty()) figures["detection_rate"] = share_at_or_above(abnormal_, *threshold);
  }
  return result;
}

Figures mean(const std::map<std::string, ClassFigures> &classes) {
  Figures sums;
  std::map<std::string, int> counts;
  for (const auto &[name, of_class] : classes)
    for (const auto &[figure, value] : of_class.figures) {
      if (figure == "threshold") continue;
      sums[figure] += value;
      ++counts[figure];
    }
  for (auto &[figure, value] : sums) value /= counts[figure];
  return sums;
}

}  // namespace uniad
