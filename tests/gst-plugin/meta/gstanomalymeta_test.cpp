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
  const std::array regions{GstAnomalyRegion{0.5F, 0.25F, 0.5F, 0.75F, 7.5F},
                           GstAnomalyRegion{0, 0, 0.125F, 0.125F, 5.0F}};
  gst_anomaly_meta_set_threshold(meta, 5.0, 0.75);
  gst_anomaly_meta_set_grid(meta, 3, 2, grid.data());
  gst_anomaly_meta_set_grid_area(meta, -0.125F, 0.25F, 1.5F, 1.25F);
  gst_anomaly_meta_set_regions(meta, regions.data(), regions.size());
  gst_anomaly_meta_set_event(meta, "event-1", GST_ANOMALY_EVENT_BEGIN);
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
}

// As a scaler leaves it.
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

TEST_F(AnomalyMeta, AScaledFrameKeepsItUnchanged) {
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
  const Ref<GstBuffer> copied(gst_buffer_copy(original.get()));
  const auto smaller = scaled(original);
  for (GstBuffer *buffer : {copied.get(), smaller.get()}) {
    const auto *meta = gst_buffer_get_anomaly_meta(buffer);
    ASSERT_NE(meta, nullptr);
    EXPECT_TRUE(meta->unknown_scene);
    EXPECT_TRUE(meta->anomalous);
    EXPECT_EQ(meta->threshold, 5.0);
  }
}

// Elements drop a meta that has a tag they do not know.
TEST_F(AnomalyMeta, HasNoTags) {
  const gchar *const *tags = gst_meta_api_type_get_tags(GST_ANOMALY_META_API_TYPE);
  EXPECT_TRUE(tags == nullptr || tags[0] == nullptr);
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
