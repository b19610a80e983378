// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/drawing/canvas.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>

namespace uniad {

Canvas::Canvas(int width, int height)
    : width_(width),
      height_(height),
      columns_((width + tile_width - 1) / tile_width),
      rows_((height + tile_height - 1) / tile_height),
      touched_(static_cast<std::size_t>(columns_) * static_cast<std::size_t>(rows_)) {
  // calloc() provides zeroed pages, which use no memory until they are written to.
  pixels_.reset(static_cast<std::uint32_t *>(
      std::calloc(touched_.size(), sizeof(std::uint32_t) * tile_width * tile_height)));
  if (!pixels_) throw std::bad_alloc();
  surface_.reset(cairo_image_surface_create_for_data(
      reinterpret_cast<unsigned char *>(pixels_.get()), CAIRO_FORMAT_ARGB32, width, height,
      columns_ * tile_width * static_cast<int>(sizeof(std::uint32_t))));
  if (cairo_surface_status(surface_.get()) == CAIRO_STATUS_SUCCESS)
    cairo_.reset(cairo_create(surface_.get()));
}

void Canvas::clear() {
  for (const Run &run : runs_) {
    for (int y = run.y; y < run.y + tile_height; ++y)
      std::memset(pixels_.get() + (row(y) - row(0)) + run.x, 0,
                  static_cast<std::size_t>(run.width) * sizeof(std::uint32_t));
  }
  runs_.clear();
  std::fill(touched_.begin(), touched_.end(), false);
  cairo_surface_mark_dirty(surface_.get());
}

void Canvas::touch(double x0, double y0, double x1, double y1) {
  const auto tile = [](double position, int size, int count) {
    return static_cast<int>(std::clamp(std::floor(position / size), 0.0, static_cast<double>(count)));
  };
  const int left = tile(x0, tile_width, columns_);
  const int right = std::min(tile(x1, tile_width, columns_), columns_ - 1);
  const int bottom = std::min(tile(y1, tile_height, rows_), rows_ - 1);
  for (int y = tile(y0, tile_height, rows_); y <= bottom; ++y)
    for (int x = left; x <= right; ++x)
      touched_[static_cast<std::size_t>(y) * static_cast<std::size_t>(columns_) +
               static_cast<std::size_t>(x)] = true;
}

void Canvas::finish() {
  cairo_surface_flush(surface_.get());
  runs_.clear();
  for (int y = 0; y < rows_; ++y) {
    bool open = false;
    for (int x = 0; x < columns_; ++x) {
      const bool touched = touched_[static_cast<std::size_t>(y) * static_cast<std::size_t>(columns_) +
                                    static_cast<std::size_t>(x)];
      if (touched && open) runs_.back().width += tile_width;
      if (touched && !open) runs_.push_back({x * tile_width, y * tile_height, tile_width});
      open = touched;
    }
  }
}

}  // namespace uniad
