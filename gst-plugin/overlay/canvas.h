// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cairo.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

namespace uniad {

// A transparent picture of the frame's size to draw on with cairo. It knows which tiles were drawn on, so
// that clearing and blending cost what the drawing covers, and memory is taken only where something was
// drawn.
class Canvas {
 public:
  static constexpr int tile_width = 32;
  static constexpr int tile_height = 16;  // whole chroma rows of either field, in every subsampling

  // Larger than cairo can draw on: nothing can be drawn, and the canvas stays empty.
  Canvas(int width, int height);

  int width() const { return width_; }
  int height() const { return height_; }

  void clear();

  // For drawing; null where nothing can be drawn.
  cairo_t *cairo() const { return cairo_.get(); }
  // Says that drawing may touch these pixels, the second corner not included.
  void touch(double x0, double y0, double x1, double y1);
  // After drawing, before reading.
  void finish();

  bool empty() const { return runs_.empty(); }

  // Neighbouring tiles with something on them.
  struct Run {
    int x, y, width;  // in pixels; as high as a tile; may reach beyond the frame
  };
  const std::vector<Run> &runs() const { return runs_; }

  // Alpha, red, green, blue from the highest byte down, premultiplied. Tiles are whole: rows reach beyond
  // the frame.
  const std::uint32_t *row(int y) const {
    return pixels_.get() + static_cast<std::ptrdiff_t>(y) * columns_ * tile_width;
  }

 private:
  struct Free {
    void operator()(std::uint32_t *pixels) const { std::free(pixels); }  // NOLINT(*-no-malloc)
    void operator()(cairo_surface_t *surface) const { cairo_surface_destroy(surface); }
    void operator()(cairo_t *cairo) const { cairo_destroy(cairo); }
  };

  int width_;
  int height_;
  int columns_;  // of tiles
  int rows_;
  std::vector<bool> touched_;
  std::vector<Run> runs_;
  std::unique_ptr<std::uint32_t, Free> pixels_;
  std::unique_ptr<cairo_surface_t, Free> surface_;
  std::unique_ptr<cairo_t, Free> cairo_;
};

}  // namespace uniad
