// SPDX-License-Identifier: Apache-2.0
#include "training/data/picture.h"

#include <turbojpeg.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <fstream>
#include <memory>
#include <new>
#include <opencv2/imgcodecs.hpp>
#include <regex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/base/error.h"
#include "training/data/bit_depth.h"

namespace uniad {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes read_bytes(const std::filesystem::path &path) {
  // Opening a named pipe blocks until another process opens it for writing.
  std::error_code unreadable;
  if (!std::filesystem::is_regular_file(path, unreadable) && std::filesystem::exists(path, unreadable))
    throw Error(ErrorKind::Malformed, path.string(), "is not a file", "remove it");
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  Bytes bytes(file ? static_cast<std::size_t>(std::max<std::streamoff>(file.tellg(), 0)) : 0);
  file.seekg(0);
  if (!file.read(reinterpret_cast<char *>(bytes.data()), static_cast<std::streamsize>(bytes.size())))
    throw Error(ErrorKind::Unreadable, path.string(), "cannot be read",
                "check that it exists and is readable");
  return bytes;
}

bool is_jpeg(std::string_view bytes) {
  return bytes.starts_with("\xFF\xD8");
}

}  // namespace

cv::Mat read_picture(const std::filesystem::path &path, int mode) {
  try {
    const auto bytes = read_bytes(path);
    if (bytes.empty())
      throw Error(ErrorKind::Malformed, path.string(), "the file is empty", "remove or replace it");
    if (is_jpeg({reinterpret_cast<const char *>(bytes.data()), bytes.size()}))
      if (const std::string warning = warning_of_jpeg(bytes); !warning.empty())
        throw Error(ErrorKind::Malformed, path.string(), "the picture is damaged or truncated: " + warning,
                    "remove or replace it");
    auto picture = cv::imdecode(bytes, mode);
    if (picture.empty())
      throw Error(ErrorKind::Malformed, path.string(), "is not a picture that can be decoded",
                  "remove or replace it");
    return picture;
  } catch (const cv::Exception &error) {
    throw Error(ErrorKind::Malformed, path.string(), "cannot be decoded: " + error.err,
                "remove or replace it");
  } catch (const std::bad_alloc &) {
    throw Error(ErrorKind::OutOfMemory, path.string(), "does not fit into memory", "reduce its size");
  }
}

std::string warning_of_jpeg(std::span<const std::uint8_t> bytes) {
  const std::unique_ptr<void, int (*)(tjhandle)> decoder(tjInitDecompress(), tjDestroy);
  if (!decoder) throw std::bad_alloc();
  int width = 0;
  int height = 0;
  int subsampling = 0;
  int colors = 0;
  if (tjDecompressHeader3(decoder.get(), bytes.data(), bytes.size(), &width, &height, &subsampling,
                          &colors) != 0)
    return tjGetErrorStr2(decoder.get());
  const bool cmyk = colors == TJCS_CMYK || colors == TJCS_YCCK;
  constexpr tjscalingfactor eighth{1, 8};
  const int small_width = TJSCALED(width, eighth);
  const int small_height = TJSCALED(height, eighth);
  Bytes pixels(static_cast<std::size_t>(small_width) * static_cast<std::size_t>(small_height) *
               (cmyk ? 4 : 1));
  if (tjDecompress2(decoder.get(), bytes.data(), bytes.size(), pixels.data(), small_width, 0, small_height,
                    cmyk ? TJPF_CMYK : TJPF_GRAY, TJFLAG_STOPONWARNING | TJFLAG_FASTDCT) == 0)
    return {};
  const std::string warning = tjGetErrorStr2(decoder.get());
  // Extra bytes after the last pixel are harmless, because webcams pad their pictures.
  static const std::regex padding(".* [0-9] extraneous bytes before marker 0xd9");
  return std::regex_match(warning, padding) ? std::string() : warning;
}

ColorPicture read_color_picture(const std::filesystem::path &path, std::optional<int> bits) {
  cv::Mat picture = read_picture(path, cv::IMREAD_COLOR | cv::IMREAD_ANYDEPTH);
  if (picture.depth() == CV_8U) return {picture, {}};
  if (picture.depth() != CV_16U) return {read_picture(path, cv::IMREAD_COLOR), {}};
  double most = 0;
  cv::minMaxLoc(picture.reshape(1), nullptr, &most);
  cv::Mat bgr(picture.size(), CV_8UC3);
  for (int y = 0; y < picture.rows; ++y) {
    const auto *from = picture.ptr<std::uint16_t>(y);
    std::transform(from, from + std::ptrdiff_t{3} * picture.cols, bgr.ptr<std::uint8_t>(y),
                   [&](std::uint16_t value) {
                     return static_cast<std::uint8_t>(widen(value, bits.value_or(16)) >> 8U);
                   });
  }
  return {bgr, static_cast<std::uint16_t>(most)};
}

bool is_lossy_picture(const std::filesystem::path &path) {
  std::array<char, 16> start{};
  std::ifstream(path, std::ios::binary).read(start.data(), start.size());
  const std::string_view text(start.data(), start.size());
  const bool webp = text.starts_with("RIFF") && text.substr(8, 4) == "WEBP" && text.substr(12, 4) != "VP8L";
  return webp || is_jpeg(text) || text.substr(4, 4) == "jP  ";
}

FrameView view_of(const cv::Mat &bgr) {
  FrameView view;
  view.layout = PixelLayout::BGR;
  view.width = bgr.cols;
  view.height = bgr.rows;
  view.planes[0] = {bgr.data, static_cast<std::ptrdiff_t>(bgr.step[0])};
  return view;
}

}  // namespace uniad
