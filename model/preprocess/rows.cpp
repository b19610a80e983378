// SPDX-License-Identifier: Apache-2.0
#include "model/preprocess/rows.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "model/base/error.h"
#include "model/base/vectorize.h"

namespace uniad {

namespace {

using Word = std::int16_t;

// Space before and after a row of chroma: a whole cache line, so that the row is aligned to one.
constexpr std::size_t chroma_margin = 32;

bool is_subsampled(PixelLayout layout) {
  return layout == PixelLayout::I420 || layout == PixelLayout::NV12 || layout == PixelLayout::P010 ||
         layout == PixelLayout::YUY2;
}

bool is_ycbcr_rows(const FrameView &frame) {
  return frame.layout == PixelLayout::Rows &&
         (frame.unpacked == UnpackedPixel::AYUV8 || frame.unpacked == UnpackedPixel::AYUV16);
}

const std::uint8_t *row_of(const Plane &plane, int y) {
  return plane.data + plane.stride * y;
}

// Little-endian; rows need not be aligned.
inline Sample word_at(const std::uint8_t *bytes, std::size_t index) {
  Sample word = 0;
  std::memcpy(&word, bytes + 2 * index, sizeof word);
  if constexpr (std::endian::native == std::endian::big) word = static_cast<Sample>(word << 8 | word >> 8);
  return word;
}

// The two 8-bit samples of a word.
inline Sample first_of(Sample pair) {
  return static_cast<Sample>(pair << 8);
}
inline Sample second_of(Sample pair) {
  return static_cast<Sample>(pair & 0xff00);
}

// The memory format of two neighboring columns of luma.
struct Luma8 {
  static Sample even(const std::uint8_t *row, std::size_t i) { return first_of(word_at(row, i)); }
  static Sample odd(const std::uint8_t *row, std::size_t i) { return second_of(word_at(row, i)); }
};

struct Luma16 {
  static Sample even(const std::uint8_t *row, std::size_t i) { return word_at(row, 2 * i); }
  static Sample odd(const std::uint8_t *row, std::size_t i) { return word_at(row, 2 * i + 1); }
};

struct LumaYuy2 {
  static Sample even(const std::uint8_t *row, std::size_t i) { return first_of(word_at(row, 2 * i)); }
  static Sample odd(const std::uint8_t *row, std::size_t i) { return first_of(word_at(row, 2 * i + 1)); }
};

// The stored chroma of a row, times 64, so that three quarters of one sample and one quarter of another need
// no rounding.
UNIAD_VECTORIZE
void split_yuy2_chroma(const std::uint8_t *row, Sample *__restrict cb, Sample *__restrict cr, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    cb[i] = static_cast<Sample>(word_at(row, 2 * i) >> 8 << 6);
    cr[i] = static_cast<Sample>(word_at(row, 2 * i + 1) >> 8 << 6);
  }
}

UNIAD_VECTORIZE
void blend_chroma(const std::uint8_t *near, const std::uint8_t *far, Sample near_weight, Sample far_weight,
                  Sample *__restrict out, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i)
    out[i] = static_cast<Sample>((near[i] * near_weight + far[i] * far_weight) << 4);
}

UNIAD_VECTORIZE
void blend_chroma_pairs8(const std::uint8_t *near, const std::uint8_t *far, Sample near_weight,
                         Sample far_weight, Sample *__restrict cb, Sample *__restrict cr, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    const Sample p = word_at(near, i);
    const Sample q = word_at(far, i);
    cb[i] = static_cast<Sample>(((p & 0xff) * near_weight + (q & 0xff) * far_weight) << 4);
    cr[i] = static_cast<Sample>(((p >> 8) * near_weight + (q >> 8) * far_weight) << 4);
  }
}

UNIAD_VECTORIZE
void blend_chroma_pairs16(const std::uint8_t *near, const std::uint8_t *far, Sample near_weight,
                          Sample far_weight, Sample *__restrict cb, Sample *__restrict cr, std::size_t n) {
  const auto blend = [&](std::size_t i) {
    return static_cast<Sample>((word_at(near, i) >> 4) * near_weight + (word_at(far, i) >> 4) * far_weight);
  };
  for (std::size_t i = 0; i < n; ++i) {
    cb[i] = blend(2 * i);
    cr[i] = blend(2 * i + 1);
  }
}

inline void put_rgb(const ColorTransform &t, Sample luma, Sample cb, Sample cr, Word *r, Word *g, Word *b,
                    std::size_t i) {
  const RgbWords rgb = to_rgb(t, luma, cb, cr);
  r[i] = rgb.r;
  g[i] = rgb.g;
  b[i] = rgb.b;
}

UNIAD_VECTORIZE
void ycbcr_to_rgb(const ColorTransform &transform, const Sample *__restrict luma, const Sample *__restrict cb,
                  const Sample *__restrict cr, Word *__restrict r, Word *__restrict g, Word *__restrict b,
                  std::size_t n) {
  const ColorTransform t = transform;
  for (std::size_t i = 0; i < n; ++i) put_rgb(t, luma[i], cb[i], cr[i], r, g, b, i);
}

// The same for n pairs of columns that share a chroma sample. cb and cr must be readable one sample before
// and after. Odd columns are stored `odd` words after the even ones.
template <typename Luma, bool left>
UNIAD_VECTORIZE void pairs_to_rgb(const ColorTransform &transform, const std::uint8_t *luma,
                                  const Sample *__restrict cb, const Sample *__restrict cr,
                                  Word *__restrict r, Word *__restrict g, Word *__restrict b, std::size_t odd,
                                  std::size_t n) {
  const auto before = [](const Sample *c) { return even_chroma(left, *c, c[-1]); };
  const auto after = [](const Sample *c) { return odd_chroma(left, *c, c[1]); };
  const ColorTransform t = transform;
  for (std::size_t i = 0; i < n; ++i) {
    put_rgb(t, Luma::even(luma, i), before(cb + i), before(cr + i), r, g, b, i);
    put_rgb(t, Luma::odd(luma, i), after(cb + i), after(cr + i), r + odd, g + odd, b + odd, i);
  }
}

template <std::size_t pixel_bytes>
UNIAD_VECTORIZE void split_rgb(const std::uint8_t *row, const std::array<std::size_t, 3> &at,
                               Word *__restrict r, Word *__restrict g, Word *__restrict b, std::size_t n) {
  const auto [red, green, blue] = at;
  for (std::size_t i = 0; i < n; ++i) {
    r[i] = row[pixel_bytes * i + red];
    g[i] = row[pixel_bytes * i + green];
    b[i] = row[pixel_bytes * i + blue];
  }
}

UNIAD_VECTORIZE
void expand_row(Word *levels, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) levels[i] = expand_gray(levels[i]);
}

// Components 1 to 3 of unpacked pixels, each converted by `convert`.
template <typename Component, typename Convert, typename Out>
void split_unpacked(const Component *row, Convert convert, Out *__restrict a, Out *__restrict b,
                    Out *__restrict c, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    a[i] = convert(row[4 * i + 1]);
    b[i] = convert(row[4 * i + 2]);
    c[i] = convert(row[4 * i + 3]);
  }
}

// The last column of an odd width has chroma, but no second column.
std::size_t pairs_of(std::size_t width) {
  return (width + 1) / 2;
}

[[noreturn]] void refuse(const std::string &what) {
  throw Error(ErrorKind::Unsupported, "video frame", what,
              "pass a mapped raw frame with its size, planes and strides");
}

}  // namespace

Layout describe(PixelLayout layout) {
  switch (layout) {
    case PixelLayout::I420:
      return {3, 1, 1, {}};
    case PixelLayout::NV12:
      return {2, 1, 2, {}};
    case PixelLayout::P010:
      return {2, 2, 4, {}};
    case PixelLayout::YUY2:
      return {1, 2, 0, {}, 2};
    case PixelLayout::RGB:
      return {1, 3, 0, {0, 1, 2}};
    case PixelLayout::BGR:
      return {1, 3, 0, {2, 1, 0}};
    case PixelLayout::RGBx:
      return {1, 4, 0, {0, 1, 2}};
    case PixelLayout::BGRx:
      return {1, 4, 0, {2, 1, 0}};
    case PixelLayout::xRGB:
      return {1, 4, 0, {1, 2, 3}};
    case PixelLayout::xBGR:
      return {1, 4, 0, {3, 2, 1}};
    case PixelLayout::GRAY8:
      return {1, 1, 0, {0, 0, 0}};
    case PixelLayout::Rows:
      break;
  }
  return {0, 0, 0, {}};
}

void check_frame(const FrameView &frame) {
  if (frame.width <= 0 || frame.height <= 0)
    refuse("its size is " + std::to_string(frame.width) + "x" + std::to_string(frame.height));
  if (frame.layout == PixelLayout::Rows && !frame.unpack_row) refuse("it has neither planes nor unpack_row");
  const Layout layout = describe(frame.layout);
  const auto width = static_cast<std::size_t>(frame.width);
  for (int p = 0; p < layout.planes; ++p) {
    const Plane &plane = frame.planes[static_cast<std::size_t>(p)];
    if (plane.data == nullptr) refuse("plane " + std::to_string(p) + " has no data");
    const std::size_t bytes = layout.row_bytes(p, width);
    if (frame.height > 1 && static_cast<std::size_t>(std::abs(plane.stride)) < bytes)
      refuse("plane " + std::to_string(p) + " has a stride of " + std::to_string(plane.stride) +
             " bytes, but its rows have " + std::to_string(bytes));
  }
}

// R' = Y' + 2 (1 - Kr) Cr, B' = Y' + 2 (1 - Kb) Cb, Y' = Kr R' + Kg G' + Kb B', with Y' in 0..1 and Cb, Cr in
// -0.5..0.5; limited range: Y' 16..235, chroma 16..240 (ITU-R BT.601, BT.709, BT.2020, SMPTE ST 240,
// FCC 73.682).
ColorTransform color_transform(ColorMatrix matrix, ColorRange range) {
  const auto [kr, kb] = [matrix]() -> std::pair<double, double> {
    switch (matrix) {
      case ColorMatrix::BT709:
        return {0.2126, 0.0722};
      case ColorMatrix::BT2020:
        return {0.2627, 0.0593};
      case ColorMatrix::SMPTE240M:
        return {0.212, 0.087};
      case ColorMatrix::FCC:
        return {0.30, 0.11};
      case ColorMatrix::BT601:
        break;
    }
    return {0.299, 0.114};
  }();
  const double kg = 1 - kr - kb;
  const bool limited = range == ColorRange::Limited;
  const double black = limited ? 16 : 0;
  const double luma = limited ? 255.0 / 219 : 1;
  const double chroma = limited ? 255.0 / 224 : 1;
  const double red_cr = 2 * (1 - kr) * chroma;
  const double blue_cb = 2 * (1 - kb) * chroma;
  const double green_cr = red_cr * kr / kg;
  const double green_cb = blue_cb * kb / kg;

  // Input samples are scaled by 2^8, output samples by 2^5.
  const auto factor = [](double f) { return static_cast<Sample>(std::lround(f * (1 << 13))); };
  const auto offset = [&](double chroma_factors) {
    return static_cast<Word>(std::lround(-(black * luma + 128 * chroma_factors) * (1 << fraction_bits)));
  };
  return {.luma = factor(luma),
          .red_cr = factor(red_cr),
          .green_cb = factor(green_cb),
          .green_cr = factor(green_cr),
          .blue_cb = factor(blue_cb),
          .red_offset = offset(red_cr),
          .green_offset = offset(-green_cb - green_cr),
          .blue_offset = offset(blue_cb)};
}

void RowReader::open(const FrameView &frame) {
  check_frame(frame);
  if (frame.cuda_device)
    throw Error(ErrorKind::Unsupported, "video frame",
                "its pixels are in the memory of CUDA device " + std::to_string(*frame.cuda_device),
                "download them first, for example with cudadownload, or use device=cuda");

  frame_ = &frame;
  subsampled_ = is_subsampled(frame.layout);
  ycbcr_ = subsampled_ || is_ycbcr_rows(frame);
  const auto width = static_cast<std::size_t>(frame.width);
  samples_ = subsampled_ ? 2 * pairs_of(width) : width;
  if (ycbcr_) transform_ = color_transform(frame.matrix, frame.range);
  if (subsampled_) {
    for (auto *plane : {&cb_, &cr_}) plane->resize(pairs_of(width) + 2 * chroma_margin);
  } else if (ycbcr_) {
    for (auto *plane : {&luma_, &cb_, &cr_}) plane->resize(width);
  }
  if (frame.layout == PixelLayout::Rows) unpacked_.resize(4 * width);
}

void RowReader::read(int y, Word *r, Word *g, Word *b) {
  switch (frame_->layout) {
    case PixelLayout::Rows:
      return read_unpacked(y, r, g, b);
    case PixelLayout::I420:
    case PixelLayout::NV12:
      return read_pairs<Luma8>(y, r, g, b);
    case PixelLayout::P010:
      return read_pairs<Luma16>(y, r, g, b);
    case PixelLayout::YUY2:
      return read_pairs<LumaYuy2>(y, r, g, b);
    default:
      return read_rgb(y, r, g, b);
  }
}

void RowReader::read_rgb(int y, Word *r, Word *g, Word *b) {
  const Layout layout = describe(frame_->layout);
  const std::uint8_t *row = row_of(frame_->planes[0], y);
  if (layout.pixel_bytes == 4) return split_rgb<4>(row, layout.rgb, r, g, b, samples_);
  if (layout.pixel_bytes == 3) return split_rgb<3>(row, layout.rgb, r, g, b, samples_);
  std::copy_n(row, samples_, r);
  if (frame_->range == ColorRange::Limited) expand_row(r, samples_);
  std::copy_n(r, samples_, g);
  std::copy_n(r, samples_, b);
}

// The chroma of row y, interpolated between rows, with its first and last sample repeated.
void RowReader::read_chroma(int y) {
  const FrameView &frame = *frame_;
  const std::size_t pairs = samples_ / 2;
  Sample *cb = cb_.data() + chroma_margin;
  Sample *cr = cr_.data() + chroma_margin;
  const ChromaRows rows = chroma_rows(y, frame.height, frame.chroma_site.top);
  const auto near = [&](std::size_t plane) { return row_of(frame.planes[plane], rows.near); };
  const auto far = [&](std::size_t plane) { return row_of(frame.planes[plane], rows.far); };
  switch (frame.layout) {
    case PixelLayout::YUY2:
      split_yuy2_chroma(row_of(frame.planes[0], y), cb, cr, pairs);
      break;
    case PixelLayout::NV12:
      blend_chroma_pairs8(near(1), far(1), rows.near_weight, rows.far_weight, cb, cr, pairs);
      break;
    case PixelLayout::P010:
      blend_chroma_pairs16(near(1), far(1), rows.near_weight, rows.far_weight, cb, cr, pairs);
      break;
    default:
      blend_chroma(near(1), far(1), rows.near_weight, rows.far_weight, cb, pairs);
      blend_chroma(near(2), far(2), rows.near_weight, rows.far_weight, cr, pairs);
  }
  for (Sample *plane : {cb, cr}) {
    plane[-1] = plane[0];
    plane[pairs] = plane[pairs - 1];
  }
}

template <typename Luma>
void RowReader::read_pairs(int y, Word *r, Word *g, Word *b) {
  read_chroma(y);
  const std::size_t pairs = samples_ / 2;
  const auto convert = [&](const std::uint8_t *luma, std::size_t first, std::size_t n) {
    const auto to_rgb = frame_->chroma_site.left ? pairs_to_rgb<Luma, true> : pairs_to_rgb<Luma, false>;
    to_rgb(transform_, luma, cb_.data() + chroma_margin + first, cr_.data() + chroma_margin + first,
           r + first, g + first, b + first, pairs, n);
  };
  const std::uint8_t *luma = row_of(frame_->planes[0], y);
  const std::size_t whole = static_cast<std::size_t>(frame_->width) / 2;
  convert(luma, 0, whole);
  if (whole == pairs) return;
  // The last column has no second column to read.
  std::array<std::uint8_t, 4> last{};
  const std::size_t bytes = describe(frame_->layout).pixel_bytes;
  std::copy_n(luma + 2 * bytes * whole, bytes, last.begin());
  convert(last.data(), whole, 1);
}

void RowReader::read_unpacked(int y, Word *r, Word *g, Word *b) {
  const bool wide = frame_->unpacked == UnpackedPixel::ARGB16 || frame_->unpacked == UnpackedPixel::AYUV16;
  const auto bytes = std::as_writable_bytes(std::span(unpacked_));
  frame_->unpack_row(y, bytes.first(wide ? bytes.size() : bytes.size() / 2));

  const auto *row8 = reinterpret_cast<const std::uint8_t *>(unpacked_.data());
  const std::uint16_t *row16 = unpacked_.data();
  switch (frame_->unpacked) {
    case UnpackedPixel::ARGB8:
      return split_rgb<4>(row8, {1, 2, 3}, r, g, b, samples_);
    case UnpackedPixel::ARGB16:
      return split_unpacked(row16, narrow_level, r, g, b, samples_);
    case UnpackedPixel::AYUV8:
      split_unpacked(
          row8, [](int c) { return static_cast<Sample>(c << 8); }, luma_.data(), cb_.data(), cr_.data(),
          samples_);
      break;
    case UnpackedPixel::AYUV16:
      split_unpacked(
          row16, [](Sample c) { return c; }, luma_.data(), cb_.data(), cr_.data(), samples_);
  }
  ycbcr_to_rgb(transform_, luma_.data(), cb_.data(), cr_.data(), r, g, b, samples_);
}

UNIAD_VECTORIZE
void round_to_levels(const std::int16_t *__restrict values, std::int16_t *__restrict levels, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) levels[i] = round_to_level(values[i]);
}

}  // namespace uniad
