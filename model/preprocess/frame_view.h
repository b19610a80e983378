// SPDX-License-Identifier: Apache-2.0
// A view of a frame in memory: its planes and their format.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

namespace uniad {

// Layouts that preprocessing reads directly. All others are read with FrameView::unpack_row.
enum class PixelLayout {
  I420,  // planes Y, U, V; 4:2:0, 8 bit
  NV12,  // planes Y, UV; 4:2:0, 8 bit
  YUY2,  // one plane Y0 U Y1 V; 4:2:2, 8 bit
  P010,  // NV12 with little-endian 16-bit words, value in the upper 10 bits
  RGB,   // 3 bytes per pixel
  BGR,   // 3 bytes per pixel
  RGBx,  // 4 bytes per pixel, the fourth ignored (also RGBA)
  BGRx,
  xRGB,
  xBGR,
  GRAY8,  // 1 byte per pixel
  Rows,   // pixels from unpack_row
};

// The conversion of Y'CbCr to R'G'B' (ITU-R BT.601, BT.709, BT.2020 non-constant luminance, SMPTE 240M, FCC).
// Ignored for RGB.
enum class ColorMatrix { BT601, BT709, BT2020, SMPTE240M, FCC };
enum class ColorRange { Full, Limited };

// The position of chroma samples in subsampled layouts. Rows are 4:4:4.
struct ChromaSite {
  bool left = false;  // on every second column (MPEG-2, H.264); otherwise between two columns (JPEG)
  bool top = false;   // 4:2:0: on every second row; otherwise between two rows
};

// The output format of unpack_row: 4 components per pixel, the first (alpha) ignored.
enum class UnpackedPixel { ARGB8, AYUV8, ARGB16, AYUV16 };

struct Plane {
  const std::uint8_t *data = nullptr;
  std::ptrdiff_t stride = 0;  // bytes from one row to the next; may be padded, may be negative
};

struct FrameMotion;  // model/motion/normal_flow.h

// A non-owning view of a picture. Its owner determines how long it is valid.
struct FrameView {
  PixelLayout layout = PixelLayout::RGB;
  int width = 0;   // pixels
  int height = 0;  // pixels
  std::array<Plane, 4> planes{};
  ColorMatrix matrix = ColorMatrix::BT709;
  ColorRange range = ColorRange::Limited;  // of Y'CbCr and GRAY8
  ChromaSite chroma_site{};
  // The CUDA device in whose memory all planes are; absent: in system memory. Not supported with
  // PixelLayout::Rows.
  std::optional<int> cuda_device{};
  // When it was captured, from any origin; absent if not known. Used by learning only.
  std::optional<std::chrono::nanoseconds> time{};
  // The motion in this frame of its stream; null if not known. Used by learning only.
  std::shared_ptr<const FrameMotion> motion{};
  // PixelLayout::Rows only: writes row y (0 <= y < height) as width x 4 components of the given type (8-bit
  // types: bytes; 16-bit types: native-endian words). Called with y ascending, by one thread at a time.
  UnpackedPixel unpacked = UnpackedPixel::ARGB8;
  std::function<void(int y, std::span<std::byte> row)> unpack_row{};
};

}  // namespace uniad
