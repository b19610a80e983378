// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/publish/snapshots.h"

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
  Snapshots snapshots(folder(), [](const std::string &) {});
  take(snapshots, "a", 3);
  take(snapshots, "a", 4, "RGB");
  EXPECT_EQ(snapshots.path_of(event("b", GST_ANOMALY_EVENT_END))(), "");
  const std::string path = snapshots.path_of(event("a", GST_ANOMALY_EVENT_END))();
  EXPECT_GT(std::filesystem::file_size(path), 100U);
  EXPECT_EQ(snapshots.path_of(event("a", GST_ANOMALY_EVENT_END))(), "");  // it has ended
}

TEST_F(SnapshotsTest, WhatWaitsAtTheEndIsWritten) {
  {
    Snapshots snapshots(folder(), [](const std::string &) {});
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
    Snapshots snapshots(BoundedFolder(nowhere, ".jpg", {}),
                        [this](const std::string &problem) { problems_.push_back(problem); });
    for (int i = 0; i < 3; ++i) {
      take(snapshots, std::to_string(i), 3);
      EXPECT_EQ(snapshots.path_of(event(std::to_string(i), GST_ANOMALY_EVENT_END))(), "");
    }
  }
  ASSERT_EQ(problems_.size(), 1U);
  EXPECT_NE(problems_[0].find(nowhere), std::string::npos);
}

}  // namespace
}  // namespace uniad::test
