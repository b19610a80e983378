// SPDX-License-Identifier: Apache-2.0
// Reads the rows of a frame as linear values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "model/base/aligned.h"
#include "model/preprocess/frame_view.h"
#include "model/preprocess/pixel.h"

namespace uniad {

// The memory format of a layout.
struct Layout {
  int planes;
  std::size_t pixel_bytes;         // in the first plane
  std::size_t chroma_bytes;        // of one sample; of both components if they share a plane
  std::array<std::size_t, 3> rgb;  // offsets of red, green and blue in a pixel
  int pixels_at_once = 1;          // smallest group of pixels

  std::size_t row_bytes(int plane, std::size_t width) const {
    const auto together = static_cast<std::size_t>(pixels_at_once);
    if (plane == 0) return (width + together - 1) / together * together * pixel_bytes;
    return (width + 1) / 2 * chroma_bytes;
  }
};

Layout describe(PixelLayout layout);

// Throws Error if a frame has no size or no pixels.
void check_frame(const FrameView &frame);

ColorTransform color_transform(ColorMatrix matrix, ColorRange range);

// Reads a picture row by row as R, G and B planes of 16-bit words.
//
// RGB and gray pictures: levels 0..255.
// Y'CbCr pictures: 0..255 * 32, clamped to that range as 8-bit RGB would be. Chroma is interpolated linearly
// at its site, as GStreamer's video converter does by default.
class RowReader {
 public:
  // The frame must stay valid while it is read. Throws Error if it has no size or no pixels, or if the CPU
  // cannot read them.
  void open(const FrameView &frame);

  [[nodiscard]] bool is_ycbcr() const { return ycbcr_; }
  // For subsampled layouts, even columns are followed by odd ones, so that no words need to be shuffled.
  // samples() is then even.
  [[nodiscard]] bool is_split() const { return subsampled_; }
  // Number of words per row of a plane: the width, or the next even number.
  [[nodiscard]] std::size_t samples() const { return samples_; }

  // Rows must be read in ascending order.
  void read(int y, std::int16_t *r, std::int16_t *g, std::int16_t *b);

 private:
  void read_rgb(int y, std::int16_t *r, std::int16_t *g, std::int16_t *b);
  template <typename Luma>
  void read_pairs(int y, std::int16_t *r, std::int16_t *g, std::int16_t *b);
  void read_chroma(int y);
  void read_unpacked(int y, std::int16_t *r, std::int16_t *g, std::int16_t *b);

  const FrameView *frame_ = nullptr;
  bool ycbcr_ = false;
  bool subsampled_ = false;
  std::size_t samples_ = 0;
  ColorTransform transform_{};
  AlignedVector<std::uint16_t> luma_, cb_, cr_;  // one row, times 256
  AlignedVector<std::uint16_t> unpacked_;
};

// Y'CbCr rows or sums of them -> 0..255.
void round_to_levels(const std::int16_t *values, std::int16_t *levels, std::size_t n);

}  // namespace uniad
