// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/video/mapped_frame.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/base/error.h"

namespace uniad {

namespace {

std::optional<PixelLayout> layout_of(GstVideoFormat format) {
  switch (format) {
    case GST_VIDEO_FORMAT_I420:
    case GST_VIDEO_FORMAT_YV12:
      return PixelLayout::I420;
    case GST_VIDEO_FORMAT_NV12:
      return PixelLayout::NV12;
    case GST_VIDEO_FORMAT_YUY2:
      return PixelLayout::YUY2;
    case GST_VIDEO_FORMAT_P010_10LE:
      return PixelLayout::P010;
    case GST_VIDEO_FORMAT_RGB:
      return PixelLayout::RGB;
    case GST_VIDEO_FORMAT_BGR:
      return PixelLayout::BGR;
    case GST_VIDEO_FORMAT_RGBx:
    case GST_VIDEO_FORMAT_RGBA:
      return PixelLayout::RGBx;
    case GST_VIDEO_FORMAT_BGRx:
    case GST_VIDEO_FORMAT_BGRA:
      return PixelLayout::BGRx;
    case GST_VIDEO_FORMAT_xRGB:
    case GST_VIDEO_FORMAT_ARGB:
      return PixelLayout::xRGB;
    case GST_VIDEO_FORMAT_xBGR:
    case GST_VIDEO_FORMAT_ABGR:
      return PixelLayout::xBGR;
    case GST_VIDEO_FORMAT_GRAY8:
      return PixelLayout::GRAY8;
    default:
      return std::nullopt;
  }
}

std::optional<UnpackedPixel> unpacked_pixel_of(GstVideoFormat unpack_format) {
  switch (unpack_format) {
    case GST_VIDEO_FORMAT_ARGB:
      return UnpackedPixel::ARGB8;
    case GST_VIDEO_FORMAT_AYUV:
      return UnpackedPixel::AYUV8;
    case GST_VIDEO_FORMAT_ARGB64:
      return UnpackedPixel::ARGB16;
    case GST_VIDEO_FORMAT_AYUV64:
      return UnpackedPixel::AYUV16;
    default:
      return std::nullopt;
  }
}

ColorMatrix matrix_of(const GstVideoInfo &info) {
  switch (info.colorimetry.matrix) {
    case GST_VIDEO_COLOR_MATRIX_BT601:
      return ColorMatrix::BT601;
    case GST_VIDEO_COLOR_MATRIX_BT709:
      return ColorMatrix::BT709;
    case GST_VIDEO_COLOR_MATRIX_BT2020:
      return ColorMatrix::BT2020;
    case GST_VIDEO_COLOR_MATRIX_SMPTE240M:
      return ColorMatrix::SMPTE240M;
    case GST_VIDEO_COLOR_MATRIX_FCC:
      return ColorMatrix::FCC;
    default:
      return info.height > 576 ? ColorMatrix::BT709 : ColorMatrix::BT601;
  }
}

ColorRange range_of(const GstVideoInfo &info) {
  switch (info.colorimetry.range) {
    case GST_VIDEO_COLOR_RANGE_0_255:
      return ColorRange::Full;
    case GST_VIDEO_COLOR_RANGE_16_235:
      return ColorRange::Limited;
    default:
      return GST_VIDEO_INFO_IS_YUV(&info) ? ColorRange::Limited : ColorRange::Full;
  }
}

// Unpacks rows with GStreamer's functions, which also interpolate subsampled chroma and therefore process
// rows in groups.
class RowUnpacker {
 public:
  explicit RowUnpacker(const GstVideoFrame &frame)
      : frame_(frame),
        width_(width_to_unpack(frame.info)),
        row_bytes_(bytes_of(frame, GST_VIDEO_FRAME_WIDTH(&frame))) {
    const GstVideoInfo &info = frame.info;
    const bool interlaced = GST_VIDEO_FRAME_IS_INTERLACED(&frame);
    if (interlaced) flags_ = GST_VIDEO_PACK_FLAG_INTERLACED;
    // When samples of limited range are widened, zeros as the new low bits keep black at 16 and white at 235.
    if (range_of(info) == ColorRange::Limited)
      flags_ = static_cast<GstVideoPackFlags>(flags_ | GST_VIDEO_PACK_FLAG_TRUNCATE_RANGE);

    guint group_rows = 1;
    if (GST_VIDEO_INFO_IS_YUV(&info) && (info.finfo->w_sub[1] > 0 || info.finfo->h_sub[1] > 0)) {
      chroma_.reset(gst_video_chroma_resample_new(
          GST_VIDEO_CHROMA_METHOD_LINEAR, info.chroma_site,
          interlaced ? GST_VIDEO_CHROMA_FLAG_INTERLACED : GST_VIDEO_CHROMA_FLAG_NONE,
          info.finfo->unpack_format, static_cast<gint>(info.finfo->w_sub[1]),
          static_cast<gint>(info.finfo->h_sub[1])));
      if (chroma_) gst_video_chroma_resample_get_info(chroma_.get(), &group_rows, &group_offset_);
    }
    group_.resize(group_rows);
    // Rows are whole words of 16 bytes, because GStreamer's functions are faster for aligned rows.
    const std::size_t row_words =
        (bytes_of(frame, width_) + sizeof(std::max_align_t) - 1) / sizeof(std::max_align_t);
    storage_.resize(group_rows * row_words);
    for (guint i = 0; i < group_rows; ++i) group_[i] = storage_.data() + i * row_words;
  }

  void unpack(int y, std::span<std::byte> row) {
    const int rows = static_cast<int>(group_.size());
    const int group = floor_divide(y - group_offset_, rows) * rows + group_offset_;
    if (!unpacked_group_ || *unpacked_group_ != group) unpack_group(group);
    std::memcpy(row.data(), group_[static_cast<std::size_t>(y - group)], row_bytes_);
  }

 private:
  struct FreeChroma {
    void operator()(GstVideoChromaResample *chroma) const { gst_video_chroma_resample_free(chroma); }
  };

  static std::size_t bytes_of(const GstVideoFrame &frame, int pixels) {
    const GstVideoFormatInfo *unpacked = gst_video_format_get_info(frame.info.finfo->unpack_format);
    return static_cast<std::size_t>(pixels) * static_cast<std::size_t>(unpacked->pixel_stride[0]);
  }

  static int floor_divide(int a, int b) { return a >= 0 ? a / b : -((b - 1 - a) / b); }

  void unpack_group(int first) {
    const GstVideoInfo &info = frame_.info;
    const int last = GST_VIDEO_INFO_FIELD_HEIGHT(&info) - 1;
    for (std::size_t i = 0; i < group_.size(); ++i)
      info.finfo->unpack_func(info.finfo, flags_, group_[i], frame_.data, info.stride, 0,
                              std::clamp(first + static_cast<int>(i), 0, last), width_);
    if (chroma_) gst_video_chroma_resample(chroma_.get(), group_.data(), GST_VIDEO_INFO_WIDTH(&info));
    unpacked_group_ = first;
  }

  const GstVideoFrame &frame_;
  int width_;
  std::size_t row_bytes_;
  GstVideoPackFlags flags_ = GST_VIDEO_PACK_FLAG_NONE;
  std::unique_ptr<GstVideoChromaResample, FreeChroma> chroma_;
  gint group_offset_ = 0;
  std::vector<std::max_align_t> storage_;
  std::vector<gpointer> group_;
  std::optional<int> unpacked_group_;
};

class FrameInSystemMemory : public MappedFrame {
 public:
  FrameInSystemMemory(GstBuffer *buffer, const GstVideoInfo &info)
      : mapped_(gst_video_frame_map(&frame_, &info, buffer, GST_MAP_READ) != FALSE) {
    try {
      if (mapped_) view_ = view_of(frame_);
    } catch (const Error &) {
      gst_video_frame_unmap(&frame_);
      throw;
    }
  }
  ~FrameInSystemMemory() override {
    if (mapped_) gst_video_frame_unmap(&frame_);
  }

  bool mapped() const { return mapped_; }

 private:
  GstVideoFrame frame_{};
  bool mapped_;
};

}  // namespace

GstCaps *viewable_caps() {
  return gst_video_make_raw_caps(nullptr, 0);
}

FrameView view_of(const GstVideoFrame &frame) {
  const GstVideoInfo &info = frame.info;
  FrameView view;
  view.width = GST_VIDEO_INFO_WIDTH(&info);
  view.height = GST_VIDEO_INFO_FIELD_HEIGHT(&info);
  view.matrix = matrix_of(info);
  view.range = range_of(info);
  // DV's chroma samples, on alternate lines, are on average between two rows.
  view.chroma_site = {.left = (info.chroma_site & GST_VIDEO_CHROMA_SITE_H_COSITED) != 0,
                      .top = (info.chroma_site & GST_VIDEO_CHROMA_SITE_V_COSITED) != 0 &&
                             (info.chroma_site & GST_VIDEO_CHROMA_SITE_ALT_LINE) == 0};

  // In an interlaced 4:2:0 frame, each field has its own chroma rows, which preprocessing does not support.
  const bool fields_in_chroma = GST_VIDEO_FRAME_IS_INTERLACED(&frame) && info.finfo->h_sub[1] > 0;
  const auto layout = layout_of(GST_VIDEO_INFO_FORMAT(&info));
  if (layout && !fields_in_chroma) {
    view.layout = *layout;
    view.planes[0] = {static_cast<const std::uint8_t *>(GST_VIDEO_FRAME_PLANE_DATA(&frame, 0)),
                      GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0)};
    // YV12 has V before U.
    const bool cr_first = GST_VIDEO_INFO_FORMAT(&info) == GST_VIDEO_FORMAT_YV12;
    for (guint i = 1; i < GST_VIDEO_FRAME_N_PLANES(&frame); ++i) {
      const guint plane = cr_first ? 3 - i : i;
      view.planes[i] = {static_cast<const std::uint8_t *>(GST_VIDEO_FRAME_PLANE_DATA(&frame, plane)),
                        GST_VIDEO_FRAME_PLANE_STRIDE(&frame, plane)};
    }
    return view;
  }

  const auto unpacked = unpacked_pixel_of(info.finfo->unpack_format);
  if (!unpacked || info.finfo->unpack_func == nullptr)
    throw Error(
        ErrorKind::Unsupported, "video frame",
        std::string("its format ") + GST_VIDEO_INFO_NAME(&info) + " has no readable pixels",
        "decode or download it to system memory first, for example with videoconvert before the element");
  view.layout = PixelLayout::Rows;
  view.unpacked = *unpacked;
  view.unpack_row = [unpacker = std::make_shared<RowUnpacker>(frame)](int y, std::span<std::byte> row) {
    unpacker->unpack(y, row);
  };
  return view;
}

int width_to_unpack(const GstVideoInfo &info) {
  // The memory contains whole tiles. The tile width is 0 if it is not a whole number of pixels.
  const int width = GST_VIDEO_INFO_WIDTH(&info);
  const auto tile = static_cast<int>(
      GST_VIDEO_FORMAT_INFO_IS_TILED(info.finfo) ? GST_VIDEO_FORMAT_INFO_TILE_WIDTH(info.finfo, 0) : 0);
  return tile > 0 ? (width + tile - 1) / tile * tile : width;
}

bool has_no_picture(GstBuffer *buffer) {
  return (GST_BUFFER_FLAGS(buffer) & (GST_BUFFER_FLAG_CORRUPTED | GST_BUFFER_FLAG_GAP)) != 0;
}

std::unique_ptr<MappedFrame> map_frame(GstBuffer *buffer, const GstVideoInfo &info) {
  auto frame = std::make_unique<FrameInSystemMemory>(buffer, info);
  if (!frame->mapped()) return nullptr;
  return frame;
}

}  // namespace uniad
