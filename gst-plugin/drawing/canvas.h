// SPDX-License-Identifier: Apache-2.0
// A transparent picture that cairo draws contours, boxes and text on.
#pragma once

#include <cairo.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

namespace uniad {

// A transparent picture of the frame's size to draw on with cairo. It tracks which tiles were drawn on, so
// that the cost of clearing and blending depends on the area of the drawing only, and memory is used only for
// tiles that were drawn on.
class Canvas {
 public:
  static constexpr int tile_width = 32;
  static constexpr int tile_height = 16;  // whole chroma rows of either field, in every subsampling

  // If the size exceeds cairo's limit, nothing can be drawn and the canvas stays empty.
  Canvas(int width, int height);

  int width() const { return width_; }
  int height() const { return height_; }

  void clear();

  // For drawing; null if nothing can be drawn.
  cairo_t *cairo() const { return cairo_.get(); }
  // Marks pixels that drawing may change; the second corner is exclusive.
  void touch(double x0, double y0, double x1, double y1);
  // Must be called after drawing and before reading.
  void finish();

  bool empty() const { return runs_.empty(); }

  // Neighboring tiles that were drawn on.
  struct Run {
    int x, y, width;  // in pixels; as high as a tile; may extend beyond the frame
  };
  const std::vector<Run> &runs() const { return runs_; }

  // Premultiplied alpha, red, green and blue, from the highest byte to the lowest. Rows consist of whole
  // tiles and may extend beyond the frame.
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
