// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/overlay/uniadoverlay.h"

#include <gst/app/gstappsink.h>
#include <gst/video/video.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "gst-plugin/drawing/color_map.h"
#include "gst-plugin/drawing/painter.h"
#include "gst-plugin/drawing/smooth_map.h"
#include "gst-plugin/meta/gstanomalymeta.h"
#include "tests/support/gst_test.h"
#include "tests/support/limit_memory.h"

namespace uniad::test {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

struct Color {
  int a, r, g, b;
  bool operator==(const Color &) const = default;
};
constexpr Color ground{255, 96, 128, 160};
constexpr Color red{255, 255, 0, 0};
constexpr Color green{255, 0, 255, 0};

Color mean(Color x, Color y) {
  return {(x.a + y.a) / 2, (x.r + y.r) / 2, (x.g + y.g) / 2, (x.b + y.b) / 2};
}

std::vector<GstVideoFormat> all_formats() {
  const Ref<GstCaps> all(gst_caps_from_string(GST_VIDEO_CAPS_MAKE(GST_VIDEO_FORMATS_ALL)));
  const GValue *names = gst_structure_get_value(gst_caps_get_structure(all.get(), 0), "format");
  std::vector<GstVideoFormat> formats;
  for (guint i = 0; i < gst_value_list_get_size(names); ++i)
    formats.push_back(gst_video_format_from_string(g_value_get_string(gst_value_list_get_value(names, i))));
  return formats;
}

GstVideoInfo video_info(GstVideoFormat format, int width, int height, const char *colorimetry = nullptr,
                        GstVideoInterlaceMode mode = GST_VIDEO_INTERLACE_MODE_PROGRESSIVE) {
  GstVideoInfo info;
  EXPECT_TRUE(gst_video_info_set_interlaced_format(&info, format, mode, static_cast<guint>(width),
                                                   static_cast<guint>(height)));
  EXPECT_TRUE(colorimetry == nullptr || gst_video_colorimetry_from_string(&info.colorimetry, colorimetry));
  return info;
}

std::vector<guint8> bytes_of(GstBuffer *buffer) {
  std::vector<guint8> bytes(gst_buffer_get_size(buffer));
  gst_buffer_extract(buffer, 0, bytes.data(), bytes.size());
  return bytes;
}

class MappedFrame {
 public:
  MappedFrame(GstBuffer *buffer, const GstVideoInfo &info, GstMapFlags flags) {
    if (!gst_video_frame_map(&frame_, &info, buffer, flags)) throw std::runtime_error("cannot map");
  }
  ~MappedFrame() { gst_video_frame_unmap(&frame_); }
  MappedFrame(const MappedFrame &) = delete;
  MappedFrame &operator=(const MappedFrame &) = delete;

  GstVideoFrame *get() { return &frame_; }
  // The value of a component, scaled to 8 bits.
  int at(guint component, int x, int y) const {
    const auto *sample = static_cast<const guint8 *>(GST_VIDEO_FRAME_COMP_DATA(&frame_, component)) +
                         std::ptrdiff_t{y} * GST_VIDEO_FRAME_COMP_STRIDE(&frame_, component) +
                         std::ptrdiff_t{x} * GST_VIDEO_FRAME_COMP_PSTRIDE(&frame_, component);
    const guint depth = GST_VIDEO_FRAME_COMP_DEPTH(&frame_, component);
    return depth > 8 ? GST_READ_UINT16_LE(sample) >> (depth - 8) : *sample;
  }

 private:
  GstVideoFrame frame_{};
};

// The frame with the width of its memory: GStreamer's conversion of some tiled formats omits a last tile that
// is only partly visible.
GstVideoInfo in_whole_tiles(GstVideoInfo info) {
  const auto tile = static_cast<int>(GST_VIDEO_FORMAT_INFO_TILE_WIDTH(info.finfo, 0));
  if (GST_VIDEO_FORMAT_INFO_IS_TILED(info.finfo) && tile > 0)
    info.width = (info.width + tile - 1) / tile * tile;
  return info;
}

// Converts with GStreamer, whose conversion is the reference for what a frame of any format shows.
Ref<GstBuffer> converted(GstBuffer *buffer, const GstVideoInfo &from, const GstVideoInfo &to) {
  Ref<GstBuffer> result(gst_buffer_new_allocate(nullptr, to.size, nullptr));
  gst_buffer_memset(result.get(), 0, 0, to.size);
  MappedFrame in(buffer, from, GST_MAP_READ);
  MappedFrame out(result.get(), to, GST_MAP_WRITE);
  GstVideoInfo in_info = in_whole_tiles(from);
  GstVideoInfo out_info = in_whole_tiles(to);
  in.get()->info.width = in_info.width;
  out.get()->info.width = out_info.width;
  GstVideoConverter *converter = gst_video_converter_new(
      &in_info, &out_info,
      gst_structure_new("options", GST_VIDEO_CONVERTER_OPT_DITHER_METHOD, GST_TYPE_VIDEO_DITHER_METHOD,
                        GST_VIDEO_DITHER_NONE, GST_VIDEO_CONVERTER_OPT_CHROMA_MODE,
                        GST_TYPE_VIDEO_CHROMA_MODE, GST_VIDEO_CHROMA_MODE_NONE, nullptr));
  if (converter == nullptr) throw std::runtime_error("GStreamer does not convert this");
  gst_video_converter_frame(converter, in.get(), out.get());
  gst_video_converter_free(converter);
  return result;
}

Ref<GstBuffer> flat_argb(const GstVideoInfo &info, Color color) {
  Ref<GstBuffer> buffer(gst_buffer_new_allocate(nullptr, info.size, nullptr));
  MappedFrame frame(buffer.get(), info, GST_MAP_WRITE);
  for (int y = 0; y < info.height; ++y) {
    auto *row = static_cast<guint8 *>(frame.get()->data[0]) + std::ptrdiff_t{y} * info.stride[0];
    for (int x = 0; x < info.width; ++x)
      for (const int value : {color.a, color.r, color.g, color.b}) *row++ = static_cast<guint8>(value);
  }
  return buffer;
}

GstVideoInfo argb_info(const GstVideoInfo &info) {
  return video_info(GST_VIDEO_FORMAT_ARGB, in_whole_tiles(info).width, info.height, nullptr,
                    GST_VIDEO_INFO_INTERLACE_MODE(&info));
}

// A frame of one color.
Ref<GstBuffer> flat(const GstVideoInfo &info, Color color) {
  const GstVideoInfo argb = argb_info(info);
  const auto picture = flat_argb(argb, color);
  return converted(picture.get(), argb, info);
}

Color pixel(GstBuffer *buffer, const GstVideoInfo &info, int x, int y) {
  const GstVideoInfo argb = argb_info(info);
  const auto picture = converted(buffer, info, argb);
  const MappedFrame frame(picture.get(), argb, GST_MAP_READ);
  return {frame.at(3, x, y), frame.at(0, x, y), frame.at(1, x, y), frame.at(2, x, y)};
}

// The color that a format shows for a given color.
Color shown(const GstVideoInfo &info, Color color) {
  return pixel(flat(info, color).get(), info, 0, 0);
}

int difference(Color x, Color y) {
  return std::max({std::abs(x.a - y.a), std::abs(x.r - y.r), std::abs(x.g - y.g), std::abs(x.b - y.b)});
}

// The distance of neighboring colors of a format, plus rounding by GStreamer and by the overlay.
int tolerance(const GstVideoInfo &info) {
  if (GST_VIDEO_FORMAT_INFO_HAS_PALETTE(info.finfo)) return 64;
  return info.finfo->depth[0] < 8 ? 9 : 4;
}

struct Result {
  double score = 2;
  double threshold = 1;  // 0: none
  guint columns = 1, rows = 1;
  std::vector<float> grid = {};
  Area grid_area = {};
  std::vector<GstAnomalyRegion> regions = {};
  GstClockTime age = 0;
  const char *source = "gate";
};

Ref<GstBuffer> with(Ref<GstBuffer> buffer, const Result &result) {
  auto *meta = gst_buffer_add_anomaly_meta(buffer.get(), result.source, result.score, result.age);
  if (result.threshold != 0) gst_anomaly_meta_set_threshold(meta, result.threshold, 0.9);
  if (!result.grid.empty()) gst_anomaly_meta_set_grid(meta, result.columns, result.rows, result.grid.data());
  const auto &[x, y, width, height] = result.grid_area;
  gst_anomaly_meta_set_grid_area(meta, static_cast<float>(x), static_cast<float>(y),
                                 static_cast<float>(width), static_cast<float>(height));
  gst_anomaly_meta_set_regions(meta, result.regions.data(), static_cast<guint>(result.regions.size()));
  return buffer;
}

// Hot at the upper left corner, and cold beyond half of the frame.
const Result corner{.columns = 4, .rows = 4, .grid = {9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}};
// The same strong heat everywhere.
const Result hot{.grid = {9}};
const Result box{.score = 2, .regions = {{0.25F, 0.25F, 0.5F, 0.5F, 2, nullptr, nullptr}}};
constexpr const char *heat_alone = "contours=false score=false color-map=red heatmap-opacity=1 ";
// Draws only a green box, with lines of about 22 pixels on a frame of 320x240.
constexpr const char *box_alone =
    "heatmap=false contours=false score=false boxes=true color=0xff00ff00 "
    "line-width=100 ";

class UniadOverlay : public GstTest {
 protected:
  static void SetUpTestSuite() {
    GstTest::SetUpTestSuite();
    GST_ELEMENT_REGISTER(uniadoverlay, nullptr);
  }

  void start(const std::string &properties, const GstVideoInfo &info) {
    stop();
    const Ref<GstElement> overlay(GST_ELEMENT(gst_object_ref_sink(gst_parse_launch_full(
        ("uniadoverlay " + properties).c_str(), nullptr, GST_PARSE_FLAG_NO_SINGLE_ELEMENT_BINS, nullptr))));
    harness_.reset(gst_harness_new_with_element(overlay.get(), "sink", "src"));
    bus_.reset(gst_bus_new());
    gst_element_set_bus(harness_->element, bus_.get());
    set_caps(info);
  }

  void set_caps(const GstVideoInfo &info) const {
    GstVideoInfo copy = info;
    gst_harness_set_src_caps(harness_.get(), gst_video_info_to_caps(&copy));
  }

  void stop() {
    harness_.reset();
    if (bus_) gst_bus_set_flushing(bus_.get(), TRUE);
    bus_.reset();
  }

  Ref<GstBuffer> push(Ref<GstBuffer> buffer) const {
    EXPECT_EQ(gst_harness_push(harness_.get(), buffer.release()), GST_FLOW_OK);
    return Ref<GstBuffer>(gst_harness_pull(harness_.get()));
  }

  // Returns the frame as a new element draws on it.
  Ref<GstBuffer> drawn(const std::string &properties, const GstVideoInfo &info, Ref<GstBuffer> buffer) {
    start(properties, info);
    return push(std::move(buffer));
  }

  Ref<GstMessage> message(GstMessageType type) const {
    return Ref<GstMessage>(gst_bus_pop_filtered(bus_.get(), type));
  }

  GstElement *element() const { return harness_->element; }

  void TearDown() override {
    stop();
    GstTest::TearDown();
  }

  Harness harness_;
  Ref<GstBus> bus_;
};

TEST_F(UniadOverlay, HeatOnEveryRawFormat) {
  for (const GstVideoFormat format : all_formats()) {
    for (const auto &[width, height] : {std::pair{64, 48}, {37, 23}}) {
      SCOPED_TRACE(std::string(gst_video_format_to_string(format)) + " " + std::to_string(width));
      const GstVideoInfo info = video_info(format, width, height);
      const auto plain = flat(info, ground);
      auto hot_corner = drawn(heat_alone, info, with(flat(info, ground), corner));
      EXPECT_LE(difference(pixel(hot_corner.get(), info, 0, 0), shown(info, red)), tolerance(info));

      const GstVideoInfo argb = argb_info(info);
      const auto before = converted(plain.get(), info, argb);
      const auto after = converted(hot_corner.get(), info, argb);
      const auto before_bytes = bytes_of(before.get());
      const auto after_bytes = bytes_of(after.get());
      // Heat does not reach cells 2 and 3, but a chroma sample may belong to both sides.
      bool same = true;
      for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
          if (x < width / 2 + 4 && y < height / 2 + 4) continue;
          const auto offset = static_cast<std::ptrdiff_t>((y * argb.width + x) * 4);
          same = same && std::equal(before_bytes.begin() + offset, before_bytes.begin() + offset + 4,
                                    after_bytes.begin() + offset);
        }
      }
      EXPECT_TRUE(same);
    }
  }
}

TEST_F(UniadOverlay, HalfTransparentHeatIsTheMeanOfBoth) {
  for (const GstVideoFormat format : all_formats()) {
    SCOPED_TRACE(gst_video_format_to_string(format));
    const GstVideoInfo info = video_info(format, 50, 20);
    const auto out = drawn("contours=false score=false color-map=red heatmap-opacity=0.5", info,
                           with(flat(info, ground), hot));
    for (const auto &[x, y] : {std::pair{0, 0}, {49, 19}, {25, 10}})
      EXPECT_LE(difference(pixel(out.get(), info, x, y), shown(info, mean(ground, red))), tolerance(info));
  }
}

TEST_F(UniadOverlay, LinesOnEveryRawFormat) {
  for (const GstVideoFormat format : all_formats()) {
    SCOPED_TRACE(gst_video_format_to_string(format));
    const GstVideoInfo info = video_info(format, 320, 240);
    const auto out = drawn(box_alone, info, with(flat(info, ground), box));
    for (const auto &[x, y] : {std::pair{80, 120}, {240, 120}, {160, 60}, {160, 180}})
      EXPECT_LE(difference(pixel(out.get(), info, x, y), shown(info, green)), tolerance(info));
    for (const auto &[x, y] : {std::pair{20, 120}, {160, 120}, {300, 10}})
      EXPECT_EQ(pixel(out.get(), info, x, y), shown(info, ground));
  }
}

TEST_F(UniadOverlay, PaddedRowsAreDrawnAsOthersAndPaddingIsLeftAlone) {
  for (const GstVideoFormat format : {GST_VIDEO_FORMAT_NV12, GST_VIDEO_FORMAT_I420, GST_VIDEO_FORMAT_YUY2,
                                      GST_VIDEO_FORMAT_RGB, GST_VIDEO_FORMAT_P010_10LE}) {
    SCOPED_TRACE(gst_video_format_to_string(format));
    const GstVideoInfo info = video_info(format, 35, 21);
    GstVideoInfo padded = info;
    gsize size = 7;
    for (guint plane = 0; plane < GST_VIDEO_INFO_N_PLANES(&info); ++plane) {
      padded.offset[plane] = size;
      padded.stride[plane] = info.stride[plane] + 36;
      size += static_cast<gsize>(padded.stride[plane]) * 25;
    }
    padded.size = size;
    Ref<GstBuffer> buffer(gst_buffer_new_allocate(nullptr, size, nullptr));
    gst_buffer_add_video_meta_full(buffer.get(), GST_VIDEO_FRAME_FLAG_NONE, format, 35, 21,
                                   GST_VIDEO_INFO_N_PLANES(&info), padded.offset, padded.stride);
    const auto plain = flat(info, ground);
    // Calls use(offset in the frame with padding, offset in the frame without) for each byte.
    const auto each_byte = [&](const auto &use) {
      for (guint plane = 0; plane < GST_VIDEO_INFO_N_PLANES(&info); ++plane) {
        const auto stride = static_cast<gsize>(info.stride[plane]);
        const gsize end = plane + 1 < GST_VIDEO_INFO_N_PLANES(&info) ? info.offset[plane + 1] : info.size;
        for (gsize i = 0; i < end - info.offset[plane]; ++i)
          use(padded.offset[plane] + i / stride * static_cast<gsize>(padded.stride[plane]) + i % stride,
              info.offset[plane] + i);
      }
    };
    std::vector<guint8> before(size, 0xee);
    const auto plain_bytes = bytes_of(plain.get());
    each_byte([&](gsize to, gsize from) { before[to] = plain_bytes[from]; });
    gst_buffer_fill(buffer.get(), 0, before.data(), size);

    const char *properties = "boxes=true heatmap-opacity=0.7";
    const auto out = drawn(properties, info, with(std::move(buffer), hot));
    const auto expected = bytes_of(drawn(properties, info, with(flat(info, ground), hot)).get());
    EXPECT_NE(expected, plain_bytes);
    std::vector<guint8> wanted(size, 0xee);
    each_byte([&](gsize to, gsize from) { wanted[to] = expected[from]; });
    EXPECT_EQ(bytes_of(out.get()), wanted);
  }
}

TEST_F(UniadOverlay, ColorsFollowTheColorimetry) {
  const struct {
    const char *colorimetry;
    int y, u, v;
  } reds[] = {{"bt601", 81, 90, 240},
              {"bt709", 63, 102, 240},
              {"bt2020", 74, 97, 240},
              {"1:4:0:0", 76, 85, 255},   // BT.601, full range
              {"1:3:5:1", 54, 99, 255}};  // BT.709, full range
  for (const GstVideoFormat format : {GST_VIDEO_FORMAT_NV12, GST_VIDEO_FORMAT_NV21, GST_VIDEO_FORMAT_YV12,
                                      GST_VIDEO_FORMAT_UYVY, GST_VIDEO_FORMAT_Y444}) {
    for (const auto &[colorimetry, y, u, v] : reds) {
      SCOPED_TRACE(std::string(gst_video_format_to_string(format)) + " " + colorimetry);
      const GstVideoInfo info = video_info(format, 16, 16, colorimetry);
      const auto out = drawn(heat_alone, info, with(flat(info, ground), hot));
      const MappedFrame frame(out.get(), info, GST_MAP_READ);
      EXPECT_NEAR(frame.at(0, 3, 3), y, 1);
      EXPECT_NEAR(frame.at(1, 3, 3), u, 1);
      EXPECT_NEAR(frame.at(2, 3, 3), v, 1);
    }
  }
}

// A chroma sample covers luma rows of its own field only. A frame with full chroma is the reference.
TEST_F(UniadOverlay, ChromaLiesWhereItsLumaLies) {
  Result slope{.columns = 1, .rows = 8, .grid = {0.5, 0.8F, 1.1F, 1.4F, 1.7F, 1.4F, 1.1F, 0.8F}};
  slope.regions = {{0.2F, 0.3F, 0.6F, 0.5F, 2, nullptr, nullptr}};
  for (const auto mode : {GST_VIDEO_INTERLACE_MODE_PROGRESSIVE, GST_VIDEO_INTERLACE_MODE_INTERLEAVED}) {
    for (const char *properties : {"contours=false score=false color-map=red heatmap-opacity=1", box_alone}) {
      const GstVideoInfo full = video_info(GST_VIDEO_FORMAT_Y444, 160, 120, "bt601", mode);
      const auto reference = drawn(properties, full, with(flat(full, ground), slope));
      const MappedFrame wanted(reference.get(), full, GST_MAP_READ);
      for (const GstVideoFormat format : {GST_VIDEO_FORMAT_NV12, GST_VIDEO_FORMAT_I420, GST_VIDEO_FORMAT_YUY2,
                                          GST_VIDEO_FORMAT_Y41B, GST_VIDEO_FORMAT_I420_10LE}) {
        SCOPED_TRACE(std::string(gst_video_format_to_string(format)) + " " + std::to_string(mode) + " " +
                     properties);
        const GstVideoInfo info = video_info(format, 160, 120, "bt601", mode);
        const auto out = drawn(properties, info, with(flat(info, ground), slope));
        const MappedFrame frame(out.get(), info, GST_MAP_READ);
        const bool interlaced = mode == GST_VIDEO_INTERLACE_MODE_INTERLEAVED;
        // GStreamer's packing uses the first of the pixels that share a sample.
        const bool first_alone = format == GST_VIDEO_FORMAT_I420_10LE;
        const int across = first_alone ? 1 : 1 << info.finfo->w_sub[1];
        for (int row = 0; row < GST_VIDEO_INFO_COMP_HEIGHT(&info, 1); ++row) {
          for (int x = 0; x < GST_VIDEO_INFO_COMP_WIDTH(&info, 1); ++x) {
            std::vector<int> rows{row};
            if (info.finfo->h_sub[1] == 1 && interlaced)
              rows = {row / 2 * 4 + row % 2, row / 2 * 4 + row % 2 + 2};
            if (info.finfo->h_sub[1] == 1 && !interlaced) rows = {row * 2, row * 2 + 1};
            if (first_alone) rows.resize(1);
            double sum = 0;
            for (const int y : rows)
              for (int i = 0; i < across; ++i) sum += wanted.at(2, (x << info.finfo->w_sub[1]) + i, y);
            ASSERT_NEAR(frame.at(2, x, row), sum / (static_cast<double>(rows.size()) * across), 4)
                << x << " " << row;
          }
        }
      }
    }
  }
}

TEST_F(UniadOverlay, AFrameWithoutAResultPassesUntouchedAndUncopied) {
  for (const GstVideoFormat format : all_formats()) {
    SCOPED_TRACE(gst_video_format_to_string(format));
    const GstVideoInfo info = video_info(format, 37, 23);
    Ref<GstBuffer> buffer(gst_buffer_new_allocate(nullptr, info.size, nullptr));
    std::vector<guint8> bytes(info.size);
    std::iota(bytes.begin(), bytes.end(), guint8{1});
    gst_buffer_fill(buffer.get(), 0, bytes.data(), bytes.size());
    const Ref<GstBuffer> other_branch(gst_buffer_ref(buffer.get()));
    const auto out = drawn("", info, std::move(buffer));
    EXPECT_EQ(out.get(), other_branch.get());
    EXPECT_EQ(bytes_of(out.get()), bytes);
  }
}

TEST_F(UniadOverlay, ANormalFrameStaysClean) {
  const GstVideoInfo info = video_info(GST_VIDEO_FORMAT_NV12, 320, 240);
  Result normal{.score = 0.8, .columns = 2, .rows = 1, .grid = {0.8F, 0.3F}};
  auto buffer = with(flat(info, ground), normal);
  const Ref<GstBuffer> other_branch(gst_buffer_ref(buffer.get()));
  const auto out = drawn("score=false boxes=true", info, std::move(buffer));
  EXPECT_EQ(out.get(), other_branch.get());
}

TEST_F(UniadOverlay, HeatShowsFromShortlyBelowTheThreshold) {
  const GstVideoInfo info = video_info(GST_VIDEO_FORMAT_GRAY8, 8, 8);
  std::vector<int> brightness;
  for (const float value : {0.7F, 0.85F, 0.95F, 1.05F, 1.3F, 2.0F}) {
    Result result{.score = value};
    result.grid = {value};
    const auto out = drawn("contours=false score=false color-map=red heatmap-opacity=1", info,
                           with(flat(info, {255, 0, 0, 0}), result));
    brightness.push_back(bytes_of(out.get())[0]);
  }
  EXPECT_EQ(brightness.front(), 0);
  EXPECT_LT(brightness[1], 8);       // faint
  EXPECT_EQ(brightness.back(), 76);  // red's luma in BT.601, full range
  EXPECT_TRUE(std::is_sorted(brightness.begin(), brightness.end()));
}

TEST_F(UniadOverlay, WithoutAThresholdTheRangeThatIsSetHolds) {
  const GstVideoInfo info = video_info(GST_VIDEO_FORMAT_RGB, 8, 8);
  Result result{.threshold = 0};
  result.grid = {5};
  const std::string alone = "contours=false score=false color-map=red heatmap-opacity=1 ";
  EXPECT_EQ(pixel(drawn(alone, info, with(flat(info, ground), result)).get(), info, 0, 0), ground);
  EXPECT_EQ(pixel(drawn(alone + "heatmap-high=5", info, with(flat(info, ground), result)).get(), info, 0, 0),
            red);
  EXPECT_EQ(
      pixel(drawn(alone + "heatmap-low=5 heatmap-high=10", info, with(flat(info, ground), result)).get(),
            info, 0, 0),
      ground);
}

// The left half of the grid is 2, the right half 0, with a threshold of 1.
Result step(const Area &area = {}) {
  Result result{.score = 20, .threshold = 10, .columns = 8, .rows = 8, .grid_area = area};
  for (int i = 0; i < 64; ++i) result.grid.push_back(i % 8 < 4 ? 20.0F : 0.0F);
  return result;
}

// The position of a light line in a row on a background of 96.
double line_at(const MappedFrame &frame, int y) {
  double weight = 0;
  double moment = 0;
  for (int x = 0; x < 320; ++x) {
    const double light = std::max(0, frame.at(0, x, y) - 96);
    weight += light;
    moment += light * (x + 0.5);
  }
  return moment / weight;
}

// Within a cell the B-spline from 2 to 0 is (1 - t)^2, which is 0.975 at t = 0.0126 of the fifth cell of
// eight: x = 320 * 4.0126 / 8 = 160.5.
TEST_F(UniadOverlay, TheContourLiesWhereTheMapReachesTheThreshold) {
  const GstVideoInfo info = video_info(GST_VIDEO_FORMAT_GRAY8, 320, 240);
  const auto out =
      drawn("heatmap=false score=false line-width=9", info, with(flat(info, {255, 96, 96, 96}), step()));
  const MappedFrame frame(out.get(), info, GST_MAP_READ);
  for (const int y : {5, 120, 234}) {
    EXPECT_GT(frame.at(0, 160, y), 240);
    EXPECT_EQ(frame.at(0, 150, y), 96);
    EXPECT_EQ(frame.at(0, 171, y), 96);
    EXPECT_NEAR(line_at(frame, y), 160.5, 0.1);
    EXPECT_LT(frame.at(0, 158, y), 80);  // the rim
  }
}

// The same step in a grid that begins a quarter of the frame to the left and is 1.25 frames wide: its fifth
// cell begins at -0.25 + 1.25 * 4 / 8 = 0.375 and is 50 pixels wide.
TEST_F(UniadOverlay, TheMapLiesWhereItsAreaDoes) {
  const GstVideoInfo info = video_info(GST_VIDEO_FORMAT_GRAY8, 320, 240);
  const Result moved = step({-0.25, 0.25, 1.25, 1});
  const auto out =
      drawn("heatmap=false score=false line-width=9", info, with(flat(info, {255, 96, 96, 96}), moved));
  const MappedFrame frame(out.get(), info, GST_MAP_READ);
  for (const int y : {5, 120, 234})
    EXPECT_NEAR(line_at(frame, y), 320 * 0.375 + 50 * 0.0126, 0.1) << "beyond the grid the outermost goes on";

  // Heat covers all of the left and nothing of the right.
  const auto heat = drawn(
      "heatmap-low=0 heatmap-high=20 heatmap-opacity=1 color-map=red contours=false "
      "score=false",
      info, with(flat(info, {255, 96, 96, 96}), moved));
  const MappedFrame hot(heat.get(), info, GST_MAP_READ);
  EXPECT_NE(hot.at(0, 2, 5), 96);
  EXPECT_EQ(hot.at(0, 2, 5), hot.at(0, 60, 234));
  EXPECT_EQ(hot.at(0, 319, 120), 96);
  EXPECT_EQ(hot.at(0, 175, 120), 96);
  EXPECT_NE(hot.at(0, 100, 120), 96);
}

// A row of eight million cells, so that memory runs out while drawing on the frame.
TEST_F(UniadOverlay, MemoryThatRunsOutIsAnError) {
  if (!can_limit_memory) GTEST_SKIP() << "AddressSanitizer";
  const GstVideoInfo info = video_info(GST_VIDEO_FORMAT_RGB, 8, 8);
  Result result{.columns = 8'000'000};
  result.grid.assign(result.columns, 2);
  start("contours=false score=false", info);
  auto frame = with(flat(info, ground), result);
  const auto push_with_little_memory = [&] {
    limit_memory(140'000'000);
    const GstFlowReturn flow = gst_harness_push(harness_.get(), frame.release());
    const Ref<GstMessage> error = message(GST_MESSAGE_ERROR);
    std::_Exit(flow == GST_FLOW_ERROR && error != nullptr ? 0 : 1);
  };
  EXPECT_EXIT(push_with_little_memory(), testing::ExitedWithCode(0), "");
}

// A defect of 10 thresholds in a corner, whose surroundings rise with it, and one of 2 thresholds in the
// opposite corner.
Result strong_and_weak() {
  Result result{.score = 10, .columns = 8, .rows = 8};
  result.grid.assign(64, 0.1F);
  for (std::size_t y = 0; y < 4; ++y)
    for (std::size_t x = 0; x < 4; ++x) result.grid[y * 8 + x] = std::max(x, y) < 2 ? 10.0F : 2.5F;
  for (std::size_t y = 6; y < 8; ++y)
    for (std::size_t x = 6; x < 8; ++x) result.grid[y * 8 + x] = 2;
  result.regions = {{0, 0, 0.25F, 0.25F, 10, nullptr, nullptr},
                    {0.75F, 0.75F, 0.25F, 0.25F, 2, nullptr, nullptr}};
  return result;
}

TEST_F(UniadOverlay, TheHeatOfAStrongDefectStandsOutOfItsSurroundings) {
  const GstVideoInfo info = video_info(GST_VIDEO_FORMAT_RGB, 320, 320);
  const auto out = drawn("contours=false score=false color-map=red heatmap-opacity=1", info,
                         with(flat(info, {255, 0, 0, 0}), strong_and_weak()));
  const int peak = pixel(out.get(), info, 20, 20).r;
  const int around = pixel(out.get(), info, 140, 140).r;
  EXPECT_EQ(peak, 255);
  EXPECT_LT(around, 40);
  EXPECT_GT(around, 0);
  EXPECT_GT(pixel(out.get(), info, 310, 310).r, 0) << "the weak one can be seen beside it";
}

TEST_F(UniadOverlay, ContoursGoAroundEachRegion) {
  const GstVideoInfo info = video_info(GST_VIDEO_FORMAT_GRAY8, 320, 320);
  const auto out = drawn("heatmap=false score=false line-width=9", info,
                         with(flat(info, {255, 96, 96, 96}), strong_and_weak()));
  const MappedFrame frame(out.get(), info, GST_MAP_READ);
  const auto line = [&](int y, int from, int to) {
    for (int x = from; x < to; ++x)
      if (frame.at(0, x, y) > 200) return x;
    return 0;
  };
  // Between 10 and 2.5, the spline falls to 0.65 * 10 * 0.975 early in the third cell, which begins at 80.
  EXPECT_NEAR(line(20, 0, 320), 88, 12);
  EXPECT_EQ(line(20, 120, 320), 0) << "where the map reaches the threshold there is none";
  EXPECT_NEAR(line(310, 160, 320), 232, 12);
}

TEST_F(UniadOverlay, BordersAroundWhatWasJudgedStayAsTheyAre) {
  const GstVideoInfo info = video_info(GST_VIDEO_FORMAT_NV12, 320, 320);
  for (const char *properties : {"contours=false score=false", "heatmap=false score=false line-width=20"}) {
    Result result{.score = 10, .columns = 2, .rows = 2, .grid = {0, 9, 0, 9}};
    auto frame = with(flat(info, {255, 96, 96, 96}), result);
    auto *meta = gst_buffer_get_anomaly_meta(frame.get());
    gst_anomaly_meta_set_grid_area(meta, 0, 0.25F, 1, 0.5F);
    meta->picture_y = 0.25F;
    meta->picture_h = 0.5F;
    const auto out = drawn(properties, info, std::move(frame));
    const MappedFrame mapped(out.get(), info, GST_MAP_READ);
    bool drawn_inside = false;
    const int ground = mapped.at(0, 0, 0);
    for (int x = 0; x < 320; ++x) {
      drawn_inside = drawn_inside || mapped.at(0, x, 160) != ground;
      for (const int y : {0, 40, 79, 240, 319}) ASSERT_EQ(mapped.at(0, x, y), ground) << x << " " << y;
    }
    EXPECT_TRUE(drawn_inside) << properties;
  }
}

TEST(IsoLine, IsClosedAndLiesWhereTheSurfaceReachesTheLevel) {
  std::vector<float> hill(49);
  hill[24] = 1;
  for (const auto &[from, to] : iso_line(SmoothMap(7, 7, hill), 0.3F)) {
    for (const Point &point : {from, to}) {
      // Near its middle, the spline's kernel is 3/4 - d^2, in cells. On the line, the product of both kernels
      // is 0.3.
      const double dx = (point.x - 0.5) * 7;
      const double dy = (point.y - 0.5) * 7;
      ASSERT_LT(std::hypot(dx, dy), 1);
      if (std::abs(dx) < 0.5 && std::abs(dy) < 0.5) {
        EXPECT_NEAR((0.75 - dx * dx) * (0.75 - dy * dy), 0.3, 0.01);
      }
    }
  }
  // In a closed line, every end of a segment is the beginning of another one.
  std::vector<float> board;
  for (int y = 0; y < 6; ++y)
    for (int x = 0; x < 6; ++x) board.push_back((x + y) % 2 == 0 ? 1.0F : 0.0F);
  for (const auto &values : {hill, board}) {
    const int side = values.size() == 49 ? 7 : 6;
    const auto segments = iso_line(SmoothMap(side, side, values), values.size() == 49 ? 0.3F : 0.5F);
    ASSERT_FALSE(segments.empty());
    std::vector<std::pair<long, long>> ends;
    for (const auto &[from, to] : segments) {
      for (const Point &point : {from, to}) {
        const auto on_edge = [](double v) { return v < 1e-9 || v > 1 - 1e-9; };
        if (!on_edge(point.x) && !on_edge(point.y))
          ends.emplace_back(std::lround(point.x * 1e7), std::lround(point.y * 1e7));
      }
    }
    std::sort(ends.begin(), ends.end());
    for (std::size_t i = 0; i + 1 < ends.size(); i += 2) EXPECT_EQ(ends[i], ends[i + 1]);
  }
  EXPECT_TRUE(iso_line(SmoothMap(1, 1, {1.0F}), 1.0F).empty());
}

// A grid as fine as this is sampled at the corners of its cells, where the surface is the mean of four cells.
// Around cell (50, 1), it is 1 at the upper left and the lower right corner and 0 at the others.
TEST(IsoLine, AtASaddleTheMiddleDecidesWhatHangsTogether) {
  std::vector<float> values(std::size_t{112} * 3);
  values[49] = 4;
  values[2 * 112 + 51] = 4;
  for (const auto &[level, together] : {std::pair{0.4F, true}, {0.6F, false}}) {
    int found = 0;
    for (const auto &[from, to] : iso_line(SmoothMap(112, 3, values), level)) {
      const double x = (from.x + to.x) / 2 * 112 - 50;
      const double y = (from.y + to.y) / 2 * 3 - 1;
      if (x <= 0 || x >= 1 || y <= 0 || y >= 1) continue;
      ++found;
      EXPECT_EQ((x < 0.5) != (y < 0.5), together) << x << " " << y;
    }
    EXPECT_EQ(found, 2);
  }
}

// Computes the mean of the bilinear map over the window of one cell by brute force.
TEST(SmoothMap, IsTheMeanOfTheBilinearMapOverACell) {
  const std::vector<float> values{1, 5, 2, 0, 3, 7, 4, 1, 0, 6, 2, 8, 3, 3, 9, 1};
  const SmoothMap map(4, 4, values);
  const auto bilinear = [&](double x, double y) {
    const auto clamped = [&](int cx, int cy) {
      return values[static_cast<std::size_t>(std::clamp(cy, 0, 3) * 4 + std::clamp(cx, 0, 3))];
    };
    const int cx = static_cast<int>(std::floor(x - 0.5));
    const int cy = static_cast<int>(std::floor(y - 0.5));
    const double tx = x - 0.5 - cx;
    const double ty = y - 0.5 - cy;
    return (clamped(cx, cy) * (1 - tx) + clamped(cx + 1, cy) * tx) * (1 - ty) +
           (clamped(cx, cy + 1) * (1 - tx) + clamped(cx + 1, cy + 1) * tx) * ty;
  };
  std::vector<float> coefficients(4);
  std::vector<SmoothMap::Parabola> parabolas(4);
  for (const auto &[x, y] : {std::pair{1.3, 2.6}, {2.0, 2.0}, {0.7, 3.1}, {3.2, 1.5}}) {
    double sum = 0;
    constexpr int n = 200;
    for (int i = 0; i < n; ++i)
      for (int k = 0; k < n; ++k) sum += bilinear(x - 0.5 + (i + 0.5) / n, y - 0.5 + (k + 0.5) / n);
    map.section(y / 4, coefficients, parabolas);
    const auto &p = parabolas[static_cast<std::size_t>(x)];
    const double t = x - std::floor(x);
    EXPECT_NEAR(p.a + t * (p.b + t * p.c), sum / (n * n), 1e-3);
  }
}

TEST(ColorMaps, MatchThePublishedOnesAtTheirEndsAndMiddles) {
  const struct {
    ColorMap map;
    float position;
    Rgb color;
  } known[] = {
      {ColorMap::Jet, 0, {0, 0, 128}},           {ColorMap::Jet, 1, {128, 0, 0}},
      {ColorMap::Jet, 0.375F, {0, 255, 255}},    {ColorMap::Inferno, 0, {0, 0, 4}},
      {ColorMap::Inferno, 1, {252, 255, 164}},   {ColorMap::Viridis, 0, {68, 1, 84}},
      {ColorMap::Viridis, 0.5F, {33, 145, 140}}, {ColorMap::Turbo, 0.5F, {164, 252, 60}},
      {ColorMap::Turbo, 2, {122, 4, 3}},
  };
  for (const auto &[map, position, wanted] : known) {
    const Rgb color = color_of(map, position);
    EXPECT_NEAR(color.r, wanted.r, 1);
    EXPECT_NEAR(color.g, wanted.g, 1);
    EXPECT_NEAR(color.b, wanted.b, 1);
  }
}

class UniadOverlayText : public UniadOverlay {
 protected:
  static constexpr Color anomaly_badge{255, 0xe5, 0x39, 0x35};
  static constexpr Color normal_badge{255, 0x43, 0xa0, 0x47};
  static constexpr Color age_text{255, 0xff, 0xca, 0x28};

  // Returns the number of pixels with exactly this color, and the lowest row with one.
  std::pair<int, int> count(const std::string &properties, const std::vector<Result> &results, Color color,
                            int width = 1280) {
    const GstVideoInfo info = video_info(GST_VIDEO_FORMAT_ARGB, width, 720);
    auto buffer = flat(info, ground);
    for (const Result &result : results) buffer = with(std::move(buffer), result);
    const auto out = drawn(properties, info, std::move(buffer));
    const MappedFrame frame(out.get(), info, GST_MAP_READ);
    int found = 0;
    int lowest = -1;
    for (int y = 0; y < 720; ++y) {
      for (int x = 0; x < width; ++x) {
        if (frame.at(0, x, y) != color.r || frame.at(1, x, y) != color.g || frame.at(2, x, y) != color.b)
          continue;
        ++found;
        lowest = y;
      }
    }
    return {found, lowest};
  }
};

TEST_F(UniadOverlayText, SaysInColorWhetherTheFrameIsAnomalous) {
  Result normal{.score = 0.5};
  Result anomalous{.score = 1};
  EXPECT_GT(count("", {anomalous}, anomaly_badge).first, 1000);
  EXPECT_EQ(count("", {anomalous}, normal_badge).first, 0);
  EXPECT_GT(count("", {normal}, normal_badge).first, 1000);
  EXPECT_EQ(count("", {normal}, anomaly_badge).first, 0);
  EXPECT_EQ(count("score=false boxes=true", {anomalous}, anomaly_badge).first, 0);
}

TEST_F(UniadOverlayText, TellsTheAgeOfAnOldResultAlone) {
  Result result;
  EXPECT_EQ(count("", {result}, age_text).first, 0);
  result.age = 40 * GST_MSECOND;
  EXPECT_EQ(count("", {result}, age_text).first, 0);
  result.age = 3 * GST_SECOND;
  EXPECT_GT(count("", {result}, age_text).first, 50);
  result.age = GST_CLOCK_TIME_NONE;
  EXPECT_GT(count("", {result}, age_text).first, 50);
}

TEST_F(UniadOverlayText, SeveralResultsStandBelowEachOther) {
  const Result result;
  const auto one = count("", {result}, anomaly_badge);
  const auto two = count("", {result, result}, anomaly_badge);
  EXPECT_EQ(two.first, 2 * one.first);
  EXPECT_GT(two.second, one.second + 30);
}

TEST_F(UniadOverlayText, GrowsWithTheFontAndFitsANarrowFrame) {
  const Result result;
  EXPECT_GT(count("font-desc=\"Sans 60\"", {result}, anomaly_badge).first,
            2 * count("", {result}, anomaly_badge).first);
  EXPECT_GT(count("", {result}, anomaly_badge, 150).first, 50);
  EXPECT_EQ(count("", {result}, anomaly_badge, 16).first, 0);
}

TEST_F(UniadOverlayText, AnySourceNameIsWrittenSafely) {
  for (const char *source :
       {"", "<b>&", "\xff\xfe", "a\nb", "\xe2\x80\xae\xd8\xb9\xd8\xb1\xd8\xa8",
        "a name that is much too long for any frame, so that its end has to be left out, and "
        "then some more of it, and more, and more, and yet more until it is really long"}) {
    Result result;
    result.source = source;
    EXPECT_GT(count("", {result}, anomaly_badge).first, 300) << source;
  }
}

TEST_F(UniadOverlay, NothingOfAFormerResultStays) {
  const GstVideoInfo info = video_info(GST_VIDEO_FORMAT_NV12, 320, 240);
  Result other{.score = 3, .columns = 4, .rows = 4, .grid = corner.grid};
  std::reverse(other.grid.begin(), other.grid.end());
  other.regions = {{0.6F, 0.1F, 0.3F, 0.3F, 2, nullptr, nullptr}};
  const auto expected = drawn("boxes=true", info, with(flat(info, ground), other));
  start("boxes=true", info);
  for (const Result &former : {corner, box, hot}) push(with(flat(info, ground), former));
  push(flat(info, ground));
  EXPECT_EQ(bytes_of(push(with(flat(info, ground), other)).get()), bytes_of(expected.get()));
  // Drawn from the cached canvas.
  EXPECT_EQ(bytes_of(push(with(flat(info, ground), other)).get()), bytes_of(expected.get()));
  EXPECT_EQ(bytes_of(push(flat(info, ground)).get()), bytes_of(flat(info, ground).get()));
}

TEST_F(UniadOverlay, PropertiesTakeEffectWhilePlaying) {
  const GstVideoInfo info = video_info(GST_VIDEO_FORMAT_RGB, 320, 240);
  start(box_alone, info);
  EXPECT_EQ(pixel(push(with(flat(info, ground), box)).get(), info, 80, 120), green);
  g_object_set(element(), "color", 0xffff0000U, nullptr);
  EXPECT_EQ(pixel(push(with(flat(info, ground), box)).get(), info, 80, 120), red);
  g_object_set(element(), "boxes", FALSE, nullptr);
  EXPECT_EQ(pixel(push(with(flat(info, ground), box)).get(), info, 80, 120), ground);
}

TEST_F(UniadOverlay, GoesOnWhenSizeFormatOrColorimetryChange) {
  start(heat_alone, video_info(GST_VIDEO_FORMAT_GRAY8, 8, 8));
  for (const auto &[format, width, height, colorimetry] : {std::tuple{GST_VIDEO_FORMAT_NV12, 64, 48, "bt601"},
                                                           {GST_VIDEO_FORMAT_NV12, 64, 48, "bt709"},
                                                           {GST_VIDEO_FORMAT_v210, 500, 20, "bt2020"},
                                                           {GST_VIDEO_FORMAT_BGRA, 3, 5, "sRGB"},
                                                           {GST_VIDEO_FORMAT_I420, 640, 480, "bt601"}}) {
    SCOPED_TRACE(std::string(gst_video_format_to_string(format)) + " " + colorimetry);
    const GstVideoInfo info = video_info(format, width, height, colorimetry);
    set_caps(info);
    const auto out = push(with(flat(info, ground), hot));
    EXPECT_LE(difference(pixel(out.get(), info, 1, 1), shown(info, red)), 4);
  }
}

TEST_F(UniadOverlay, ASharedFrameIsDrawnOnACopy) {
  const GstVideoInfo info = video_info(GST_VIDEO_FORMAT_NV12, 64, 48);
  auto buffer = with(flat(info, ground), hot);
  const auto before = bytes_of(buffer.get());
  const Ref<GstBuffer> other_branch(gst_buffer_ref(buffer.get()));
  const auto out = drawn(heat_alone, info, std::move(buffer));
  EXPECT_EQ(bytes_of(other_branch.get()), before);
  EXPECT_LE(difference(pixel(out.get(), info, 9, 9), red), 4);
  EXPECT_NE(gst_buffer_get_anomaly_meta(out.get()), nullptr);
}

TEST_F(UniadOverlay, AFrameOfItsOwnIsDrawnInPlace) {
  const GstVideoInfo info = video_info(GST_VIDEO_FORMAT_NV12, 64, 48);
  auto buffer = with(flat(info, ground), hot);
  const GstMemory *memory = gst_buffer_peek_memory(buffer.get(), 0);
  EXPECT_EQ(gst_buffer_peek_memory(drawn("", info, std::move(buffer)).get(), 0), memory);
}

// Memory like that of a GPU: mapping it downloads it.
struct FarMemory {
  GstMemory memory;
  guint8 *bytes;
};

struct FarAllocator {
  GstAllocator parent;
  int downloads;
};
using FarAllocatorClass = GstAllocatorClass;
G_DEFINE_TYPE(FarAllocator, far_allocator, GST_TYPE_ALLOCATOR)

GstMemory *allocate_far(GstAllocator *allocator, gsize size, GstAllocationParams * /*parameters*/) {
  auto *far = new FarMemory{};
  far->bytes = new guint8[size];
  gst_memory_init(&far->memory, GST_MEMORY_FLAG_NO_SHARE, allocator, nullptr, size, 0, 0, size);
  return &far->memory;
}

void free_far(GstAllocator * /*allocator*/, GstMemory *memory) {
  auto *far = reinterpret_cast<FarMemory *>(memory);
  delete[] far->bytes;
  delete far;
}

gpointer download(GstMemory *memory, gsize /*size*/, GstMapFlags /*flags*/) {
  ++reinterpret_cast<FarAllocator *>(memory->allocator)->downloads;
  return reinterpret_cast<FarMemory *>(memory)->bytes;
}

void far_allocator_class_init(FarAllocatorClass *klass) {
  klass->alloc = allocate_far;
  klass->free = free_far;
}

void far_allocator_init(FarAllocator *allocator) {
  allocator->parent.mem_map = download;
  allocator->parent.mem_unmap = [](GstMemory *) {};
  allocator->parent.mem_type = "far";
}

TEST_F(UniadOverlay, AFrameInGpuMemoryIsFetchedOnlyToBeDrawnOn) {
  const GstVideoInfo info = video_info(GST_VIDEO_FORMAT_NV12, 64, 48);
  const Ref<GstAllocator> allocator(
      GST_ALLOCATOR(gst_object_ref_sink(g_object_new(far_allocator_get_type(), nullptr))));
  const int &downloads = reinterpret_cast<FarAllocator *>(allocator.get())->downloads;
  const auto frame = [&] {
    const auto bytes = bytes_of(flat(info, ground).get());
    Ref<GstBuffer> buffer(gst_buffer_new_allocate(allocator.get(), info.size, nullptr));
    gst_buffer_fill(buffer.get(), 0, bytes.data(), bytes.size());
    return buffer;
  };
  start(heat_alone, info);
  GstVideoInfo copy = info;
  GstCaps *caps = gst_video_info_to_caps(&copy);
  gst_caps_set_features_simple(caps, gst_caps_features_new("memory:CUDAMemory", nullptr));
  gst_harness_set_src_caps(harness_.get(), caps);

  auto plain = frame();
  const int filled = downloads;
  plain = push(std::move(plain));
  EXPECT_EQ(downloads, filled);
  EXPECT_EQ(bytes_of(plain.get()), bytes_of(flat(info, ground).get()));

  auto buffer = with(frame(), hot);
  const GstMemory *memory = gst_buffer_peek_memory(buffer.get(), 0);
  const auto out = push(std::move(buffer));
  EXPECT_EQ(gst_buffer_peek_memory(out.get(), 0), memory);
  EXPECT_LE(difference(pixel(out.get(), info, 9, 9), red), 4);
  const Ref<GstCaps> negotiated(gst_pad_get_current_caps(harness_->sinkpad));
  EXPECT_TRUE(gst_caps_features_contains(gst_caps_get_features(negotiated.get(), 0), "memory:CUDAMemory"));
}

GstPadProbeReturn add_result(GstPad * /*pad*/, GstPadProbeInfo *probe, gpointer /*data*/) {
  GstBuffer *buffer = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(probe));
  probe->data = with(Ref<GstBuffer>(buffer), hot).release();
  return GST_PAD_PROBE_OK;
}

TEST_F(UniadOverlay, TheOtherBranchOfATeeStaysAsItWas) {
  const Ref<GstElement> pipeline(
      gst_parse_launch("videotestsrc num-buffers=5 pattern=black ! video/x-raw,format=NV12 ! "
                       "identity name=detector ! tee name=t "
                       "t. ! queue ! uniadoverlay ! appsink name=drawn sync=false "
                       "t. ! queue ! appsink name=plain sync=false",
                       nullptr));
  ASSERT_NE(pipeline, nullptr);
  const Ref<GstElement> detector(gst_bin_get_by_name(GST_BIN(pipeline.get()), "detector"));
  GstPad *pad = gst_element_get_static_pad(detector.get(), "src");
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, add_result, nullptr, nullptr);
  gst_object_unref(pad);
  const Ref<GstElement> drawn_sink(gst_bin_get_by_name(GST_BIN(pipeline.get()), "drawn"));
  const Ref<GstElement> plain_sink(gst_bin_get_by_name(GST_BIN(pipeline.get()), "plain"));
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  for (int i = 0; i < 5; ++i) {
    const Ref<GstSample> with_drawing(gst_app_sink_pull_sample(GST_APP_SINK(drawn_sink.get())));
    const Ref<GstSample> without(gst_app_sink_pull_sample(GST_APP_SINK(plain_sink.get())));
    ASSERT_NE(with_drawing, nullptr);
    ASSERT_NE(without, nullptr);
    const auto plain = bytes_of(gst_sample_get_buffer(without.get()));
    const std::size_t luma = std::size_t{320} * 240;
    EXPECT_EQ(std::count(plain.begin(), plain.begin() + luma, 16), luma);
    EXPECT_EQ(std::count(plain.begin() + luma, plain.end(), 128), luma / 2);
    EXPECT_NE(bytes_of(gst_sample_get_buffer(with_drawing.get())), plain);
  }
  const Ref<GstSample> end(gst_app_sink_pull_sample(GST_APP_SINK(drawn_sink.get())));
  EXPECT_EQ(end, nullptr);
  EXPECT_TRUE(gst_app_sink_is_eos(GST_APP_SINK(drawn_sink.get())));
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
}

TEST_F(UniadOverlay, NoResultIsTooOddToDraw) {
  std::vector<Result> odd;
  odd.push_back({});                                      // no grid
  odd.push_back({.score = std::nan(""), .grid = {nan}});  // all values are NaN
  odd.push_back({.score = INFINITY, .grid = {infinity}});
  odd.push_back({.score = -INFINITY, .grid = {-infinity}});
  odd.push_back({.threshold = std::nan(""), .grid = {1}});
  odd.push_back({.threshold = INFINITY, .grid = {1}});
  odd.push_back({.score = -1, .threshold = -2, .grid = {-1}});
  odd.push_back({.threshold = 1e-320, .grid = {1e-40F}});
  odd.push_back({.score = 1e300, .threshold = 1e-300, .grid = {3e38F}});
  odd.push_back({.columns = 3, .rows = 2, .grid = {nan, infinity, -infinity, 3e38F, -3e38F, 2}});
  odd.push_back({.columns = 500, .rows = 1, .grid = std::vector<float>(500, 2.0F)});
  odd.push_back({.columns = 1, .rows = 500, .grid = std::vector<float>(500, 1.0F)});
  odd.push_back({.regions = {{-5, -5, 20, 20, 1, nullptr, nullptr},
                             {2, 2, 1, 1, 1, nullptr, nullptr},
                             {0.5F, 0.5F, -1, -1, 1, nullptr, nullptr}}});
  odd.push_back({.regions = {{nan, 0, 1, 1, 1, nullptr, nullptr},
                             {0, infinity, 1, 1, 1, nullptr, nullptr},
                             {0, 0, 3e38F, 3e38F, nan, nullptr, nullptr}}});
  odd.push_back({.regions = {{0.5F, 0.5F, 0, 0, 1, nullptr, nullptr}}});
  odd.push_back({.age = GST_CLOCK_TIME_NONE - 1});
  for (const auto &[width, height] : {std::pair{1, 1}, {2, 3}, {7, 300}, {320, 240}, {5000, 2}}) {
    for (const GstVideoFormat format :
         {GST_VIDEO_FORMAT_NV12, GST_VIDEO_FORMAT_YUY2, GST_VIDEO_FORMAT_BGR, GST_VIDEO_FORMAT_YUV9,
          GST_VIDEO_FORMAT_v210, GST_VIDEO_FORMAT_NV12_64Z32, GST_VIDEO_FORMAT_RGB8P}) {
      const GstVideoInfo info = video_info(format, width, height);
      start("boxes=true heatmap-opacity=1", info);
      for (const Result &result : odd) {
        const auto out = push(with(flat(info, ground), result));
        ASSERT_EQ(gst_buffer_get_size(out.get()), info.size);
      }
      EXPECT_EQ(message(GST_MESSAGE_ERROR), nullptr);
    }
  }
}

TEST_F(UniadOverlay, WhatIsNoNumberIsNotDrawn) {
  const GstVideoInfo info = video_info(GST_VIDEO_FORMAT_RGB, 64, 64);
  Result result{.columns = 2, .rows = 1, .grid = {nan, infinity}};
  const auto out = drawn(heat_alone, info, with(flat(info, ground), result));
  EXPECT_EQ(pixel(out.get(), info, 1, 32), ground);
  EXPECT_EQ(pixel(out.get(), info, 62, 32), red);
}

TEST_F(UniadOverlay, BoxesStayWithinTheFrame) {
  const GstVideoInfo info = video_info(GST_VIDEO_FORMAT_RGB, 320, 240);
  Result whole;
  whole.regions = {{-1, -1, 9, 9, 1, nullptr, nullptr}};
  const auto out = drawn(box_alone, info, with(flat(info, ground), whole));
  for (const auto &[x, y] : {std::pair{22, 120}, {297, 120}, {160, 22}, {160, 217}})
    EXPECT_EQ(pixel(out.get(), info, x, y), green);
  EXPECT_EQ(pixel(out.get(), info, 160, 120), ground);
}

TEST_F(UniadOverlay, ABufferTooSmallForItsCapsPassesWithOneWarning) {
  const GstVideoInfo info = video_info(GST_VIDEO_FORMAT_NV12, 64, 48);
  start("", info);
  for (int i = 0; i < 3; ++i) {
    Ref<GstBuffer> buffer(gst_buffer_new_allocate(nullptr, 100, nullptr));
    gst_buffer_memset(buffer.get(), 0, 7, 100);
    EXPECT_EQ(bytes_of(push(with(std::move(buffer), hot)).get()), std::vector<guint8>(100, 7));
  }
  EXPECT_NE(message(GST_MESSAGE_WARNING), nullptr);
  EXPECT_EQ(message(GST_MESSAGE_WARNING), nullptr);
  EXPECT_NE(bytes_of(push(with(flat(info, ground), hot)).get()), bytes_of(flat(info, ground).get()));
}

TEST_F(UniadOverlay, DrawsAfterAFlushAndPassesTheEndOfTheStream) {
  const GstVideoInfo info = video_info(GST_VIDEO_FORMAT_RGB, 64, 48);
  start(heat_alone, info);
  push(with(flat(info, ground), corner));
  gst_harness_push_event(harness_.get(), gst_event_new_flush_start());
  gst_harness_push_event(harness_.get(), gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(harness_.get(), gst_event_new_segment(&segment));
  EXPECT_EQ(pixel(push(with(flat(info, ground), hot)).get(), info, 60, 40), red);
  EXPECT_TRUE(gst_harness_push_event(harness_.get(), gst_event_new_eos()));
  bool end = false;
  while (GstEvent *event = gst_harness_try_pull_event(harness_.get())) {
    end = end || GST_EVENT_TYPE(event) == GST_EVENT_EOS;
    gst_event_unref(event);
  }
  EXPECT_TRUE(end);
}

TEST_F(UniadOverlay, GoesThroughAllStatesAgainAndAgain) {
  const Ref<GstElement> overlay(
      GST_ELEMENT(gst_object_ref_sink(gst_element_factory_make("uniadoverlay", nullptr))));
  for (int i = 0; i < 5; ++i) {
    for (const auto state : {GST_STATE_READY, GST_STATE_PAUSED, GST_STATE_PLAYING, GST_STATE_PAUSED,
                             GST_STATE_READY, GST_STATE_PAUSED, GST_STATE_NULL})
      EXPECT_EQ(gst_element_set_state(overlay.get(), state), GST_STATE_CHANGE_SUCCESS);
  }
  const GstVideoInfo info = video_info(GST_VIDEO_FORMAT_RGB, 64, 48);
  start(heat_alone, info);
  push(with(flat(info, ground), hot));
  gst_element_set_state(element(), GST_STATE_NULL);
  gst_element_set_state(element(), GST_STATE_PLAYING);
}

TEST_F(UniadOverlay, PropertiesKeepWhatIsSetWithinTheirRanges) {
  start("", video_info(GST_VIDEO_FORMAT_RGB, 64, 48));
  g_object_set(element(), "heatmap", FALSE, "contours", FALSE, "boxes", TRUE, "score", FALSE,
               "heatmap-opacity", 0.25, "heatmap-low", 1.5, "heatmap-high", 2.5, "color-map",
               GST_UNIAD_OVERLAY_COLOR_MAP_VIRIDIS, "color", 0x80123456U, "line-width", 7.0, "font-desc",
               "Serif 20", nullptr);
  gboolean heatmap = TRUE;
  gboolean contours = TRUE;
  gboolean boxes = FALSE;
  gboolean score = TRUE;
  double opacity = 0;
  double low = 0;
  double high = 0;
  gint color_map = 0;
  guint color = 0;
  double line_width = 0;
  gchar *font = nullptr;
  g_object_get(element(), "heatmap", &heatmap, "contours", &contours, "boxes", &boxes, "score", &score,
               "heatmap-opacity", &opacity, "heatmap-low", &low, "heatmap-high", &high, "color-map",
               &color_map, "color", &color, "line-width", &line_width, "font-desc", &font, nullptr);
  EXPECT_FALSE(heatmap);
  EXPECT_FALSE(contours);
  EXPECT_TRUE(boxes);
  EXPECT_FALSE(score);
  EXPECT_EQ(opacity, 0.25);
  EXPECT_EQ(low, 1.5);
  EXPECT_EQ(high, 2.5);
  EXPECT_EQ(color_map, GST_UNIAD_OVERLAY_COLOR_MAP_VIRIDIS);
  EXPECT_EQ(color, 0x80123456U);
  EXPECT_EQ(line_width, 7);
  EXPECT_STREQ(font, "Serif 20");
  g_free(font);

  GObjectClass *klass = G_OBJECT_GET_CLASS(element());
  const auto *range = G_PARAM_SPEC_DOUBLE(g_object_class_find_property(klass, "heatmap-opacity"));
  EXPECT_EQ(range->minimum, 0);
  EXPECT_EQ(range->maximum, 1);
  guint count = 0;
  GParamSpec **properties = g_object_class_list_properties(klass, &count);
  for (guint i = 0; i < count; ++i) {
    if (properties[i]->owner_type == GST_TYPE_UNIAD_OVERLAY) {
      EXPECT_TRUE(properties[i]->flags & GST_PARAM_MUTABLE_PLAYING) << properties[i]->name;
    }
  }
  g_free(properties);
}

}  // namespace
}  // namespace uniad::test
