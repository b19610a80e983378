// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/engine/score.h"
#include "training/data/mask.h"
#include "training/data/source.h"
#include "training/metrics/metrics.h"
#include "training/progress.h"

namespace uniad {

// What is measured, by name; what the data cannot give is absent.
//   image_auroc, image_ap, image_f1max            scores of pictures or frames
//   pixel_auroc, pixel_ap, pixel_f1max, aupro     anomaly maps at input size
//   frame_auroc                                   image_auroc of a video
//   threshold, false_alarm_rate, detection_rate   at the calibrated threshold: shares of the normal and of
//   the
//                                                 abnormal pictures or frames whose score reaches it
using Figures = std::map<std::string, double>;

struct ClassFigures {
  std::int64_t images = 0;  // judged
  Figures figures;
};

// Gathers what the model says of one source. Labels follow the reference (facts 9): a picture with a mask is
// abnormal where any pixel of the mask is after its resize; one without is what the data says. Pixels of
// abnormal pictures without a mask are unknown and left out; so are those of a source without any mask.
class Judge {
 public:
  Judge(std::span<const Item> items, int input_width, int input_height);

  // shape: of the item's picture, where known. Throws Error when a mask of it cannot be read or is of another
  // shape; the
  // item is then judged by its label alone.
  void add(const Item &item, const Grid &grid, float score, std::optional<PictureShape> shape = std::nullopt);

  ClassFigures figures(std::optional<double> threshold);

 private:
  const int width_;
  const int height_;
  bool masked_ = false;
  bool video_ = true;
  std::int64_t images_ = 0;
  std::vector<float> normal_;
  std::vector<float> abnormal_;
  PixelScores pixels_;
};

// The unweighted mean over the classes that have a figure; thresholds have none.
Figures mean(const std::map<std::string, ClassFigures> &classes);

}  // namespace uniad
