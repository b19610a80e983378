// SPDX-License-Identifier: Apache-2.0
#include "training/data/picture.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <fstream>
#include <new>
#include <opencv2/imgcodecs.hpp>
#include <string_view>
#include <vector>

#include "model/error.h"

namespace uniad {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes read_bytes(const std::filesystem::path &path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  Bytes bytes(file ? static_cast<std::size_t>(std::max<std::streamoff>(file.tellg(), 0)) : 0);
  file.seekg(0);
  if (!file.read(reinterpret_cast<char *>(bytes.data()), static_cast<std::streamsize>(bytes.size())))
    throw Error(path.string(), "cannot be read", "check that it exists and may be read");
  return bytes;
}

// A JPEG without its end marker: libjpeg would fill what is missing with grey, and the network would learn
// that as normal. Marker segments are stepped over, as an embedded thumbnail has an end marker of its own.
bool is_cut_jpeg(const Bytes &bytes) {
  constexpr std::uint8_t start_of_scan = 0xDA;
  if (bytes.size() < 4 || bytes[0] != 0xFF || bytes[1] != 0xD8) return false;
  std::size_t at = 2;
  while (at + 4 <= bytes.size() && bytes[at] == 0xFF && bytes[at + 1] != start_of_scan)
    at += bytes[at + 1] == 0xFF ? 1 : 2 + (std::size_t{bytes[at + 2]} << 8U | bytes[at + 3]);
  constexpr std::array<std::uint8_t, 2> end_of_image{0xFF, 0xD9};
  return at >= bytes.size() || std::search(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.end(),
                                           end_of_image.begin(), end_of_image.end()) == bytes.end();
}

}  // namespace

cv::Mat read_picture(const std::filesystem::path &path, int mode) {
  try {
    const auto bytes = read_bytes(path);
    if (bytes.empty()) throw Error(path.string(), "the file is empty", "remove or replace it");
    if (is_cut_jpeg(bytes)) throw Error(path.string(), "the picture is cut short", "remove or replace it");
    auto picture = cv::imdecode(bytes, mode);
    if (picture.empty())
      throw Error(path.string(), "not a picture that can be decoded", "remove or replace it");
    return picture;
  } catch (const cv::Exception &error) {
    throw Error(path.string(), "cannot be decoded: " + error.err, "remove or replace it");
  } catch (const std::bad_alloc &) {
    throw Error(path.string(), "does not fit into memory", "make it smaller");
  }
}

bool is_lossy_picture(const std::filesystem::path &path) {
  std::array<char, 16> start{};
  std::ifstream(path, std::ios::binary).read(start.data(), start.size());
  const std::string_view text(start.data(), start.size());
  const bool webp = text.starts_with("RIFF") && text.substr(8, 4) == "WEBP" && text.substr(12, 4) != "VP8L";
  return webp || text.starts_with("\xFF\xD8") || text.substr(4, 4) == "jP  ";
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
