// SPDX-License-Identifier: Apache-2.0
// The report's page.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "training/evaluate/figures/figures.h"
#include "training/evaluate/report/chart.h"
#include "training/evaluate/report/gallery.h"

namespace uniad {

// The motion scores of a source.
struct MotionReport {
  double threshold = 0;
  std::vector<float> normal_scores;
  std::vector<float> abnormal_scores;
  std::vector<Timeline> timelines;
};

// The contents of the report for one source.
struct SourceReport {
  std::string name;
  std::string path;
  std::optional<ScoreStatistics> normal;  // the calibration
  ClassFigures figures;
  std::vector<float> normal_scores;
  std::vector<float> abnormal_scores;
  std::vector<Timeline> timelines;
  std::optional<MotionReport> motion;  // absent: motion is not judged
  Gallery gallery;
};

struct Report {
  std::string model;        // the file's name
  std::string description;  // of the detector
  LabelRule label_rule = LabelRule::Reference;
  double event_gap = 1;  // seconds
  std::vector<SourceReport> sources;
  Mean mean;
  std::map<std::string, std::vector<Point>> training;  // curves by name; empty: not known
};

// A single self-contained HTML file, with style, charts and pictures and without scripts. It is also
// well-formed XML. Names and paths may contain any bytes.
std::string report_page(const Report &report);

}  // namespace uniad
