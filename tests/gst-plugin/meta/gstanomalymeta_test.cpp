// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/meta/gstanomalymeta.h"

#include <gst/video/gstvideometa.h>

#include <array>
#include <string>

#include "tests/support/gst_test.h"

namespace uniad::test {
namespace {

class AnomalyMeta : public GstTest {};

Ref<GstBuffer> marked_buffer() {
  Ref<GstBuffer> buffer(gst_buffer_new_allocate(nullptr, 16, nullptr));
  auto *meta = gst_buffer_add_anomaly_meta(buffer.get(), "cam0", 7.5, 40 * GST_MSECOND);
  const std::array grid{1.0F, 2.0F, 3.0F, 4.0F, 5.0F, 6.0F};
  const std::array regions{GstAnomalyRegion{0.5F, 0.25F, 0.5F, 0.75F, 7.5F, nullptr, nullptr},
                           GstAnomalyRegion{0, 0, 0.125F, 0.125F, 5.0F, g_intern_string("door"), nullptr}};
  gst_anomaly_meta_set_threshold(meta, 5.0, 0.75);
  gst_anomaly_meta_set_grid(meta, 3, 2, grid.data());
  gst_anomaly_meta_set_grid_area(meta, -0.125F, 0.25F, 1.5F, 1.25F);
  gst_anomaly_meta_set_regions(meta, regions.data(), regions.size());
  gst_anomaly_meta_set_event(meta, "event-1", GST_ANOMALY_EVENT_BEGIN);
  gst_anomaly_meta_set_event_kind(meta, "unknown-scene", "door");
  const std::array moments{GstAnomalyMoment{1, 2}, GstAnomalyMoment{3, 4}, GstAnomalyMoment{5, 6}};
  gst_anomaly_meta_set_event_course(meta, &moments[0], &moments[1], &moments[2], 8.5, 7);
  gst_anomaly_meta_set_session(meta, "session-1");
  gst_anomaly_meta_set_time(meta, 9, GST_ANOMALY_TIME_CAMERA);
  return buffer;
}

void expect_marked(GstBuffer *buffer) {
  const auto *meta = gst_buffer_get_anomaly_meta(buffer);
  ASSERT_NE(meta, nullptr);
  EXPECT_STREQ(meta->source, "cam0");
  EXPECT_EQ(meta->score, 7.5);
  EXPECT_TRUE(meta->has_threshold);
  EXPECT_EQ(meta->threshold, 5.0);
  EXPECT_EQ(meta->probability, 0.75);
  EXPECT_TRUE(meta->anomalous);
  EXPECT_FALSE(meta->unknown_scene);
  EXPECT_EQ(meta->age, 40 * GST_MSECOND);
  EXPECT_STREQ(meta->event_id, "event-1");
  EXPECT_EQ(meta->event_state, GST_ANOMALY_EVENT_BEGIN);
  EXPECT_STREQ(meta->event_kind, "unknown-scene");
  EXPECT_STREQ(meta->event_zone, "door");
  EXPECT_EQ(meta->event_begin.pts, 1U);
  EXPECT_EQ(meta->event_begin.time, 2U);
  EXPECT_EQ(meta->event_moment.pts, 3U);
  EXPECT_EQ(meta->event_moment.time, 4U);
  EXPECT_EQ(meta->event_peak.pts, 5U);
  EXPECT_EQ(meta->event_peak.time, 6U);
  EXPECT_EQ(meta->event_peak_score, 8.5);
  EXPECT_EQ(meta->event_frames, 7U);
  EXPECT_STREQ(meta->session, "session-1");
  EXPECT_EQ(meta->time, 9U);
  EXPECT_EQ(meta->time_source, GST_ANOMALY_TIME_CAMERA);

  guint n_values = 0;
  const gfloat *grid = gst_anomaly_meta_get_grid(meta, &n_values);
  ASSERT_EQ(n_values, 6U);
  EXPECT_EQ(meta->grid_width, 3U);
  EXPECT_EQ(meta->grid_height, 2U);
  for (guint i = 0; i < n_values; ++i) EXPECT_EQ(grid[i], static_cast<float>(i + 1));
  EXPECT_EQ(meta->grid_x, -0.125F);
  EXPECT_EQ(meta->grid_y, 0.25F);
  EXPECT_EQ(meta->grid_w, 1.5F);
  EXPECT_EQ(meta->grid_h, 1.25F);

  guint n_regions = 0;
  const GstAnomalyRegion *regions = gst_anomaly_meta_get_regions(meta, &n_regions);
  ASSERT_EQ(n_regions, 2U);
  EXPECT_EQ(regions[0].h, 0.75F);
  EXPECT_EQ(regions[1].score, 5.0F);
  EXPECT_EQ(regions[0].zone, nullptr);
  EXPECT_STREQ(regions[1].zone, "door");
}

// The buffer as a scaler outputs it.
Ref<GstBuffer> scaled(const Ref<GstBuffer> &original) {
  Ref<GstBuffer> result(gst_buffer_new());
  GstVideoInfo in;
  GstVideoInfo out;
  gst_video_info_set_format(&in, GST_VIDEO_FORMAT_NV12, 1920, 1080);
  gst_video_info_set_format(&out, GST_VIDEO_FORMAT_NV12, 640, 360);
  GstVideoMetaTransform scale{&in, &out};
  auto *meta = &gst_buffer_get_anomaly_meta(original.get())->meta;
  EXPECT_TRUE(meta->info->transform_func(result.get(), meta, original.get(),
                                         gst_video_meta_transform_scale_get_quark(), &scale));
  return result;
}

TEST_F(AnomalyMeta, HoldsWhatWasSet) {
  expect_marked(marked_buffer().get());
}

TEST_F(AnomalyMeta, IsNotThereUnlessAdded) {
  const Ref<GstBuffer> buffer(gst_buffer_new());
  EXPECT_EQ(gst_buffer_get_anomaly_meta(buffer.get()), nullptr);
}

TEST_F(AnomalyMeta, StartsWithoutThresholdGridRegionsAndEvent) {
  const Ref<GstBuffer> buffer(gst_buffer_new());
  const auto *meta = gst_buffer_add_anomaly_meta(buffer.get(), "cam0", 1e9, 0);
  EXPECT_FALSE(meta->has_threshold);
  EXPECT_FALSE(meta->anomalous);
  EXPECT_EQ(gst_anomaly_meta_get_grid(meta, nullptr), nullptr);
  EXPECT_EQ(meta->grid_x, 0);
  EXPECT_EQ(meta->grid_w, 1) << "as wide as the frame";
  EXPECT_EQ(gst_anomaly_meta_get_regions(meta, nullptr), nullptr);
  EXPECT_EQ(meta->event_id, nullptr);
  EXPECT_EQ(meta->event_state, GST_ANOMALY_EVENT_NONE);
  EXPECT_EQ(meta->event_begin.pts, GST_CLOCK_TIME_NONE);
  EXPECT_EQ(meta->session, nullptr);
  EXPECT_EQ(meta->time, GST_CLOCK_TIME_NONE);
  EXPECT_EQ(meta->time_source, GST_ANOMALY_TIME_UNKNOWN);
}

TEST_F(AnomalyMeta, IsAnomalousFromTheThresholdOn) {
  const Ref<GstBuffer> buffer(gst_buffer_new());
  auto *meta = gst_buffer_add_anomaly_meta(buffer.get(), "cam0", 5.0, 0);
  gst_anomaly_meta_set_threshold(meta, 5.0, 0.5);
  EXPECT_TRUE(meta->anomalous);
  gst_anomaly_meta_set_threshold(meta, 5.0000001, 0.5);
  EXPECT_FALSE(meta->anomalous);
}

TEST_F(AnomalyMeta, ACopyOutlivesTheOriginal) {
  auto original = marked_buffer();
  const Ref<GstBuffer> copy(gst_buffer_copy(original.get()));
  original.reset();
  expect_marked(copy.get());
}

TEST_F(AnomalyMeta, AFrameScaledInItsShapeKeepsItUnchanged) {
  expect_marked(scaled(marked_buffer()).get());
}

TEST_F(AnomalyMeta, AnUnknownSceneIsAnomalousOnlyWhereThereIsAThreshold) {
  const Ref<GstBuffer> buffer(gst_buffer_new());
  auto *uncalibrated = gst_buffer_add_anomaly_meta(buffer.get(), "cam0", 3.0, 0);
  EXPECT_FALSE(uncalibrated->unknown_scene);
  gst_anomaly_meta_set_unknown_scene(uncalibrated);
  EXPECT_TRUE(uncalibrated->unknown_scene);
  EXPECT_FALSE(uncalibrated->anomalous);

  auto *calibrated = gst_buffer_add_anomaly_meta(buffer.get(), "cam1", 3.0, 0);
  gst_anomaly_meta_set_threshold(calibrated, 5.0, 0.5);
  EXPECT_FALSE(calibrated->anomalous);
  gst_anomaly_meta_set_unknown_scene(calibrated);
  EXPECT_TRUE(calibrated->unknown_scene);
  EXPECT_TRUE(calibrated->anomalous);
}

TEST_F(AnomalyMeta, AnUnknownSceneStaysOneInACopyAndInAScaledFrame) {
  const Ref<GstBuffer> original(gst_buffer_new());
  auto *below = gst_buffer_add_anomaly_meta(original.get(), "cam0", 3.0, 0);
  gst_anomaly_meta_set_threshold(below, 5.0, 0.5);
  gst_anomaly_meta_set_unknown_scene(below);
  EXPECT_EQ(below->raised_by, nullptr);
  gst_anomaly_meta_set_raised_by(below, "image");
  const Ref<GstBuffer> copied(gst_buffer_copy(original.get()));
  const auto smaller = scaled(original);
  for (GstBuffer *buffer : {copied.get(), smaller.get()}) {
    const auto *meta = gst_buffer_get_anomaly_meta(buffer);
    ASSERT_NE(meta, nullptr);
    EXPECT_TRUE(meta->unknown_scene);
    EXPECT_TRUE(meta->anomalous);
    EXPECT_STREQ(meta->raised_by, "image");
    EXPECT_EQ(meta->threshold, 5.0);
  }
}

// A frame of 640x360 with a region in its middle, marked as by uniaddetect, after it has passed through
// `elements`.
Ref<GstBuffer> through(const std::string &elements) {
  const Harness harness(gst_harness_new_parse(elements.c_str()));
  gst_harness_set_src_caps_str(harness.get(), "video/x-raw,format=I420,width=640,height=360,framerate=25/1");
  Ref<GstBuffer> frame(gst_buffer_new_allocate(nullptr, 640 * 360 * 3 / 2, nullptr));
  gst_buffer_memset(frame.get(), 0, 128, static_cast<gsize>(-1));
  GST_BUFFER_PTS(frame.get()) = 0;
  GST_BUFFER_DURATION(frame.get()) = GST_SECOND / 25;
  gst_buffer_add_video_region_of_interest_meta(frame.get(), "anomaly", 128, 72, 256, 233);
  auto *meta = gst_buffer_add_anomaly_meta(frame.get(), "cam0", 7.5, 0);
  const std::array grid{1.0F, 2.0F, 3.0F, 4.0F, 5.0F, 6.0F};
  const GstAnomalyRegion region{0.2F, 0.2F, 0.4F, 0.647F, 7.5F, g_intern_string("door"), nullptr};
  gst_anomaly_meta_set_threshold(meta, 5.0, 0.75);
  gst_anomaly_meta_set_grid(meta, 3, 2, grid.data());
  gst_anomaly_meta_set_regions(meta, &region, 1);
  gst_harness_push(harness.get(), frame.release());
  gst_harness_push_event(harness.get(), gst_event_new_eos());
  return Ref<GstBuffer>(gst_harness_pull(harness.get()));
}

void expect_part(const GstAnomalyMeta &meta, double x, double y, double w, double h) {
  ASSERT_EQ(meta.n_regions, 1U);
  constexpr double pixel = 1.01 / 360;
  EXPECT_NEAR(meta.regions[0].x, x, pixel);
  EXPECT_NEAR(meta.regions[0].y, y, pixel);
  EXPECT_NEAR(meta.regions[0].w, w, pixel);
  EXPECT_NEAR(meta.regions[0].h, h, pixel);
}

// Scaling 16:9 to a square leaves borders of 140 of 640 rows at the top and bottom.
TEST_F(AnomalyMeta, BordersOfAScalerMoveIt) {
  for (const char *scaler : {"videoscale", "videoconvertscale"}) {
    SCOPED_TRACE(scaler);
    const auto buffer = through(std::string(scaler) +
                                " ! capsfilter caps=video/x-raw,width=640,height=640,pixel-aspect-ratio=1/1");
    const auto *meta = gst_buffer_get_anomaly_meta(buffer.get());
    ASSERT_NE(meta, nullptr);
    expect_part(*meta, 0.2, 0.329 + 0.002, 0.4, 0.364);
    EXPECT_NEAR(meta->grid_y, 140.0 / 640, 1e-6);
    EXPECT_NEAR(meta->grid_h, 360.0 / 640, 1e-6);
    EXPECT_EQ(meta->grid_w, 1);
    EXPECT_NEAR(meta->picture_y, 140.0 / 640, 1e-6);
    EXPECT_NEAR(meta->picture_h, 360.0 / 640, 1e-6);
    const auto *roi = gst_buffer_get_video_region_of_interest_meta_id(buffer.get(), 0);
    ASSERT_NE(roi, nullptr);
    EXPECT_EQ(roi->x, 128U);
    EXPECT_NEAR(roi->y, 140 + 72, 1);
    EXPECT_EQ(roi->w, 256U);
    EXPECT_NEAR(roi->h, 233, 2);
  }
}

TEST_F(AnomalyMeta, BordersAtTheSidesMoveItToo) {
  const auto buffer =
      through("videoscale ! capsfilter caps=video/x-raw,width=1280,height=360,pixel-aspect-ratio=1/1");
  const auto *meta = gst_buffer_get_anomaly_meta(buffer.get());
  ASSERT_NE(meta, nullptr);
  expect_part(*meta, 0.25 + 0.1, 0.2, 0.2, 0.647);
  EXPECT_NEAR(meta->picture_x, 0.25, 1e-6);
  EXPECT_NEAR(meta->picture_w, 0.5, 1e-6);
}

TEST_F(AnomalyMeta, WhatKeepsTheShapeKeepsIt) {
  for (const char *elements : {"videoscale ! capsfilter caps=video/x-raw,width=320,height=180",
                               "videoscale ! capsfilter caps=video/x-raw,width=640,height=640",
                               "videoconvert ! capsfilter caps=video/x-raw,format=RGB",
                               "videorate ! capsfilter caps=video/x-raw,framerate=5/1", "jpegenc", "vp8enc",
                               "videobalance hue=0.5", "deinterlace", "queue", "identity"}) {
    SCOPED_TRACE(elements);
    const auto buffer = through(elements);
    const auto *meta = gst_buffer_get_anomaly_meta(buffer.get());
    ASSERT_NE(meta, nullptr);
    EXPECT_STREQ(meta->source, "cam0");
    expect_part(*meta, 0.2, 0.2, 0.4, 0.647);
    EXPECT_EQ(meta->grid[5], 6);
    EXPECT_EQ(meta->picture_h, 1);
  }
}

// If elements move the picture without describing how, the meta must not refer to a wrong place. (A
// compositor passes on none of its inputs' metas.)
TEST_F(AnomalyMeta, WhatMovesThePictureMovesItOrDropsIt) {
  struct Case {
    const char *elements;
    double x, y, w, h;
    float first;  // value of the first cell of the grid
  };
  for (const Case &moving : {Case{"videocrop left=64 right=64", 0.125, 0.2, 0.5, 0.647, 1},
                             Case{"videocrop top=36 bottom=36", 0.2, 0.125, 0.4, 0.809, 1},
                             Case{"videoflip video-direction=horiz", 0.4, 0.2, 0.4, 0.647, 3},
                             Case{"videoflip video-direction=vert", 0.2, 0.153, 0.4, 0.647, 4},
                             Case{"videoflip video-direction=180", 0.4, 0.153, 0.4, 0.647, 6},
                             Case{"videoflip video-direction=90r", 0.153, 0.2, 0.647, 0.4, 4},
                             Case{"videoflip video-direction=90l", 0.2, 0.4, 0.647, 0.4, 3},
                             Case{"videobox top=-90 bottom=-90", 0.2, 0.3, 0.4, 0.431, 1},
                             Case{"queue ! compositor ! queue", 0.2, 0.2, 0.4, 0.647, 1}}) {
    SCOPED_TRACE(moving.elements);
    const auto buffer = through(moving.elements);
    ASSERT_NE(buffer, nullptr);
    const auto *meta = gst_buffer_get_anomaly_meta(buffer.get());
    if (meta == nullptr) continue;  // before GStreamer 1.28
    expect_part(*meta, moving.x, moving.y, moving.w, moving.h);
    EXPECT_EQ(meta->grid[0], moving.first);
  }
}

TEST_F(AnomalyMeta, SettersReplace) {
  const auto buffer = marked_buffer();
  auto *meta = gst_buffer_get_anomaly_meta(buffer.get());
  const float value = 9;
  gst_anomaly_meta_set_grid(meta, 1, 1, &value);
  gst_anomaly_meta_set_regions(meta, nullptr, 0);
  gst_anomaly_meta_set_event(meta, nullptr, GST_ANOMALY_EVENT_NONE);
  EXPECT_EQ(meta->grid[0], 9.0F);
  EXPECT_EQ(meta->grid_width * meta->grid_height, 1U);
  EXPECT_EQ(meta->n_regions, 0U);
  EXPECT_EQ(meta->regions, nullptr);
  EXPECT_EQ(meta->event_id, nullptr);
}

TEST_F(AnomalyMeta, SeveralDetectorsMarkOneBuffer) {
  const Ref<GstBuffer> buffer(gst_buffer_new());
  gst_buffer_add_anomaly_meta(buffer.get(), "first", 1, 0);
  gst_buffer_add_anomaly_meta(buffer.get(), "second", 2, 0);
  std::string sources;
  gpointer state = nullptr;
  while (GstMeta *meta = gst_buffer_iterate_meta_filtered(buffer.get(), &state, GST_ANOMALY_META_API_TYPE))
    sources += std::string(reinterpret_cast<GstAnomalyMeta *>(meta)->source) + " ";
  EXPECT_EQ(sources, "first second ");
}

TEST_F(AnomalyMeta, EventStatesHaveTheNicksThatAreWrittenDown) {
  auto *type = static_cast<GEnumClass *>(g_type_class_ref(GST_TYPE_ANOMALY_EVENT_STATE));
  EXPECT_STREQ(g_enum_get_value(type, GST_ANOMALY_EVENT_NONE)->value_nick, "none");
  EXPECT_STREQ(g_enum_get_value(type, GST_ANOMALY_EVENT_BEGIN)->value_nick, "begin");
  EXPECT_STREQ(g_enum_get_value(type, GST_ANOMALY_EVENT_ONGOING)->value_nick, "ongoing");
  EXPECT_STREQ(g_enum_get_value(type, GST_ANOMALY_EVENT_END)->value_nick, "end");
  g_type_class_unref(type);
}

}  // namespace
}  // namespace uniad::test
