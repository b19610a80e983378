// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pango/pangocairo.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gst-plugin/meta/gstanomalymeta.h"
#include "gst-plugin/overlay/canvas.h"
#include "gst-plugin/overlay/colour_map.h"
#include "gst-plugin/overlay/painter.h"

namespace uniad {

// Lengths are pixels of a frame of 1080 rows and scale with the frame.
struct Style {
  bool heatmap = true;
  bool contours = true;
  bool boxes = false;
  bool score = true;
  ColourMap colour_map = ColourMap::Turbo;
  double opacity = 0.5;
  std::optional<double> low, high;  // values of the map where heat begins to show and is strongest
  double line_width = 3;
  std::uint32_t line_colour = 0xffffffff;  // alpha, red, green, blue
  std::string font = "Sans 34";

  bool operator==(const Style &) const = default;
};

// A GstAnomalyMeta as far as it can be seen.
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
  std::string age;  // empty: new
  int columns = 0;
  int rows = 0;
  std::vector<float> grid;
  Area grid_area;
  Area picture;            // beyond it lie borders
  std::vector<Box> boxes;  // strongest first

  bool operator==(const Result &) const = default;
};

Result result_of(const GstAnomalyMeta &meta);

// Absent where nothing would show.
std::optional<Heat> heat_of(const Result &result, const Style &style);

// Draws contours, boxes and text.
class Artist {
 public:
  Artist();

  // Below each other where there are several results.
  void draw(const std::vector<Result> &results, const Style &style, Canvas &canvas);

 private:
  struct Unref {
    template <typename T>
    void operator()(T *object) const {
      g_object_unref(object);
    }
  };

  // Returns the lower edge.
  double draw_score(const Result &result, const Style &style, double top, Canvas &canvas);

  std::unique_ptr<PangoFontMap, Unref> fonts_;
  std::unique_ptr<PangoContext, Unref> context_;
  std::unique_ptr<PangoLayout, Unref> layout_;
};

}  // namespace uniad
