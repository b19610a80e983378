// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "training/evaluate/figures.h"
#include "training/evaluate/report/chart.h"
#include "training/evaluate/report/gallery.h"

namespace uniad {

// What the report tells of one source.
struct Chapter {
  std::string name;
  std::string path;
  std::optional<ScoreStatistics> normal;  // the calibration
  ClassFigures figures;
  std::vector<float> normal_scores;
  std::vector<float> abnormal_scores;
  std::vector<Timeline> timelines;
  Gallery gallery;
};

struct Report {
  std::string model;        // the file's name
  std::string description;  // of the detector
  LabelRule label_rule = LabelRule::Reference;
  double event_gap = 1;  // seconds
  std::vector<Chapter> chapters;
  Mean mean;
  std::map<std::string, std::vector<Point>> training;  // curves by name; empty: not known
};

// One HTML file that needs nothing beside it: style, drawings and pictures are in it, and no script. It is
// well-formed XML too. Names and paths may hold anything.
std::string report_page(const Report &report);

}  // namespace uniad
