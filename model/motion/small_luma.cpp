// SPDX-License-Identifier: Apache-2.0
#include "model/motion/small_luma.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>

#include "model/base/error.h"
#include "model/base/vectorize.h"
#include "model/preprocess/rows.h"

namespace uniad {
namespace {

constexpr int most_luma_rows = 720;
constexpr std::array<float, 3> rec601{0.299F, 0.587F, 0.114F};

template <std::size_t step>
UNIAD_VECTORIZE void add_bytes(const std::uint8_t *row, float weight, float *__restrict sums, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) sums[i] += weight * static_cast<float>(row[step * i]);
}

// Native-endian words.
template <std::size_t step>
UNIAD_VECTORIZE void add_words(const std::uint8_t *row, float weight, float *__restrict sums, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    std::uint16_t word = 0;
    std::memcpy(&word, row + 2 * step * i, sizeof word);
    sums[i] += weight * static_cast<float>(word);
  }
}

template <std::size_t step>
UNIAD_VECTORIZE void add_rgb(const std::uint8_t *row, const std::array<float, 3> &weights,
                             float *__restrict sums, std::size_t n) {
  const auto [red, green, blue] = weights;
  for (std::size_t i = 0; i < n; ++i)
    sums[i] += red * static_cast<float>(row[step * i]) + green * static_cast<float>(row[step * i + 1]) +
               blue * static_cast<float>(row[step * i + 2]);
}

bool is_unpacked(const FrameView &frame, UnpackedPixel pixel) {
  return frame.layout == PixelLayout::Rows && frame.unpacked == pixel;
}

bool is_rgb(const FrameView &frame) {
  switch (frame.layout) {
    case PixelLayout::I420:
    case PixelLayout::NV12:
    case PixelLayout::YUY2:
    case PixelLayout::P010:
    case PixelLayout::GRAY8:
      return false;
    case PixelLayout::Rows:
      return is_unpacked(frame, UnpackedPixel::ARGB8) || is_unpacked(frame, UnpackedPixel::ARGB16);
    default:
      return true;
  }
}

// The weights of the three bytes of a pixel from the first color on.
std::array<float, 3> weights_by_byte(const Layout &layout, float weight) {
  const std::size_t first = std::ranges::min(layout.rgb);
  std::array<float, 3> weights{};
  for (std::size_t color = 0; color < 3; ++color) weights[layout.rgb[color] - first] = weight * rec601[color];
  return weights;
}

}  // namespace

void SmallLuma::add_row(const FrameView &frame, int y, float weight) {
  const std::size_t n = sums_.size();
  constexpr float per_word = 1.0F / 256;
  if (frame.layout == PixelLayout::Rows) {
    frame.unpack_row(y, unpacked_);
    const auto *pixels = reinterpret_cast<const std::uint8_t *>(unpacked_.data());
    switch (frame.unpacked) {
      case UnpackedPixel::AYUV8:
        return add_bytes<4>(pixels + 1, weight, sums_.data(), n);
      case UnpackedPixel::AYUV16:
        return add_words<4>(pixels + 2, weight * per_word, sums_.data(), n);
      case UnpackedPixel::ARGB8:
        return add_rgb<4>(pixels + 1, weights_by_byte({1, 4, 0, {0, 1, 2}}, weight), sums_.data(), n);
      case UnpackedPixel::ARGB16:
        for (std::size_t color = 0; color < 3; ++color)
          add_words<4>(pixels + 2 + 2 * color, weight * per_word * rec601[color], sums_.data(), n);
        return;
    }
  }
  const Layout layout = describe(frame.layout);
  const std::uint8_t *row = frame.planes[0].data + frame.planes[0].stride * y;
  if (is_rgb(frame)) {
    row += std::ranges::min(layout.rgb);
    const auto weights = weights_by_byte(layout, weight);
    return layout.pixel_bytes == 3 ? add_rgb<3>(row, weights, sums_.data(), n)
                                   : add_rgb<4>(row, weights, sums_.data(), n);
  }
  if (frame.layout == PixelLayout::P010) return add_words<1>(row, weight * per_word, sums_.data(), n);
  if (frame.layout == PixelLayout::YUY2) return add_bytes<2>(row, weight, sums_.data(), n);
  add_bytes<1>(row, weight, sums_.data(), n);
}

// Sums over the columns that each pixel covers.
void SmallLuma::finish_row(std::span<float> out) {
  const double scale = static_cast<double>(sums_.size()) / static_cast<double>(out.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    const double begin = scale * static_cast<double>(i);
    const double end = std::min(scale * static_cast<double>(i + 1), static_cast<double>(sums_.size()));
    float sum = 0;
    for (auto x = static_cast<std::size_t>(begin); static_cast<double>(x) < end; ++x) {
      const double covered =
          std::min(end, static_cast<double>(x + 1)) - std::max(begin, static_cast<double>(x));
      sum += static_cast<float>(covered) * sums_[x];
    }
    out[i] = sum / static_cast<float>(scale);
  }
}

void SmallLuma::reduce(const FrameView &frame, LumaPlane &luma) {
  check_frame(frame);
  if (frame.cuda_device)
    throw Error(ErrorKind::Unsupported, "video frame", "motion is not measured in the memory of a GPU",
                "set motion=off, or download the frames first, for example with cudadownload");
  const double scale = static_cast<double>(frame.width) / width;
  luma.width = width;
  luma.height = static_cast<int>(std::clamp<double>(std::round(frame.height / scale), 1, most_luma_rows));
  luma.values.resize(static_cast<std::size_t>(luma.width) * static_cast<std::size_t>(luma.height));
  sums_.resize(static_cast<std::size_t>(frame.width));
  if (frame.layout == PixelLayout::Rows) {
    const bool wide = is_unpacked(frame, UnpackedPixel::AYUV16) || is_unpacked(frame, UnpackedPixel::ARGB16);
    unpacked_.resize(sums_.size() * (wide ? 8 : 4));
  }

  const double rows = static_cast<double>(frame.height) / luma.height;
  for (int out = 0; out < luma.height; ++out) {
    std::ranges::fill(sums_, 0.0F);
    const double begin = rows * out;
    const double end = std::min<double>(rows * (out + 1), frame.height);
    for (int y = static_cast<int>(begin); y < end; ++y) {
      const double covered = std::min<double>(end, y + 1) - std::max<double>(begin, y);
      add_row(frame, y, static_cast<float>(covered / rows));
    }
    finish_row(std::span(luma.values)
                   .subspan(static_cast<std::size_t>(out) * width, static_cast<std::size_t>(width)));
  }
  if (is_rgb(frame) || frame.range == ColorRange::Full) return;
  for (float &value : luma.values) value = (value - 16) * (255.0F / 219);
}

}  // namespace uniad
