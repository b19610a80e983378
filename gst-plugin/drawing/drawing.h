// SPDX-License-Identifier: Apache-2.0
// Selects what to draw of a result, and draws contours, boxes and text.
#pragma once

#include <pango/pangocairo.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gst-plugin/base/ref.h"
#include "gst-plugin/drawing/canvas.h"
#include "gst-plugin/drawing/color_map.h"
#include "gst-plugin/drawing/painter.h"
#include "gst-plugin/meta/gstanomalymeta.h"

namespace uniad {

// Lengths are in pixels for a frame height of 1080 and scale with the frame.
struct Style {
  bool heatmap = true;
  bool contours = true;
  bool boxes = false;
  bool score = true;
  ColorMap color_map = ColorMap::Turbo;
  double opacity = 0.5;
  std::optional<double> low, high;  // range of the map's values that the heatmap shows
  double line_width = 3;
  std::uint32_t line_color = 0xffffffff;  // alpha, red, green, blue
  std::string font = "Sans 34";

  bool operator==(const Style &) const = default;
};

// The visible part of a GstAnomalyMeta.
struct Result {
  struct Box {
    float x, y, width, height, score;
    bool operator==(const Box &) const = default;
  };

  std::string source;
  double score = 0;
  std::optional<double> threshold;
  double probability = 0;
  bool anomalous = false;
  std::string age;  // empty if the result is new
  int columns = 0;
  int rows = 0;
  std::vector<float> grid;
  Area grid_area;
  Area picture;                   // outside of it are borders
  std::vector<Box> boxes;         // strongest first
  std::vector<Box> motion_boxes;  // of unusual motion

  bool operator==(const Result &) const = default;
};

Result result_of(const GstAnomalyMeta &meta);

// Absent if nothing would be visible.
std::optional<Heat> heat_of(const Result &result, const Style &style);

// Draws contours, boxes and text.
class OverlayRenderer {
 public:
  OverlayRenderer();

  // Several results are placed below each other.
  void draw(const std::vector<Result> &results, const Style &style, Canvas &canvas);

 private:
  // Returns the lower edge.
  double draw_score(const Result &result, const Style &style, double top, Canvas &canvas);

  Ref<PangoFontMap> fonts_;
  Ref<PangoContext> context_;
  Ref<PangoLayout> layout_;
};

}  // namespace uniad
