// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

namespace uniad {

// Layouts that preprocess reads by itself. Everything else comes through FrameView::unpack_row.
enum class PixelLayout {
  I420,  // planes Y, U, V; 4:2:0, 8 bit
  NV12,  // planes Y, UV; 4:2:0, 8 bit
  YUY2,  // one plane Y0 U Y1 V; 4:2:2, 8 bit
  P010,  // NV12 with little-endian 16-bit words, value in the upper 10 bits
  RGB,   // 3 bytes a pixel
  BGR,   // 3 bytes a pixel
  RGBx,  // 4 bytes a pixel, the fourth ignored (RGBA too)
  BGRx,
  xRGB,
  xBGR,
  GRAY8,  // 1 byte a pixel
  Rows,   // unpack_row gives the pixels
};

// How Y'CbCr becomes R'G'B' (ITU-R BT.601, BT.709, BT.2020 non-constant luminance, SMPTE 240M, FCC). Ignored
// for RGB.
enum class ColorMatrix { BT601, BT709, BT2020, SMPTE240M, FCC };
enum class ColorRange { Full, Limited };

// Where the chroma samples of the subsampled layouts lie. Rows are 4:4:4 already.
struct ChromaSite {
  bool left = false;  // on every second column (MPEG-2, H.264); else between two columns (JPEG)
  bool top = false;   // 4:2:0: on every second row; else between two rows
};

// What unpack_row fills: 4 components a pixel, the first (alpha) ignored.
enum class UnpackedPixel { ARGB8, AYUV8, ARGB16, AYUV16 };

struct Plane {
  const std::uint8_t *data = nullptr;
  std::ptrdiff_t stride = 0;  // bytes from one row to the next; may be padded, may be negative
};

// A picture that somebody else owns; nothing is copied. Valid as long as its owner says.
struct FrameView {
  PixelLayout layout = PixelLayout::RGB;
  int width = 0;   // pixels
  int height = 0;  // pixels
  std::array<Plane, 4> planes{};
  ColorMatrix matrix = ColorMatrix::BT709;
  ColorRange range = ColorRange::Limited;  // of Y'CbCr and GRAY8
  ChromaSite chroma_site{};
  // The planes lie in the memory of this CUDA device, complete; absent: in memory that the CPU reads. Never
  // with PixelLayout::Rows.
  std::optional<int> cuda_device{};
  // When it was taken, from any origin; absent where that is not known. Only learning asks.
  std::optional<std::chrono::nanoseconds> time{};
  // PixelLayout::Rows only: writes row y (0 <= y < height) as width x 4 components of the given type (8-bit
  // types: bytes; 16-bit types: native-endian words). Called with y ascending, by one thread at a time.
  UnpackedPixel unpacked = UnpackedPixel::ARGB8;
  std::function<void(int y, std::span<std::byte> row)> unpack_row{};
};

}  // namespace uniad
