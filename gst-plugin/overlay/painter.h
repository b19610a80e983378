// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/video/video.h>

#include <array>
#include <cstdint>
#include <vector>

#include "gst-plugin/overlay/canvas.h"
#include "gst-plugin/overlay/colour_map.h"
#include "gst-plugin/overlay/pixels.h"
#include "gst-plugin/overlay/smooth_map.h"
#include "model/cuda/frame_painter.h"

namespace uniad {

// A surface in levels 0..255 (below 0: not there), and how each level looks.
struct Heat {
  SmoothMap levels;
  ColourMap colours;
  float opacity;      // of the levels that are opaque
  Area picture = {};  // the part of the frame that it covers
};

// Blends onto frames of one format, straight on their planes. Formats that are not made of whole bytes are
// unpacked and packed again with GStreamer's functions, row by row and only the rows that change.
class Painter {
 public:
  // What each level makes of a sample, for each component.
  using Tables = cuda::HeatTables;

  explicit Painter(const GstVideoInfo &info);

  // Whether frames of this format can be drawn on at all.
  static bool can_paint(const GstVideoInfo &info);

  Tables tables_of(const Heat &heat) const;

  // `frame`: mapped for reading and writing, of the format and size that the painter was made for.
  void paint(GstVideoFrame &frame, const Heat &heat);
  void paint(GstVideoFrame &frame, const Canvas &canvas);

  // The canvas for painting it elsewhere, onto progressive frames of whole bytes.
  struct CanvasPaints {
    std::vector<cuda::PaintedSpan> spans;
    std::vector<Paint> paints;
  };
  CanvasPaints paints_of(const Canvas &canvas);

 private:
  static constexpr int unused = -1;

  // Samples that lie next to each other, pixel after pixel: a plane, or the chroma of a packed one.
  struct Band {
    int plane;
    int lanes;                      // bytes (samples, where unpacked) a pixel
    std::array<int, 8> components;  // of each lane, or `unused`
    int horizontal, vertical;       // subsampling, as shifts
  };
  // Pixels in a row of a band.
  struct Span {
    int x, width;
  };

  int band_width(const Band &band) const;
  int band_height(const Band &band) const;
  int frame_row(const Band &band, bool interlaced, int row, int sample) const;
  std::vector<Band> direct_bands() const;
  void fill_paints(const Band &band, const Tables &tables, const std::uint8_t *levels, int n);
  void fill_paints(const Band &band, const std::uint32_t *argb, int n);
  const std::uint32_t *average(const Band &band, bool interlaced, const Canvas &canvas, int row, Span span);
  // Calls use(span) for what shows of the row, with its levels in levels_.
  template <typename Use>
  void each_heat_span(const Band &band, bool interlaced, const Heat &heat, int row, Use use);
  // Calls use(band, row, span) for what the canvas covers, with its paints in paints_. Not by unpacking.
  template <typename Use>
  void each_canvas_span(const Canvas &canvas, bool interlaced, Use use);

  class UnpackedRow;

  GstVideoInfo info_;
  int width_;
  int height_;
  std::vector<Band> bands_;  // empty: by unpacking
  Band unpacked_band_{};
  std::array<Mix, 4> mixes_{};
  std::uint32_t wide_scale_ = 257;
  std::vector<Paint> paints_;
  std::vector<std::uint8_t> levels_;
  std::vector<std::uint32_t> averages_;
  std::vector<float> coefficients_;
  std::vector<SmoothMap::Parabola> parabolas_;
};

}  // namespace uniad
