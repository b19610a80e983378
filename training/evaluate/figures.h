// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/engine/detector.h"
#include "training/data/source.h"
#include "training/evaluate/events.h"
#include "training/evaluate/truth.h"
#include "training/metrics/metrics.h"

namespace uniad {

// What is measured, by name; what the data cannot give is absent.
//   image_auroc, image_ap, image_f1max                    scores of pictures or frames
//   pixel_auroc, pixel_ap, pixel_f1max, aupro, aupimo     anomaly maps at input size
//   frame_auroc                                           image_auroc of a video
//   threshold                                             the calibrated one
//   false_alarm_rate, detection_rate, precision           at it: the share of the normal pictures or frames
//       that are held to be abnormal (their score reaches the threshold, or they show an unknown scene), that
//       of the abnormal ones, and the share of abnormal ones among those held to be
using Figures = std::map<std::string, double>;

// How many pictures of each kind the threshold parts rightly.
struct Confusion {
  std::int64_t true_normal = 0;
  std::int64_t false_alarms = 0;
  std::int64_t missed = 0;
  std::int64_t found = 0;
};

struct ClassFigures {
  std::int64_t images = 0;  // judged
  Figures figures;
  Figures events;                                 // of labelled videos, at the threshold: event_figures()
  std::optional<Confusion> confusion;             // where there are a threshold and labels
  std::map<std::string, ClassFigures> defects{};  // each type's abnormal pictures against all normal ones
};

// What `detector` holds one source's items to be, gathered. Memory: a few bytes a picture, and some megabytes
// a defect type. Pixels of abnormal pictures without a mask are unknown and left out; so are those of a
// source without any mask.
class Judge {
 public:
  Judge(const Source &source, int input_width, int input_height, std::optional<double> threshold);

  void add(const Item &item, const Truth &truth, const Detection &detection);

  // `event_gap`: seconds, see events.h.
  ClassFigures figures(double event_gap) const;

  const std::vector<float> &normal_scores() const { return normal_.scores; }
  std::vector<float> abnormal_scores() const;
  const std::vector<Timeline> &timelines() const { return timelines_; }

 private:
  struct Group {
    std::vector<float> scores;
    std::int64_t alarms = 0;
    PixelScores pixels;

    void add(const Group &other);
  };
  ClassFigures compare(const Group &abnormal) const;
  void add_to_timeline(const Item &item, const JudgedFrame &frame);

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

// The unweighted mean over the classes that have a figure, and how many these are: means over different
// classes cannot be compared. Thresholds have none.
struct Mean {
  Figures figures;
  std::map<std::string, std::int64_t> classes;  // by figure
};
Mean mean(const std::map<std::string, ClassFigures> &classes);

}  // namespace uniad
