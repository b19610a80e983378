// SPDX-License-Identifier: Apache-2.0
#include "model/scoring/mask_file.h"

#include <png.h>

#include <algorithm>
#include <system_error>

#include "model/base/error.h"

namespace uniad {
namespace {

// Owns libpng's picture, which allocates memory.
struct Png {
  png_image image{};

  Png() { image.version = PNG_IMAGE_VERSION; }
  ~Png() { png_image_free(&image); }
  Png(const Png &) = delete;
  Png &operator=(const Png &) = delete;
};

}  // namespace

MaskPicture read_mask(const std::filesystem::path &path) {
  std::error_code failed;
  if (!std::filesystem::is_regular_file(path, failed))
    throw Error(ErrorKind::NotFound, path.string(), "there is no such mask",
                "give the path of a PNG file, relative to that of the zones");
  Png png;
  const auto unreadable = [&] {
    return Error(ErrorKind::Malformed, path.string(),
                 std::string("cannot be read as PNG: ") + png.image.message, "save the mask as PNG");
  };
  if (png_image_begin_read_from_file(&png.image, path.c_str()) == 0) throw unreadable();
  const auto width = png.image.width;
  const auto height = png.image.height;
  if (width > most_mask_side || height > most_mask_side)
    throw Error(ErrorKind::Unsupported, path.string(),
                "is " + std::to_string(width) + "x" + std::to_string(height) + " pixels large",
                "make it at most 8192 pixels wide and high: it need not have the size of the frames");
  png.image.format = PNG_FORMAT_GRAY;
  MaskPicture mask{static_cast<int>(width), static_cast<int>(height), {}};
  mask.ignored.resize(std::size_t{width} * height);
  const png_color white{255, 255, 255};
  if (png_image_finish_read(&png.image, &white, mask.ignored.data(), 0, nullptr) == 0) throw unreadable();
  constexpr std::uint8_t half = 128;
  std::transform(mask.ignored.begin(), mask.ignored.end(), mask.ignored.begin(),
                 [](std::uint8_t gray) { return static_cast<std::uint8_t>(gray < half ? 1 : 0); });
  return mask;
}

}  // namespace uniad
