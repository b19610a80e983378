// SPDX-License-Identifier: Apache-2.0
#include <gst/video/video.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <tuple>
#include <vector>

#include "gst-plugin/overlay/painter.h"
#include "model/cuda/heat.h"
#include "model/error.h"

namespace uniad::test {
namespace {

// A frame of noise; both painters get one with the same seed.
class Frame {
 public:
  Frame(const GstVideoInfo &info, std::uint32_t seed) {
    GstBuffer *buffer = gst_buffer_new_allocate(nullptr, info.size, nullptr);
    gst_video_frame_map(&frame_, &info, buffer, GST_MAP_READWRITE);
    gst_buffer_unref(buffer);
    std::mt19937 random(seed);
    for (std::size_t i = 0; i < info.size; ++i) bytes()[i] = static_cast<std::uint8_t>(random() >> 24);
  }
  ~Frame() { gst_video_frame_unmap(&frame_); }
  Frame(const Frame &) = delete;
  Frame &operator=(const Frame &) = delete;

  GstVideoFrame &operator*() { return frame_; }
  std::uint8_t *bytes() { return static_cast<std::uint8_t *>(frame_.data[0]); }

 private:
  GstVideoFrame frame_{};
};

std::vector<float> hills(int columns, int rows, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> height(60, 150);
  std::vector<float> levels(static_cast<std::size_t>(columns * rows));
  for (float &level : levels) level = height(random);
  return levels;
}

void paint_like_the_gpu(Frame &frame, PixelLayout layout, const SmoothMap &map,
                        const cuda::HeatTables &tables) {
  const GstVideoInfo &info = (*frame).info;
  for (const cuda::HeatBand &band :
       cuda::heat_bands(layout, {info.width, info.height}, {map.columns(), map.rows()}, tables, map.area())) {
    cuda::PaintHeat body{};
    body.grid = map.values().data();
    body.columns = map.columns();
    body.rows = map.rows();
    body.across = band.across.data();
    body.down = band.down.data();
    body.paints = band.paints.data();
    body.lanes = band.lanes;
    body.samples = static_cast<std::uint8_t *>((*frame).data[band.plane]);
    body.stride = info.stride[band.plane];
    cuda::HostLauncher{}(body, band.extent);
  }
}

// The largest difference of a sample between the two painters.
int difference(const GstVideoInfo &info, PixelLayout layout, const Heat &heat, std::uint32_t seed) {
  Frame expected(info, seed);
  Frame actual(info, seed);
  Painter painter(info);
  painter.paint(*expected, heat);
  paint_like_the_gpu(actual, layout, heat.levels, painter.tables_of(heat));
  int largest = 0;
  for (std::size_t i = 0; i < info.size; ++i)
    largest = std::max(largest, std::abs(expected.bytes()[i] - actual.bytes()[i]));
  return largest;
}

TEST(CudaHeat, PaintsAsTheOverlayDoes) {
  struct Format {
    GstVideoFormat format;
    PixelLayout layout;
  };
  std::uint32_t seed = 0;
  for (const auto &[format, layout] :
       {Format{GST_VIDEO_FORMAT_NV12, PixelLayout::NV12}, Format{GST_VIDEO_FORMAT_I420, PixelLayout::I420},
        Format{GST_VIDEO_FORMAT_YUY2, PixelLayout::YUY2}, Format{GST_VIDEO_FORMAT_RGB, PixelLayout::RGB},
        Format{GST_VIDEO_FORMAT_BGR, PixelLayout::BGR}, Format{GST_VIDEO_FORMAT_RGBx, PixelLayout::RGBx},
        Format{GST_VIDEO_FORMAT_BGRx, PixelLayout::BGRx}, Format{GST_VIDEO_FORMAT_xRGB, PixelLayout::xRGB},
        Format{GST_VIDEO_FORMAT_xBGR, PixelLayout::xBGR}, Format{GST_VIDEO_FORMAT_GRAY8, PixelLayout::GRAY8}})
    for (const auto &[width, height] :
         {std::pair(320, 180), std::pair(97, 61), std::pair(1, 1), std::pair(9, 300)})
      for (const auto &[columns, rows] : {std::pair(14, 14), std::pair(1, 1), std::pair(40, 3)}) {
        GstVideoInfo info;
        gst_video_info_set_format(&info, format, static_cast<guint>(width), static_cast<guint>(height));
        const Heat heat{SmoothMap(columns, rows, hills(columns, rows, ++seed)),
                        static_cast<ColourMap>(seed % 5), seed % 2 == 0 ? 0.5F : 1.0F};
        EXPECT_LE(difference(info, layout, heat, seed), 1)
            << gst_video_format_to_string(format) << " " << width << "x" << height << ", " << columns << "x"
            << rows;
      }
}

TEST(CudaHeat, PaintsWhereTheGridLies) {
  std::uint32_t seed = 0;
  for (const auto &[width, height] : {std::pair(320, 180), std::pair(97, 61), std::pair(9, 300)})
    for (const auto &[columns, rows, area] :
         {std::tuple(14, 14, Area{-0.07, -0.05, 14.0 / 13, 14.0 / 13}),
          std::tuple(7, 5, Area{0.2, 0.3, 0.5, 0.25}), std::tuple(3, 3, Area{-2, 1.5, 1, 1})}) {
      GstVideoInfo info;
      gst_video_info_set_format(&info, GST_VIDEO_FORMAT_NV12, static_cast<guint>(width),
                                static_cast<guint>(height));
      const Heat heat{SmoothMap(columns, rows, hills(columns, rows, ++seed), area), ColourMap::Red, 0.5F};
      EXPECT_LE(difference(info, PixelLayout::NV12, heat, seed), 1)
          << width << "x" << height << ", " << columns << "x" << rows << " at " << area.x;
    }
}

TEST(CudaHeat, RefusesWhatItCannotDrawOn) {
  EXPECT_THROW(cuda::heat_bands(PixelLayout::P010, {8, 8}, {2, 2}, {}), Error);
  EXPECT_THROW(cuda::heat_bands(PixelLayout::Rows, {8, 8}, {2, 2}, {}), Error);
  EXPECT_THROW(cuda::heat_bands(PixelLayout::NV12, {8, 0}, {2, 2}, {}), Error);
  EXPECT_THROW(cuda::heat_bands(PixelLayout::NV12, {8, 8}, {0, 2}, {}), Error);
}

}  // namespace
}  // namespace uniad::test
