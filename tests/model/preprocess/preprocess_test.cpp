// SPDX-License-Identifier: Apache-2.0
#include "model/preprocess/preprocess.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <opencv2/imgcodecs.hpp>
#include <string>

#include "model/base/error.h"
#include "tests/model/preprocess/reference.h"
#include "tests/support/shared.h"

namespace uniad::test {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes noise(std::size_t size, std::uint32_t seed) {
  std::mt19937 random(seed);
  Bytes bytes(size);
  for (auto &byte : bytes) byte = static_cast<std::uint8_t>(random() >> 24);
  return bytes;
}

Picture noise_picture(int width, int height, std::uint32_t seed) {
  return {width, height, noise(area(width, height, 3), seed)};
}

FrameView view_of(const Picture &picture) {
  FrameView view{.layout = PixelLayout::RGB, .width = picture.width, .height = picture.height};
  view.planes[0] = {picture.rgb.data(), std::ptrdiff_t{3} * picture.width};
  return view;
}

// Sizes that are critical for resizers, and every combination of large and small.
const std::array<std::array<int, 4>, 14> sizes{{{1, 1, 1, 1},
                                                {1, 1, 32, 16},
                                                {2, 1, 224, 224},
                                                {3, 5, 16, 16},
                                                {5, 3, 2, 1},
                                                {224, 224, 224, 224},
                                                {223, 225, 224, 224},
                                                {97, 61, 32, 48},
                                                {64, 480, 224, 224},
                                                {481, 63, 32, 224},
                                                {1919, 270, 224, 112},
                                                {1021, 769, 56, 57},
                                                {30000, 3, 32, 32},
                                                {2, 30000, 16, 32}}};

TEST(Preprocess, RgbEqualsPillowsFixtures) {
  std::ifstream file(std::string(UNIAD_SOURCE_ROOT) + "/tests/model/preprocess/pillow.txt");
  int pictures = 0;
  for (int in_width, in_height, width, height; file >> in_width >> in_height >> width >> height; ++pictures) {
    Picture picture = make_picture(in_width, in_height);
    std::uint32_t state = 12345;  // as in make_pillow_fixture.py
    for (auto &value : picture.rgb) {
      state = state * 1664525 + 1013904223;
      value = static_cast<std::uint8_t>(state >> 24);
    }
    Bytes expected(area(width, height, 3));
    for (auto &value : expected) {
      int number = 0;
      file >> number;
      value = static_cast<std::uint8_t>(number);
    }
    EXPECT_EQ(resize(view_of(picture), width, height), expected) << in_width << "x" << in_height;
  }
  EXPECT_EQ(pictures, 4);
}

TEST(Preprocess, RgbEqualsTheDefinitionAtAllSizes) {
  for (const auto &[in_width, in_height, width, height] : sizes) {
    const Picture picture = noise_picture(in_width, in_height, 1);
    EXPECT_EQ(resize(view_of(picture), width, height), resize_like_pillow(picture, width, height).rgb)
        << in_width << "x" << in_height << " to " << width << "x" << height;
  }
}

TEST(Preprocess, EveryRgbLayoutGivesTheSamePixels) {
  const Picture picture = noise_picture(61, 47, 2);
  const auto expected = resize_like_pillow(picture, 32, 16).rgb;
  struct Packing {
    PixelLayout layout;
    int bytes;
    std::array<int, 3> at;
  };
  for (const auto &[layout, bytes, at] :
       {Packing{PixelLayout::RGB, 3, {0, 1, 2}}, Packing{PixelLayout::BGR, 3, {2, 1, 0}},
        Packing{PixelLayout::RGBx, 4, {0, 1, 2}}, Packing{PixelLayout::BGRx, 4, {2, 1, 0}},
        Packing{PixelLayout::xRGB, 4, {1, 2, 3}}, Packing{PixelLayout::xBGR, 4, {3, 2, 1}}}) {
    const int stride = 61 * bytes + 13;
    Bytes packed = noise(area(stride, 47), 3);
    for (int y = 0; y < 47; ++y)
      for (int x = 0; x < 61; ++x) {
        std::uint8_t *pixel = &packed[area(stride, y) + area(bytes, x)];
        for (int c = 0; c < 3; ++c) pixel[at[static_cast<std::size_t>(c)]] = picture.at(x, y, c);
      }
    FrameView view{.layout = layout, .width = 61, .height = 47};
    view.planes[0] = {packed.data(), stride};
    EXPECT_EQ(resize(view, 32, 16), expected) << static_cast<int>(layout);
  }
}

TEST(Preprocess, NegativeStrideReadsBottomUp) {
  const Picture picture = noise_picture(40, 30, 4);
  Bytes bottom_up(picture.rgb.size());
  for (std::size_t y = 0; y < 30; ++y) std::memcpy(&bottom_up[(29 - y) * 120], &picture.rgb[y * 120], 120);
  FrameView view = view_of(picture);
  view.planes[0] = {bottom_up.data() + std::size_t{29} * 120, -120};
  EXPECT_EQ(resize(view, 16, 16), resize(view_of(picture), 16, 16));
}

TEST(Preprocess, GrayIsThreeEqualChannels) {
  const Bytes gray = noise(std::size_t{50} * 33, 5);
  Picture full = make_picture(50, 33);
  Picture limited = make_picture(50, 33);
  for (std::size_t i = 0; i < gray.size(); ++i) {
    const double expanded = std::clamp(std::round((gray[i] - 16) * 255.0 / 219), 0.0, 255.0);
    for (std::size_t c = 0; c < 3; ++c) {
      full.rgb[3 * i + c] = gray[i];
      limited.rgb[3 * i + c] = static_cast<std::uint8_t>(expanded);
    }
  }
  FrameView view{.layout = PixelLayout::GRAY8, .width = 50, .height = 33, .range = ColorRange::Full};
  view.planes[0] = {gray.data(), 50};
  EXPECT_EQ(resize(view, 16, 16), resize_like_pillow(full, 16, 16).rgb);
  view.range = ColorRange::Limited;
  EXPECT_EQ(resize(view, 16, 16), resize_like_pillow(limited, 16, 16).rgb);
}

// The bytes of a Y'CbCr frame, and the same samples as numbers.
struct YcbcrFrame {
  FrameView view;
  YcbcrPicture picture;
  Bytes bytes;
};

// Noise in `layout`. Rows are padded by 0 to 3 bytes, so that most are unaligned.
YcbcrFrame ycbcr_noise(PixelLayout layout, int width, int height, std::uint32_t seed) {
  const std::ptrdiff_t half_width = (width + 1) / 2;
  const bool packed = layout == PixelLayout::YUY2;
  const std::ptrdiff_t half_height = packed ? height : (height + 1) / 2;
  const std::ptrdiff_t depth = layout == PixelLayout::P010 ? 2 : 1;
  const bool planar = layout == PixelLayout::I420;
  const auto padding = static_cast<std::ptrdiff_t>(seed % 4);
  const std::ptrdiff_t stride = (packed ? 4 * half_width : width * depth) + padding;
  const std::ptrdiff_t chroma_stride = half_width * depth * (planar ? 1 : 2) + padding;

  YcbcrFrame f;
  f.bytes =
      noise(static_cast<std::size_t>(stride * height + chroma_stride * half_height * (planar ? 2 : 1)), seed);
  f.view = {.layout = layout, .width = width, .height = height};
  const std::uint8_t *luma = f.bytes.data();
  const std::uint8_t *cb = luma + stride * height;
  const std::uint8_t *cr = planar ? cb + chroma_stride * half_height : cb + depth;
  f.view.planes = {Plane{luma, stride}, Plane{cb, chroma_stride}, Plane{cr, chroma_stride}};
  f.picture = {width, height, static_cast<int>(half_width), static_cast<int>(half_height), {}, {}, {}};
  const auto sample = [&](const std::uint8_t *at) {
    return depth == 1 ? at[0] : (at[0] | at[1] << 8) / 256.0;
  };
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      f.picture.y.push_back(sample(luma + y * stride + x * (packed ? 2 : depth)));
  for (std::ptrdiff_t y = 0; y < half_height; ++y)
    for (std::ptrdiff_t x = 0; x < half_width; ++x) {
      const std::ptrdiff_t at =
          packed ? y * stride + 4 * x : y * chroma_stride + x * depth * (planar ? 1 : 2);
      f.picture.cb.push_back(sample(packed ? luma + at + 1 : cb + at));
      f.picture.cr.push_back(sample(packed ? luma + at + 3 : cr + at));
    }
  return f;
}

TEST(Preprocess, YcbcrNoiseStaysWithinTwoLevelsOfConvertingFirst) {
  std::uint32_t seed = 0;
  for (const auto layout : {PixelLayout::I420, PixelLayout::NV12, PixelLayout::YUY2, PixelLayout::P010})
    for (const auto &[in_width, in_height, width, height] : sizes) {
      YcbcrFrame frame = ycbcr_noise(layout, in_width, in_height, ++seed);
      frame.view.matrix = static_cast<ColorMatrix>(seed % 5);
      frame.view.range = seed % 3 == 0 ? ColorRange::Full : ColorRange::Limited;
      frame.view.chroma_site = {.left = seed % 2 == 0, .top = seed % 7 == 0 && layout != PixelLayout::YUY2};
      const auto [largest, mean, bias] =
          compare(resize(frame.view, width, height),
                  resize_like_pillow(convert(frame.picture, frame.view), width, height).rgb);
      EXPECT_LE(largest, 2) << "layout " << static_cast<int>(layout) << ", " << in_width << "x" << in_height
                            << " to " << width << "x" << height << ", seed " << seed;
      if (width * height > 1000) {
        EXPECT_NEAR(bias, 0, 0.1) << "seed " << seed;
      }
    }
}

// The largest and smallest sums that the conversion matrices can produce.
TEST(Preprocess, ExtremeYcbcrIsClampedNotWrapped) {
  for (int corner = 0; corner < 8; ++corner)
    for (int matrix = 0; matrix < 5; ++matrix) {
      const auto extreme = [&](int bit) { return static_cast<std::uint8_t>((corner >> bit & 1) * 255); };
      Bytes bytes(std::size_t{64} * 64, extreme(0));
      bytes.insert(bytes.end(), std::size_t{32} * 32, extreme(1));
      bytes.insert(bytes.end(), std::size_t{32} * 32, extreme(2));
      FrameView view{.layout = PixelLayout::I420, .width = 64, .height = 64};
      view.planes = {Plane{&bytes[0], 64}, Plane{&bytes[4096], 32}, Plane{&bytes[5120], 32}};
      view.matrix = static_cast<ColorMatrix>(matrix);
      const YcbcrPicture samples{
          1, 1, 1, 1, {double(extreme(0))}, {double(extreme(1))}, {double(extreme(2))}};
      const Picture expected = convert(samples, view);
      const auto rgb = resize(view, 16, 16);
      for (std::size_t i = 0; i < rgb.size(); ++i)
        ASSERT_NEAR(rgb[i], expected.rgb[i % 3], 1) << "corner " << corner << ", matrix " << matrix;
    }
}

TEST(Preprocess, UnpackedRowsComeOnceEachInOrder) {
  const Picture picture = noise_picture(70, 90, 6);
  for (const auto type : {UnpackedPixel::ARGB8, UnpackedPixel::ARGB16}) {
    std::vector<int> asked;
    FrameView view{.layout = PixelLayout::Rows, .width = 70, .height = 90, .unpacked = type};
    view.unpack_row = [&](int y, std::span<std::byte> row) {
      asked.push_back(y);
      for (int x = 0; x < 70; ++x)
        for (int c = 0; c < 3; ++c) {
          const auto i = area(4, x) + 1 + static_cast<std::size_t>(c);
          const auto wide = static_cast<std::uint16_t>(picture.at(x, y, c) * 257);
          if (type == UnpackedPixel::ARGB8) row[i] = static_cast<std::byte>(picture.at(x, y, c));
          if (type == UnpackedPixel::ARGB16) std::memcpy(&row[2 * i], &wide, 2);
        }
    };
    EXPECT_EQ(resize(view, 16, 16), resize_like_pillow(picture, 16, 16).rgb);
    std::vector<int> every_row(90);
    for (int y = 0; y < 90; ++y) every_row[static_cast<std::size_t>(y)] = y;
    EXPECT_EQ(asked, every_row);
  }
}

TEST(Preprocess, UnpackedYcbcrRowsStayWithinTwoLevels) {
  for (const auto type : {UnpackedPixel::AYUV8, UnpackedPixel::AYUV16})
    for (const int height : {20, 150}) {
      YcbcrPicture samples{51, height, 51, height, {}, {}, {}};
      const Picture levels = noise_picture(51, height, 7);
      for (std::size_t i = 0; i < levels.rgb.size(); i += 3) {
        samples.y.push_back(levels.rgb[i]);
        samples.cb.push_back(levels.rgb[i + 1]);
        samples.cr.push_back(levels.rgb[i + 2]);
      }
      FrameView view{.layout = PixelLayout::Rows, .width = 51, .height = height, .unpacked = type};
      view.unpack_row = [&](int y, std::span<std::byte> row) {
        for (int x = 0; x < 51; ++x)
          for (int c = 0; c < 3; ++c) {
            const auto i = area(4, x) + 1 + static_cast<std::size_t>(c);
            const auto wide = static_cast<std::uint16_t>(levels.at(x, y, c) << 8);
            if (type == UnpackedPixel::AYUV8) row[i] = static_cast<std::byte>(levels.at(x, y, c));
            if (type == UnpackedPixel::AYUV16) std::memcpy(&row[2 * i], &wide, 2);
          }
      };
      const auto expected = resize_like_pillow(convert(samples, view), 32, 64).rgb;
      EXPECT_LE(compare(resize(view, 32, 64), expected).largest, 2);
    }
}

TEST(Preprocess, SizesAndLayoutsMayChangeFromFrameToFrame) {
  Preprocessor preprocessor({.height = 32, .width = 16});
  Bytes rgb(std::size_t{32} * 16 * 3);
  for (int round = 0; round < 2; ++round)
    for (const auto &[width, height] : {std::pair(300, 20), std::pair(31, 200), std::pair(64, 64)})
      for (const auto layout : {PixelLayout::NV12, PixelLayout::YUY2}) {
        const YcbcrFrame frame = ycbcr_noise(layout, width, height, 8);
        preprocessor.resize(frame.view, rgb);
        EXPECT_EQ(rgb, resize(frame.view, 16, 32));
        const Picture picture = noise_picture(width, height, 9);
        preprocessor.resize(view_of(picture), rgb);
        EXPECT_EQ(rgb, resize(view_of(picture), 16, 32));
      }
}

TEST(Preprocess, TensorIsThePictureNormalized) {
  const InputConfig input{.height = 24, .width = 20, .mean = {0.1F, 0.2F, 0.3F}, .std = {0.5F, 0.25F, 1}};
  const YcbcrFrame frame = ycbcr_noise(PixelLayout::I420, 99, 77, 10);
  Preprocessor preprocessor(input);
  Bytes rgb(std::size_t{24} * 20 * 3);
  std::vector<float> chw(rgb.size());
  preprocessor.resize(frame.view, rgb);
  preprocessor.run(frame.view, chw);
  for (std::size_t c = 0; c < 3; ++c)
    for (std::size_t i = 0; i < 480; ++i)
      ASSERT_NEAR(chw[c * 480 + i], (rgb[3 * i + c] / 255.0 - input.mean[c]) / input.std[c], 1e-6);
}

TEST(Preprocess, RefusesFramesThatHaveNoPixels) {
  Bytes bytes(100);
  const auto message = [](const FrameView &view) -> std::string {
    try {
      resize(view, 16, 16);
    } catch (const Error &error) {
      return error.what();
    }
    return "accepted";
  };
  FrameView view{.layout = PixelLayout::NV12, .width = 10, .height = 4};
  EXPECT_NE(message(view).find("plane 0 has no data"), std::string::npos);
  view.planes[0] = {bytes.data(), 10};
  EXPECT_NE(message(view).find("plane 1 has no data"), std::string::npos);
  view.planes[1] = {bytes.data(), 9};
  EXPECT_NE(message(view).find("stride of 9 bytes, but its rows have 10"), std::string::npos);
  view.width = 0;
  EXPECT_NE(message(view).find("size is 0x4"), std::string::npos);
  view = {.layout = PixelLayout::Rows, .width = 1, .height = 1};
  EXPECT_NE(message(view).find("unpack_row"), std::string::npos);
  EXPECT_THROW(Preprocessor({.height = 0}), Error);
}

// A photograph read by cv2.imread and resized by PIL, as in the reference.
TEST(Preprocess, PhotographEqualsTheReferencesPicture) {
  UNIAD_NEED_SHARED(golden, "reference/golden_uniad_b4.safetensors");
  UNIAD_NEED_SHARED(jpeg, "data/products/bottle/test/broken_large/000.jpg");
  std::ifstream file(golden, std::ios::binary);
  std::uint64_t header_size = 0;
  file.read(reinterpret_cast<char *>(&header_size), sizeof header_size);
  std::string header(header_size, ' ');
  file.read(header.data(), static_cast<std::streamsize>(header_size));
  const auto tensor = nlohmann::json::parse(header).at("resized");
  ASSERT_EQ(tensor.at("shape"), nlohmann::json::parse("[224, 224, 3]"));
  Bytes expected(std::size_t{224} * 224 * 3);
  file.seekg(tensor.at("data_offsets")[0].get<std::streamoff>(), std::ios::cur);
  file.read(reinterpret_cast<char *>(expected.data()), static_cast<std::streamsize>(expected.size()));
  ASSERT_TRUE(file);

  const cv::Mat picture = cv::imread(jpeg.string(), cv::IMREAD_COLOR);
  FrameView view{.layout = PixelLayout::BGR, .width = picture.cols, .height = picture.rows};
  view.planes[0] = {picture.data, static_cast<std::ptrdiff_t>(picture.step)};
  const auto [largest, mean, bias] = compare(resize(view, 224, 224), expected);
  EXPECT_LE(largest, 1);
  EXPECT_LT(mean, 0.01);
}

}  // namespace
}  // namespace uniad::test
