// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/publish/snapshots.h"

#include <gst/app/app.h>
#include <gst/video/video.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/gst_test.h"

namespace uniad::test {
namespace {

class SnapshotsTest : public GstTest {
 protected:
  SnapshotsTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "uniad-snapshots-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~SnapshotsTest() override { std::filesystem::remove_all(folder_); }

  void SetUp() override {
    GstElementFactory *factory = gst_element_factory_find("jpegenc");
    if (factory == nullptr) GTEST_SKIP() << "needs jpegenc";
    gst_object_unref(factory);
  }

  static Event event(const std::string &id, GstAnomalyEventState state) {
    Event event;
    event.id = id;
    event.state = state;
    return event;
  }

  static void take(Snapshots &snapshots, const std::string &id, double score, const char *format = "GRAY8") {
    const Ref<GstCaps> caps(gst_caps_new_simple("video/x-raw", "format", G_TYPE_STRING, format, "width",
                                                G_TYPE_INT, 32, "height", G_TYPE_INT, 32, "framerate",
                                                GST_TYPE_FRACTION, 25, 1, nullptr));
    const Ref<GstBuffer> buffer(gst_buffer_new_allocate(nullptr, 32 * 32 * 4, nullptr));
    gst_buffer_memset(buffer.get(), 0, 128, 32 * 32 * 4);
    GstAnomalyMeta *meta = gst_buffer_add_anomaly_meta(buffer.get(), "gate", score, 0);
    gst_anomaly_meta_set_event(meta, id.c_str(), GST_ANOMALY_EVENT_ONGOING);
    snapshots.take(*meta, buffer.get(), caps.get());
  }

  BoundedFolder folder() const { return {folder_.string(), ".jpg", {}}; }

  std::filesystem::path folder_;
  std::vector<std::string> problems_;
};

TEST_F(SnapshotsTest, ThePathIsToldOnceThePictureIsWritten) {
  Snapshots snapshots(folder(), false, [](const std::string &) {});
  take(snapshots, "a", 3);
  take(snapshots, "a", 4, "RGB");
  EXPECT_EQ(snapshots.paths_of(event("b", GST_ANOMALY_EVENT_END))().frame, "");
  const std::string path = snapshots.paths_of(event("a", GST_ANOMALY_EVENT_END))().frame;
  EXPECT_GT(std::filesystem::file_size(path), 100U);
  EXPECT_EQ(snapshots.paths_of(event("a", GST_ANOMALY_EVENT_END))().frame, "");  // it has ended
}

// The pixel of a JPEG file at this place, from 0 to 1: red, green and blue.
std::array<int, 3> pixel(const std::string &path, double x, double y) {
  const Ref<GstElement> pipeline(gst_parse_launch(
      ("filesrc location=" + path + " ! jpegdec ! videoconvert ! video/x-raw,format=RGB ! appsink name=sink")
          .c_str(),
      nullptr));
  const Ref<GstElement> sink(gst_bin_get_by_name(GST_BIN(pipeline.get()), "sink"));
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  const Ref<GstSample> sample(gst_app_sink_pull_sample(GST_APP_SINK(sink.get())));
  std::array<int, 3> color{};
  GstVideoInfo info;
  gst_video_info_from_caps(&info, gst_sample_get_caps(sample.get()));
  GstVideoFrame frame;
  if (gst_video_frame_map(&frame, &info, gst_sample_get_buffer(sample.get()), GST_MAP_READ) != FALSE) {
    const auto *row = static_cast<const guint8 *>(GST_VIDEO_FRAME_PLANE_DATA(&frame, 0)) +
                      static_cast<int>(y * info.height) * GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0);
    std::copy_n(row + std::ptrdiff_t{static_cast<int>(x * info.width)} * 3, 3, color.begin());
    gst_video_frame_unmap(&frame);
  }
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  return color;
}

TEST_F(SnapshotsTest, TheHeatmapIsOnTheSecondPictureOnly) {
  const Ref<GstCaps> caps(gst_caps_from_string("video/x-raw,format=RGB,width=192,height=192,framerate=25/1"));
  const Ref<GstBuffer> buffer(gst_buffer_new_allocate(nullptr, 192 * 192 * 3, nullptr));
  gst_buffer_memset(buffer.get(), 0, 128, 192 * 192 * 3);
  GstAnomalyMeta *meta = gst_buffer_add_anomaly_meta(buffer.get(), "gate", 5, 0);
  gst_anomaly_meta_set_threshold(meta, 1, 0.9);
  const std::array<gfloat, 9> grid{0, 0, 0, 0, 0, 0, 0, 0, 5};  // hot in the lower right corner
  gst_anomaly_meta_set_grid(meta, 3, 3, grid.data());
  gst_anomaly_meta_set_event(meta, "a", GST_ANOMALY_EVENT_ONGOING);
  Snapshots snapshots(folder(), true, [](const std::string &) {});
  snapshots.take(*meta, buffer.get(), caps.get());
  const SnapshotPaths paths = snapshots.paths_of(event("a", GST_ANOMALY_EVENT_END))();
  const auto [red, green, blue] = pixel(paths.overlay, 0.9, 0.9);
  EXPECT_GT(red, blue + 40);
  EXPECT_GT(red, green + 40);
  for (const auto &color : {pixel(paths.overlay, 0.1, 0.9), pixel(paths.frame, 0.9, 0.9)})
    for (const int part : color) EXPECT_NEAR(part, 128, 6);
}

TEST_F(SnapshotsTest, WhatWaitsAtTheEndIsWritten) {
  {
    Snapshots snapshots(folder(), false, [](const std::string &) {});
    for (int i = 0; i < 3; ++i) take(snapshots, std::to_string(i), 3);
  }
  std::size_t pictures = 0;
  for (const auto &entry : std::filesystem::directory_iterator(folder_))
    pictures += entry.file_size() > 100 ? 1 : 0;
  EXPECT_EQ(pictures, 3U);
}

TEST_F(SnapshotsTest, AnUnwritableFolderIsReportedOnce) {
  const std::string nowhere = "/dev/null/pictures";
  {
    Snapshots snapshots(BoundedFolder(nowhere, ".jpg", {}), false,
                        [this](const std::string &problem) { problems_.push_back(problem); });
    for (int i = 0; i < 3; ++i) {
      take(snapshots, std::to_string(i), 3);
      EXPECT_EQ(snapshots.paths_of(event(std::to_string(i), GST_ANOMALY_EVENT_END))().frame, "");
    }
  }
  ASSERT_EQ(problems_.size(), 1U);
  EXPECT_NE(problems_[0].find(nowhere), std::string::npos);
}

}  // namespace
}  // namespace uniad::test
