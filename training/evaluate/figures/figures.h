// SPDX-License-Identifier: Apache-2.0
// The metrics of a source: AUROC and others.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/engine/detector.h"
#include "training/data/source.h"
#include "training/evaluate/figures/events.h"
#include "training/evaluate/figures/motion.h"
#include "training/evaluate/figures/truth.h"
#include "training/metrics/metrics.h"

namespace uniad {

// The confusion matrix at the threshold.
struct Confusion {
  std::int64_t true_normal = 0;
  std::int64_t false_alarms = 0;
  std::int64_t missed = 0;
  std::int64_t found = 0;
};

struct ClassFigures {
  std::int64_t images = 0;  // judged
  Figures figures;
  Figures events;                                 // of labeled videos: event_figures()
  std::optional<Confusion> confusion;             // if there are a threshold and labels
  std::map<std::string, ClassFigures> defects{};  // each type's pictures compared with all normal ones
  MotionFigures motion{};                         // if motion is judged
  Figures operating_points{};                     // of labeled data: operating_points()
};

// Collects the results of one source's items. Memory: a few bytes per picture and some megabytes per type of
// defect. Pixels of abnormal pictures without a mask are unknown and left out, and so are all pixels of a
// source without any mask.
class Evaluator {
 public:
  Evaluator(const Source &source, int input_width, int input_height, std::optional<double> threshold);

  void add(const Item &item, const Truth &truth, const Detection &detection);

  ClassFigures figures(const EventRules &rules) const;

  const std::vector<float> &normal_scores() const { return normal_.scores; }
  std::vector<float> abnormal_scores() const;
  // Returns the timelines with the alarms that the rules report.
  std::vector<Timeline> timelines(const EventRules &rules) const;

 private:
  struct Group {
    std::vector<float> scores;
    std::int64_t alarms = 0;
    PixelScores pixels;

    void add(const Group &other);
  };
  ClassFigures compare(const Group &abnormal) const;

  const int width_;
  const int height_;
  const std::optional<double> threshold_;
  const bool masked_;
  const bool video_;
  std::int64_t images_ = 0;
  Group normal_;
  std::map<std::string, Group> abnormal_;  // by type of defect
  std::vector<Timeline> timelines_;
};

// The unweighted mean over the classes that have a metric, and their number, because means over different
// classes are not comparable. There is no mean of the thresholds.
struct Mean {
  Figures figures;
  std::map<std::string, std::int64_t> classes;  // by metric
};
Mean mean(const std::map<std::string, ClassFigures> &classes);

}  // namespace uniad
