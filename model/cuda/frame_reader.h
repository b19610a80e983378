// SPDX-License-Identifier: Apache-2.0
// Reads pixels of a frame in a kernel.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/base/host_device.h"
#include "model/preprocess/pixel.h"

namespace uniad::cuda {

// Readers return the pixels of a frame one at a time, as RowReader (model/preprocess/rows.h) does row by row:
// levels 0..255 if `fraction` is 0, otherwise levels * 2^fraction.

struct PlaneView {
  const std::uint8_t *data = nullptr;
  std::ptrdiff_t stride = 0;  // bytes

  UNIAD_HOST_DEVICE const std::uint8_t *row(int y) const { return data + stride * y; }
};

// Little-endian; rows need not be aligned.
UNIAD_HOST_DEVICE inline Sample word_at(const std::uint8_t *bytes) {
  return static_cast<Sample>(bytes[0] | bytes[1] << 8);
}

struct PackedRgbReader {
  static constexpr int fraction = 0;
  PlaneView plane;
  int pixel_bytes, red, green, blue;

  struct Row {
    const PackedRgbReader &reader;
    const std::uint8_t *bytes;
    UNIAD_HOST_DEVICE RgbWords at(int x) const {
      const std::uint8_t *pixel = bytes + std::ptrdiff_t{reader.pixel_bytes} * x;
      return {pixel[reader.red], pixel[reader.green], pixel[reader.blue]};
    }
  };
  UNIAD_HOST_DEVICE Row row(int y) const { return {*this, plane.row(y)}; }
};

struct GrayReader {
  static constexpr int fraction = 0;
  PlaneView plane;
  bool limited;

  struct Row {
    const std::uint8_t *bytes;
    bool limited;
    UNIAD_HOST_DEVICE RgbWords at(int x) const {
      const std::int16_t level = limited ? expand_gray(bytes[x]) : std::int16_t{bytes[x]};
      return {level, level, level};
    }
  };
  UNIAD_HOST_DEVICE Row row(int y) const { return {plane.row(y), limited}; }
};

// UnpackedPixel::ARGB16.
struct WideRgbReader {
  static constexpr int fraction = 0;
  PlaneView plane;

  struct Row {
    const std::uint8_t *bytes;
    UNIAD_HOST_DEVICE RgbWords at(int x) const {
      const std::uint8_t *pixel = bytes + std::ptrdiff_t{8} * x;
      return {narrow_level(word_at(pixel + 2)), narrow_level(word_at(pixel + 4)),
              narrow_level(word_at(pixel + 6))};
    }
  };
  UNIAD_HOST_DEVICE Row row(int y) const { return {plane.row(y)}; }
};

// UnpackedPixel::AYUV8 and AYUV16.
struct AyuvReader {
  static constexpr int fraction = fraction_bits;
  PlaneView plane;
  bool wide;
  ColorTransform transform;

  struct Row {
    const AyuvReader &reader;
    const std::uint8_t *bytes;
    UNIAD_HOST_DEVICE Sample component(int x, int c) const {
      const std::ptrdiff_t i = std::ptrdiff_t{4} * x + c;
      return reader.wide ? word_at(bytes + 2 * i) : static_cast<Sample>(bytes[i] << 8);
    }
    UNIAD_HOST_DEVICE RgbWords at(int x) const {
      return to_rgb(reader.transform, component(x, 1), component(x, 2), component(x, 3));
    }
  };
  UNIAD_HOST_DEVICE Row row(int y) const { return {*this, plane.row(y)}; }
};

// A row of the subsampled layouts: luma times 256, and chroma times 64, already interpolated between rows.
struct Chroma {
  Sample cb, cr;
};

struct FourTwoZeroRows {
  const std::uint8_t *luma;
  const std::uint8_t *near[2], *far[2];  // Cb, Cr; only the first for planes with both
  Sample near_weight, far_weight;

  UNIAD_HOST_DEVICE FourTwoZeroRows(const PlaneView *planes, int y, int height, bool top)
      : luma(planes[0].row(y)) {
    const ChromaRows rows = chroma_rows(y, height, top);
    for (int i = 0; i < 2; ++i) {
      near[i] = planes[1 + i].row(rows.near);
      far[i] = planes[1 + i].row(rows.far);
    }
    near_weight = rows.near_weight;
    far_weight = rows.far_weight;
  }
  UNIAD_HOST_DEVICE Sample blend(int a, int b, int shift) const {
    return static_cast<Sample>((a * near_weight + b * far_weight) << shift);
  }
};

struct I420Rows : FourTwoZeroRows {
  using FourTwoZeroRows::FourTwoZeroRows;
  UNIAD_HOST_DEVICE Sample luma_at(int x) const { return static_cast<Sample>(luma[x] << 8); }
  UNIAD_HOST_DEVICE Chroma chroma_at(int i) const {
    return {blend(near[0][i], far[0][i], 4), blend(near[1][i], far[1][i], 4)};
  }
};

struct Nv12Rows : FourTwoZeroRows {
  using FourTwoZeroRows::FourTwoZeroRows;
  UNIAD_HOST_DEVICE Sample luma_at(int x) const { return static_cast<Sample>(luma[x] << 8); }
  UNIAD_HOST_DEVICE Chroma chroma_at(int i) const {
    const std::uint8_t *a = near[0] + std::ptrdiff_t{2} * i;
    const std::uint8_t *b = far[0] + std::ptrdiff_t{2} * i;
    return {blend(a[0], b[0], 4), blend(a[1], b[1], 4)};
  }
};

struct P010Rows : FourTwoZeroRows {
  using FourTwoZeroRows::FourTwoZeroRows;
  UNIAD_HOST_DEVICE Sample luma_at(int x) const { return word_at(luma + std::ptrdiff_t{2} * x); }
  UNIAD_HOST_DEVICE Chroma chroma_at(int i) const {
    const std::uint8_t *a = near[0] + std::ptrdiff_t{4} * i;
    const std::uint8_t *b = far[0] + std::ptrdiff_t{4} * i;
    return {blend(word_at(a) >> 4, word_at(b) >> 4, 0), blend(word_at(a + 2) >> 4, word_at(b + 2) >> 4, 0)};
  }
};

struct Yuy2Rows {
  const std::uint8_t *bytes;

  UNIAD_HOST_DEVICE Yuy2Rows(const PlaneView *planes, int y, int, bool) : bytes(planes[0].row(y)) {}
  UNIAD_HOST_DEVICE Sample luma_at(int x) const {
    return static_cast<Sample>(bytes[std::ptrdiff_t{2} * x] << 8);
  }
  UNIAD_HOST_DEVICE Chroma chroma_at(int i) const {
    const std::uint8_t *pair = bytes + std::ptrdiff_t{4} * i;
    return {static_cast<Sample>(pair[1] << 6), static_cast<Sample>(pair[3] << 6)};
  }
};

template <typename Rows>
struct SubsampledReader {
  static constexpr int fraction = fraction_bits;
  PlaneView planes[3];
  int width, height;
  bool left, top;  // ChromaSite
  ColorTransform transform;

  struct Row {
    const SubsampledReader &reader;
    Rows rows;
    UNIAD_HOST_DEVICE RgbWords at(int x) const {
      const int own_column = x / 2;
      const bool odd = x % 2 != 0;
      const Chroma own = rows.chroma_at(own_column);
      Chroma chroma{};
      if (odd) {
        const int last = (reader.width - 1) / 2;
        const Chroma after = own_column < last ? rows.chroma_at(own_column + 1) : own;
        chroma = {odd_chroma(reader.left, own.cb, after.cb), odd_chroma(reader.left, own.cr, after.cr)};
      } else {
        const Chroma before = !reader.left && own_column > 0 ? rows.chroma_at(own_column - 1) : own;
        chroma = {even_chroma(reader.left, own.cb, before.cb), even_chroma(reader.left, own.cr, before.cr)};
      }
      return to_rgb(reader.transform, rows.luma_at(x), chroma.cb, chroma.cr);
    }
  };
  UNIAD_HOST_DEVICE Row row(int y) const { return {*this, Rows(planes, y, height, top)}; }
};

}  // namespace uniad::cuda
