// SPDX-License-Identifier: Apache-2.0
#include <gst/video/video.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "gst-plugin/drawing/painter.h"
#include "model/base/error.h"
#include "model/cuda/device_painter.h"
#include "model/cuda/heat.h"
#include "tests/model/cuda/host_runtime.h"

namespace uniad::test {
namespace {

// A frame of noise. Both painters get a frame with the same seed.
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

cuda::DrawnFrame drawn(Frame &frame, PixelLayout layout) {
  const GstVideoInfo &info = (*frame).info;
  cuda::DrawnFrame result{layout, {info.width, info.height}, {}};
  for (std::size_t i = 0; i < GST_VIDEO_INFO_N_PLANES(&info); ++i)
    result.planes[i] = {static_cast<std::uint8_t *>((*frame).data[i]), info.stride[i]};
  return result;
}

void paint_like_the_gpu(Frame &frame, PixelLayout layout, const SmoothMap &map,
                        const cuda::HeatTables &tables) {
  HostRuntime runtime;
  cuda::DevicePainter(runtime).paint(drawn(frame, layout),
                                     {{map.columns(), map.rows()}, map.values(), map.area()}, tables);
}

int difference(const GstVideoInfo &info, Frame &a, Frame &b) {
  int largest = 0;
  for (std::size_t i = 0; i < info.size; ++i)
    largest = std::max(largest, std::abs(a.bytes()[i] - b.bytes()[i]));
  return largest;
}

// Returns the largest difference of a sample between the two painters.
int difference(const GstVideoInfo &info, PixelLayout layout, const Heat &heat, std::uint32_t seed) {
  Frame expected(info, seed);
  Frame actual(info, seed);
  Painter painter(info);
  painter.paint(*expected, heat);
  paint_like_the_gpu(actual, layout, heat.levels, painter.tables_of(heat));
  return difference(info, expected, actual);
}

struct Format {
  GstVideoFormat format;
  PixelLayout layout;
};
constexpr Format formats[]{
    {GST_VIDEO_FORMAT_NV12, PixelLayout::NV12}, {GST_VIDEO_FORMAT_I420, PixelLayout::I420},
    {GST_VIDEO_FORMAT_YUY2, PixelLayout::YUY2}, {GST_VIDEO_FORMAT_RGB, PixelLayout::RGB},
    {GST_VIDEO_FORMAT_BGR, PixelLayout::BGR},   {GST_VIDEO_FORMAT_RGBx, PixelLayout::RGBx},
    {GST_VIDEO_FORMAT_BGRx, PixelLayout::BGRx}, {GST_VIDEO_FORMAT_xRGB, PixelLayout::xRGB},
    {GST_VIDEO_FORMAT_xBGR, PixelLayout::xBGR}, {GST_VIDEO_FORMAT_GRAY8, PixelLayout::GRAY8}};

TEST(CudaHeat, PaintsAsTheOverlayDoes) {
  std::uint32_t seed = 0;
  for (const auto &[format, layout] : formats)
    for (const auto &[width, height] :
         {std::pair(320, 180), std::pair(97, 61), std::pair(1, 1), std::pair(9, 300)})
      for (const auto &[columns, rows] : {std::pair(14, 14), std::pair(1, 1), std::pair(40, 3)}) {
        GstVideoInfo info;
        gst_video_info_set_format(&info, format, static_cast<guint>(width), static_cast<guint>(height));
        const Heat heat{SmoothMap(columns, rows, hills(columns, rows, ++seed)),
                        static_cast<ColorMap>(seed % 5), seed % 2 == 0 ? 0.5F : 1.0F};
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
      const Heat heat{SmoothMap(columns, rows, hills(columns, rows, ++seed), area), ColorMap::Red, 0.5F};
      EXPECT_LE(difference(info, PixelLayout::NV12, heat, seed), 1)
          << width << "x" << height << ", " << columns << "x" << rows << " at " << area.x;
    }
}

// Draws a translucent disc and a line across the whole frame.
void draw_something(Canvas &canvas) {
  cairo_t *cairo = canvas.cairo();
  cairo_set_source_rgba(cairo, 0.9, 0.2, 0.1, 0.6);
  cairo_arc(cairo, canvas.width() / 3.0, canvas.height() / 2.0, canvas.height() / 4.0, 0, 2 * G_PI);
  cairo_fill(cairo);
  canvas.touch(0, 0, canvas.width() * 2 / 3.0, canvas.height());
  cairo_set_source_rgba(cairo, 0.1, 0.9, 0.4, 1);
  cairo_move_to(cairo, 0, canvas.height());
  cairo_line_to(cairo, canvas.width(), 0);
  cairo_stroke(cairo);
  canvas.touch(0, 0, canvas.width(), canvas.height());
  canvas.finish();
}

TEST(CudaCanvas, PaintsToTheBitWhatTheOverlayDoes) {
  for (const auto &[format, layout] : formats)
    for (const auto &[width, height] :
         {std::pair(320, 180), std::pair(97, 61), std::pair(1, 1), std::pair(9, 300)}) {
      GstVideoInfo info;
      gst_video_info_set_format(&info, format, static_cast<guint>(width), static_cast<guint>(height));
      Canvas canvas(width, height);
      draw_something(canvas);
      Frame untouched_frame(info, 1);
      Frame expected(info, 1);
      Frame actual(info, 1);
      Painter painter(info);
      painter.paint(*expected, canvas);
      ASSERT_GT(difference(info, untouched_frame, expected), 20);

      HostRuntime runtime;
      cuda::DevicePainter on_gpu(runtime);
      const Painter::CanvasPaints paints = painter.paints_of(canvas);
      on_gpu.paint(drawn(actual, layout), paints.spans, paints.paints);
      EXPECT_EQ(difference(info, expected, actual), 0)
          << gst_video_format_to_string(format) << " " << width << "x" << height;
    }
}

TEST(CudaCanvas, NothingDrawnIsNothingDone) {
  GstVideoInfo info;
  gst_video_info_set_format(&info, GST_VIDEO_FORMAT_NV12, 64, 48);
  Canvas canvas(64, 48);
  canvas.finish();
  HostRuntime runtime;
  cuda::DevicePainter on_gpu(runtime);
  const int calls = runtime.calls;
  const Painter::CanvasPaints paints = Painter(info).paints_of(canvas);
  on_gpu.paint({}, paints.spans, paints.paints);
  EXPECT_EQ(runtime.calls, calls);
}

// Draws heat, then lines, then both again. Whatever fails is reported, leaks nothing, and the next attempt
// succeeds.
TEST(CudaCanvas, EveryFailureOfTheDeviceIsToldAndSurvived) {
  GstVideoInfo info;
  gst_video_info_set_format(&info, GST_VIDEO_FORMAT_NV12, 320, 180);
  Canvas canvas(320, 180);
  draw_something(canvas);
  Painter painter(info);
  const Heat heat{SmoothMap(14, 14, hills(14, 14, 1)), ColorMap::Turbo, 0.5F};
  const cuda::HeatTables tables = painter.tables_of(heat);
  const Painter::CanvasPaints paints = painter.paints_of(canvas);
  const auto draw = [&](cuda::FramePainter &on_gpu, Frame &frame) {
    const cuda::DrawnFrame target = drawn(frame, PixelLayout::NV12);
    on_gpu.paint(target, {{14, 14}, heat.levels.values(), {}}, tables);
    on_gpu.paint(target, paints.spans, paints.paints);
  };
  Frame expected(info, 1);
  HostRuntime good;
  cuda::DevicePainter drawer(good);
  draw(drawer, expected);
  ASSERT_GT(good.calls, 8);

  int failures = 0;
  for (int call = 1; call < good.calls; ++call) {  // call 0 has created the stream
    HostRuntime runtime;
    {
      cuda::DevicePainter on_gpu(runtime);
      runtime.fail_at = call;
      Frame broken(info, 1);
      try {
        draw(on_gpu, broken);
      } catch (const Error &error) {
        ++failures;
        EXPECT_NE(std::string(error.what()).find("cudaErrorMemoryAllocation"), std::string::npos);
      }
      Frame frame(info, 1);
      draw(on_gpu, frame);
      EXPECT_EQ(difference(info, expected, frame), 0) << "after call " << call;
    }
    EXPECT_EQ(runtime.owned(), 0U);
  }
  EXPECT_EQ(failures, good.calls - 1);
}

TEST(CudaHeat, RefusesWhatItCannotDrawOn) {
  EXPECT_THROW(cuda::heat_bands(PixelLayout::P010, {8, 8}, {2, 2}, {}), Error);
  EXPECT_THROW(cuda::heat_bands(PixelLayout::Rows, {8, 8}, {2, 2}, {}), Error);
  EXPECT_THROW(cuda::heat_bands(PixelLayout::NV12, {8, 0}, {2, 2}, {}), Error);
  EXPECT_THROW(cuda::heat_bands(PixelLayout::NV12, {8, 8}, {0, 2}, {}), Error);
}

}  // namespace
}  // namespace uniad::test
