// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/video/mapped_frame.h"
#include "gst-plugin/base/ref.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>

#include "model/base/error.h"
#include "model/preprocess/preprocess.h"
#include "tests/model/preprocess/reference.h"

namespace uniad::test {
namespace {

struct FreeConverter {
  void operator()(GstVideoConverter *converter) const { gst_video_converter_free(converter); }
};

// A buffer in the layout of its caps, or with wider rows, which is mapped during the lifetime of this object.
class MappedFrame {
 public:
  explicit MappedFrame(GstVideoInfo info, bool padded = false) {
    if (padded) {
      GstVideoAlignment alignment;
      gst_video_alignment_reset(&alignment);
      alignment.padding_left = 16;
      alignment.padding_right = 32;
      alignment.padding_top = 4;
      gst_video_info_align(&info, &alignment);
    }
    buffer_.reset(gst_buffer_new_allocate(nullptr, info.size, nullptr));
    gst_buffer_memset(buffer_.get(), 0, 0xa5, info.size);
    if (padded)
      gst_buffer_add_video_meta_full(buffer_.get(), GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_INFO_FORMAT(&info),
                                     static_cast<guint>(info.width), static_cast<guint>(info.height),
                                     GST_VIDEO_INFO_N_PLANES(&info), info.offset, info.stride);
    if (!gst_video_frame_map(&frame_, &info, buffer_.get(), GST_MAP_READWRITE)) std::abort();
  }
  ~MappedFrame() { gst_video_frame_unmap(&frame_); }
  MappedFrame(const MappedFrame &) = delete;
  MappedFrame &operator=(const MappedFrame &) = delete;

  GstVideoFrame &operator*() { return frame_; }

 private:
  Ref<GstBuffer> buffer_;
  GstVideoFrame frame_{};
};

GstVideoInfo make_info(GstVideoFormat format, int width, int height, const char *more = "") {
  const std::string text = std::string("video/x-raw,format=") + gst_video_format_to_string(format) +
                           ",width=" + std::to_string(width) + ",height=" + std::to_string(height) + more;
  const Ref<GstCaps> caps(gst_caps_from_string(text.c_str()));
  GstVideoInfo info;
  EXPECT_TRUE(gst_video_info_from_caps(&info, caps.get())) << text;
  return info;
}

void convert(GstVideoFrame &from, GstVideoFrame &to) {
  const std::unique_ptr<GstVideoConverter, FreeConverter> converter(gst_video_converter_new(
      &from.info, &to.info,
      gst_structure_new("options", GST_VIDEO_CONVERTER_OPT_DITHER_METHOD, GST_TYPE_VIDEO_DITHER_METHOD,
                        GST_VIDEO_DITHER_NONE, nullptr)));
  ASSERT_TRUE(converter);
  gst_video_converter_frame(converter.get(), &from, &to);
}

std::uint8_t *row_of(GstVideoFrame &frame, int y) {
  return static_cast<std::uint8_t *>(GST_VIDEO_FRAME_PLANE_DATA(&frame, 0)) +
         std::ptrdiff_t{y} * GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0);
}

// Paints a scene with typical content of cameras: gradients, saturated edges in all directions, an over-white
// sky and some noise.
void paint(GstVideoFrame &argb) {
  std::mt19937 random(1);
  const int width = GST_VIDEO_FRAME_WIDTH(&argb);
  const int height = GST_VIDEO_FRAME_HEIGHT(&argb);
  for (int y = 0; y < height; ++y) {
    auto *pixel = row_of(argb, y);
    for (int x = 0; x < width; ++x, pixel += 4) {
      const int stripe = (x / 11 + y / 7) % 5;
      const std::array<int, 3> color = stripe == 0   ? std::array{255, 20, 0}
                                       : stripe == 1 ? std::array{0, 40, 250}
                                       : stripe == 2 ? std::array{255, 255, 255}
                                                     : std::array{x * 255 / width, y * 255 / height, 90};
      pixel[0] = 255;
      for (std::size_t c = 0; c < 3; ++c)
        pixel[c + 1] =
            static_cast<std::uint8_t>(std::clamp(color[c] + static_cast<int>(random() % 21) - 10, 0, 255));
    }
  }
}

// The expected picture, computed with GStreamer's unpacking and chroma interpolation. GStreamer's conversion
// to RGB is not used, because for 8-bit Y'CbCr it is 1 to 3 levels too dark on average, and up to 7
// (GStreamer 1.22).
Picture rgb_of(GstVideoFrame &frame) {
  const int width = GST_VIDEO_FRAME_WIDTH(&frame);
  const int height = GST_VIDEO_FRAME_HEIGHT(&frame);
  const bool gray = GST_VIDEO_INFO_IS_GRAY(&frame.info);
  const bool ycbcr = GST_VIDEO_INFO_IS_YUV(&frame.info) || gray;
  GstVideoInfo info = make_info(ycbcr ? GST_VIDEO_FORMAT_AYUV64 : GST_VIDEO_FORMAT_ARGB64, width, height);
  info.colorimetry = frame.info.colorimetry;
  info.interlace_mode = frame.info.interlace_mode;
  info.chroma_site = frame.info.chroma_site;
  MappedFrame unpacked(info);
  convert(frame, *unpacked);

  const FrameView view = view_of(frame);
  const bool wide =
      GST_VIDEO_FORMAT_INFO_BITS(gst_video_format_get_info(frame.info.finfo->unpack_format)) > 8;
  YcbcrPicture samples{width, height, width, height, {}, {}, {}};
  Picture rgb = make_picture(width, height);
  for (int y = 0; y < height; ++y) {
    const auto *pixel = reinterpret_cast<const std::uint16_t *>(row_of(*unpacked, y));
    for (int x = 0; x < width; ++x, pixel += 4) {
      const auto level = [&](int c) { return wide ? pixel[c] / 256.0 : pixel[c] >> 8; };
      samples.y.push_back(level(1));
      samples.cb.push_back(gray ? 128 : level(2));
      samples.cr.push_back(gray ? 128 : level(3));
      for (int c = 0; c < 3; ++c)
        rgb.at(x, y, c) = static_cast<std::uint8_t>(std::lround(pixel[c + 1] / 257.0));
    }
  }
  return ycbcr ? convert(samples, view) : rgb;
}

// The frame with the width of its memory: GStreamer's conversion of some tiled formats omits a last tile that
// is only partly visible.
GstVideoFrame in_whole_tiles(const GstVideoFrame &frame) {
  GstVideoFrame whole = frame;
  const GstVideoFormatInfo *format = frame.info.finfo;
  const auto tile = static_cast<int>(GST_VIDEO_FORMAT_INFO_TILE_WIDTH(format, 0));
  if (GST_VIDEO_FORMAT_INFO_IS_TILED(format) && tile > 0)
    whole.info.width = (frame.info.width + tile - 1) / tile * tile;
  return whole;
}

// The expected picture of the frame. For tiled formats, it is computed from the scene instead of from
// GStreamer's reading of the frame.
Picture expected_of(GstVideoFrame &scene, GstVideoFrame &frame) {
  const GstVideoFormatInfo *format = frame.info.finfo;
  if (!GST_VIDEO_FORMAT_INFO_IS_TILED(format)) return rgb_of(frame);
  MappedFrame in_order(
      make_info(GST_VIDEO_FORMAT_INFO_BITS(format) > 8 ? GST_VIDEO_FORMAT_P010_10LE : GST_VIDEO_FORMAT_NV12,
                scene.info.width, scene.info.height));
  convert(scene, *in_order);
  (*in_order).info.width = frame.info.width;
  return rgb_of(*in_order);
}

Difference compare_format(const GstVideoInfo &info, bool padded, int width, int height) {
  MappedFrame frame(info, padded);
  GstVideoFrame whole = in_whole_tiles(*frame);
  GstVideoInfo scene_info = make_info(GST_VIDEO_FORMAT_ARGB, whole.info.width, info.height);
  scene_info.interlace_mode = info.interlace_mode;
  MappedFrame scene(scene_info);
  paint(*scene);
  convert(*scene, whole);
  return compare(resize(view_of(*frame), width, height),
                 resize_like_pillow(expected_of(*scene, *frame), width, height).rgb);
}

class EveryFormat : public testing::TestWithParam<GstVideoFormat> {};

TEST_P(EveryFormat, IsWithinTwoLevelsOfConvertingFirst) {
  for (const auto &[in_width, in_height, width, height] :
       {std::array{150, 100, 32, 32}, std::array{97, 61, 48, 32}, std::array{33, 19, 16, 16}})
    for (const bool padded : {false, true}) {
      // Strides of tiled formats count tiles.
      if (padded && GST_VIDEO_FORMAT_INFO_IS_TILED(gst_video_format_get_info(GetParam()))) continue;
      const auto difference =
          compare_format(make_info(GetParam(), in_width, in_height), padded, width, height);
      EXPECT_LE(difference.largest, 2) << in_width << "x" << in_height << (padded ? " padded" : "");
      EXPECT_LT(difference.mean, 0.5);
    }
}

TEST_P(EveryFormat, IsInTheCaps) {
  const Ref<GstCaps> all(viewable_caps());
  const GstVideoInfo info = make_info(GetParam(), 64, 48);
  const Ref<GstCaps> caps(gst_video_info_to_caps(&info));
  EXPECT_TRUE(gst_caps_is_subset(caps.get(), all.get()));
}

std::vector<GstVideoFormat> raw_formats() {
  guint size = 0;
  const GstVideoFormat *formats = gst_video_formats_raw(&size);
  return {formats, formats + size};
}

INSTANTIATE_TEST_SUITE_P(GStreamer, EveryFormat, testing::ValuesIn(raw_formats()), [](const auto &param) {
  return std::string(gst_video_format_to_string(param.param));
});

class EveryColorimetry : public testing::TestWithParam<const char *> {};

TEST_P(EveryColorimetry, IsFollowed) {
  for (const auto format : {GST_VIDEO_FORMAT_NV12, GST_VIDEO_FORMAT_I420_10LE, GST_VIDEO_FORMAT_GRAY8}) {
    const GstVideoInfo info = make_info(format, 130, 90, GetParam());
    EXPECT_LE(compare_format(info, false, 32, 32).largest, 2) << gst_video_format_to_string(format);
  }
}

INSTANTIATE_TEST_SUITE_P(GStreamer, EveryColorimetry,
                         testing::Values(",colorimetry=bt601", ",colorimetry=bt709", ",colorimetry=bt2020",
                                         ",colorimetry=smpte240m", ",colorimetry=1:1:5:1",
                                         ",colorimetry=bt709,chroma-site=mpeg2",
                                         ",colorimetry=bt601,chroma-site=jpeg",
                                         ",colorimetry=bt601,interlace-mode=interleaved"));

TEST(FrameView, HighDefinitionIsAssumedBt709) {
  EXPECT_LE(compare_format(make_info(GST_VIDEO_FORMAT_NV12, 640, 577), false, 64, 64).largest, 2);
  EXPECT_LE(compare_format(make_info(GST_VIDEO_FORMAT_NV12, 640, 576), false, 64, 64).largest, 2);
  MappedFrame hd(make_info(GST_VIDEO_FORMAT_NV12, 16, 577));
  MappedFrame sd(make_info(GST_VIDEO_FORMAT_NV12, 16, 576));
  EXPECT_EQ(view_of(*hd).matrix, ColorMatrix::BT709);
  EXPECT_EQ(view_of(*sd).matrix, ColorMatrix::BT601);
}

TEST(FrameView, CommonFormatsAreReadWithoutUnpacking) {
  for (const char *name : {"NV12", "I420", "YV12", "YUY2", "P010_10LE", "RGB", "BGR", "RGBA", "BGRA", "ARGB",
                           "ABGR", "RGBx", "BGRx", "xRGB", "xBGR", "GRAY8"}) {
    MappedFrame frame(make_info(gst_video_format_from_string(name), 64, 48));
    EXPECT_NE(view_of(*frame).layout, PixelLayout::Rows) << name;
  }
}

TEST(FrameView, RefusesFormatsWithoutPixels) {
  MappedFrame frame(make_info(GST_VIDEO_FORMAT_GRAY8, 16, 16));
  GstVideoFrame encoded = *frame;
  encoded.info.finfo = gst_video_format_get_info(GST_VIDEO_FORMAT_ENCODED);
  EXPECT_THROW(view_of(encoded), Error);
}

}  // namespace
}  // namespace uniad::test
