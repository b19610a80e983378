// SPDX-License-Identifier: Apache-2.0
// Draws on frames of any raw format in system memory.
#pragma once

#include <gst/video/video.h>

#include <array>
#include <cstdint>
#include <vector>

#include "gst-plugin/drawing/canvas.h"
#include "gst-plugin/drawing/color_map.h"
#include "gst-plugin/drawing/pixels.h"
#include "gst-plugin/drawing/smooth_map.h"
#include "model/cuda/frame_painter.h"

namespace uniad {

// A surface of levels 0..255 (below 0: outside), and how each level is drawn.
struct Heat {
  SmoothMap levels;
  ColorMap colors;
  float opacity;      // at the most opaque levels
  Area picture = {};  // the part of the frame that it covers
};

// Blends onto frames of one format, directly on their planes. Formats whose samples are not whole bytes are
// unpacked and repacked with GStreamer's functions, row by row, and only for rows that change.
class Painter {
 public:
  // How each level changes a sample, for each component.
  using Tables = cuda::HeatTables;

  explicit Painter(const GstVideoInfo &info);

  // Whether frames of this format can be drawn on at all.
  static bool can_paint(const GstVideoInfo &info);

  Tables tables_of(const Heat &heat) const;

  // frame: mapped for reading and writing, with the format and size that the painter was created for.
  void paint(GstVideoFrame &frame, const Heat &heat);
  void paint(GstVideoFrame &frame, const Canvas &canvas);

  // The canvas in a form for painting elsewhere, on progressive frames with whole-byte samples.
  struct CanvasPaints {
    std::vector<cuda::PaintedSpan> spans;
    std::vector<Paint> paints;
  };
  CanvasPaints paints_of(const Canvas &canvas);

 private:
  static constexpr int unused = -1;

  // Samples that are adjacent in memory, pixel after pixel: a plane, or the chroma of a packed plane.
  struct Band {
    int plane;
    int lanes;                      // bytes (samples, if unpacked) per pixel
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
  // Calls use(span) for the visible part of the row, with its levels in levels_.
  template <typename Use>
  void each_heat_span(const Band &band, bool interlaced, const Heat &heat, int row, Use use);
  // Calls use(band, row, span) for the area that the canvas covers, with its paints in paints_. Not for
  // unpacked formats.
  template <typename Use>
  void each_canvas_span(const Canvas &canvas, bool interlaced, Use use);

  class UnpackedRow;

  GstVideoInfo info_;
  int width_;
  int height_;
  std::vector<Band> bands_;  // empty for unpacked formats
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
