// SPDX-License-Identifier: Apache-2.0
// The property zones of uniaddetect.
#include <gst/app/gstappsink.h>
#include <gst/video/video.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "gst-plugin/detect/uniaddetect.h"
#include "gst-plugin/meta/gstanomalymeta.h"
#include "tests/gst-plugin/detect/fake_detector.h"
#include "tests/support/gst_test.h"
#include "tests/support/heap_meter.h"

namespace uniad::test {
namespace {

constexpr const char *any_file = UNIAD_SOURCE_ROOT "/meson.build";

// A zone from x = `from` to x = `to`.
std::string zone(const std::string &kind, const std::string &name, double from, double to,
                 const std::string &more = "") {
  const std::string left = std::to_string(from);
  const std::string right = std::to_string(to);
  return R"({"name": ")" + name + R"(", "kind": ")" + kind + R"(", "polygon": [[)" + left + ", 0], [" +
         right + ", 0], [" + right + ", 1], [" + left + ", 1]]" + more + "}";
}

std::string zones(const std::string &list) {
  return R"({"zones": [)" + list + "]}";
}

// 0.1 everywhere, except for 0.9 in cell (2, 3) and 0.7 in cell (11, 3).
Detection two_spots(const FrameView & /*frame*/) {
  Detection detection;
  detection.grid = {14, 14, std::vector<float>(196, 0.1F)};
  detection.grid.values[3 * 14 + 2] = 0.9F;
  detection.grid.values[3 * 14 + 11] = 0.7F;
  detection.score = image_score(detection.grid, ScoreKind::Max);
  return detection;
}

class DetectZones : public GstTest {
 protected:
  static void SetUpTestSuite() {
    GstTest::SetUpTestSuite();
    GST_ELEMENT_REGISTER(uniaddetect, nullptr);
  }

  void SetUp() override {
    fake_network().reset();
    fake_network().judge = two_spots;
  }

  void TearDown() override {
    harness_.reset();
    if (bus_) gst_bus_set_flushing(bus_.get(), TRUE);
    bus_.reset();
    std::filesystem::remove(file_);
    GstTest::TearDown();
  }

  void start(const std::string &text) {
    const Ref<GstElement> detect(GST_ELEMENT(gst_object_ref_sink(
        gst_element_factory_make_full("uniaddetect", "name", "detect", "model", any_file, "threshold", 0.3,
                                      "mode", GST_UNIAD_DETECT_MODE_SYNC, "zones", text.c_str(), nullptr))));
    harness_.reset(gst_harness_new_with_element(detect.get(), "sink", "src"));
    bus_.reset(gst_bus_new());
    gst_element_set_bus(harness_->element, bus_.get());
    gst_harness_set_src_caps_str(harness_.get(), "video/x-raw,format=GRAY8,width=8,height=8,framerate=25/1");
  }

  void set(const std::string &text) const { g_object_set(harness_->element, "zones", text.c_str(), nullptr); }

  std::string get() const {
    gchar *text = nullptr;
    g_object_get(harness_->element, "zones", &text, nullptr);
    const std::string result = text != nullptr ? text : "";
    g_free(text);
    return result;
  }

  void write(const std::string &text) const { std::ofstream(file_) << text; }

  // Returns the next frame with its result.
  Ref<GstBuffer> judged() const {
    GstBuffer *buffer = gst_buffer_new_allocate(nullptr, 64, nullptr);
    EXPECT_EQ(gst_harness_push(harness_.get(), buffer), GST_FLOW_OK);
    return Ref<GstBuffer>(gst_harness_pull(harness_.get()));
  }

  std::vector<std::string> warnings() const {
    std::vector<std::string> texts;
    while (const auto item = Ref<GstMessage>(gst_bus_pop_filtered(bus_.get(), GST_MESSAGE_WARNING))) {
      GError *error = nullptr;
      gst_message_parse_warning(item.get(), &error, nullptr);
      texts.emplace_back(error->message);
      g_error_free(error);
    }
    return texts;
  }

  const std::filesystem::path file_ =
      std::filesystem::path(testing::TempDir()) / ("zones-" + std::to_string(getpid()) + ".json");
  Harness harness_;
  Ref<GstBus> bus_;
};

// Scores of the map: a single cell of 0.9 among cells of 0.1 scores 0.57, one of 0.7 scores 0.45.
TEST_F(DetectZones, WhatIsIgnoredIsNeitherJudgedNorDrawn) {
  start("");
  const auto before = judged();
  EXPECT_EQ(gst_buffer_get_anomaly_meta(before.get())->n_regions, 2U);
  set(zones(zone("ignore", "", 0, 0.5)));
  const auto with = judged();
  const auto *meta = gst_buffer_get_anomaly_meta(with.get());
  ASSERT_EQ(meta->n_regions, 1U);
  EXPECT_GT(meta->regions[0].x, 0.5F);
  EXPECT_EQ(meta->regions[0].zone, nullptr);
  EXPECT_NEAR(meta->score, 0.454, 0.002);
  EXPECT_EQ(meta->grid[3 * 14 + 2], 0);
  EXPECT_EQ(meta->grid[3 * 14 + 11], 0.7F);
  set("");
  EXPECT_EQ(gst_buffer_get_anomaly_meta(judged().get())->n_regions, 2U);
  EXPECT_EQ(warnings(), std::vector<std::string>{});
}

TEST_F(DetectZones, OnlyWatchZonesAlarmAndTheStrongestGivesTheScore) {
  start(zones(zone("watch", "left", 0, 0.4, R"(, "threshold": 0.6)") + ", " +
              zone("watch", "right", 0.6, 1, R"(, "sensitivity": 0.75)")));
  const auto buffer = judged();
  const auto *meta = gst_buffer_get_anomaly_meta(buffer.get());
  EXPECT_TRUE(meta->anomalous);
  EXPECT_NEAR(meta->score, 0.454, 0.002);  // 1.13 times its zone's threshold; 0.57 is 0.95 times the other
  EXPECT_NEAR(meta->threshold, 0.3 / 0.75, 1e-6);
  ASSERT_EQ(meta->n_regions, 1U);
  EXPECT_GT(meta->regions[0].x, 0.6F);
  EXPECT_STREQ(meta->regions[0].zone, "right");
  set(zones(zone("watch", "middle", 0.35, 0.65)));
  EXPECT_FALSE(gst_buffer_get_anomaly_meta(judged().get())->anomalous);
}

TEST_F(DetectZones, AtTheStartBadZonesAreAnError) {
  write("{\"zones\": [\n{\"kind\": \"ignore\"}]}");
  const Ref<GstElement> detect(GST_ELEMENT(gst_object_ref_sink(
      gst_element_factory_make_full("uniaddetect", "model", any_file, "zones", file_.c_str(), nullptr))));
  bus_.reset(gst_bus_new());
  gst_element_set_bus(detect.get(), bus_.get());
  EXPECT_EQ(gst_element_set_state(detect.get(), GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  const Ref<GstMessage> message(gst_bus_pop_filtered(bus_.get(), GST_MESSAGE_ERROR));
  ASSERT_NE(message, nullptr);
  GError *error = nullptr;
  gst_message_parse_error(message.get(), &error, nullptr);
  EXPECT_NE(std::string(error->message).find(file_.string() + ":2: zone 1: polygon: is missing"),
            std::string::npos)
      << error->message;
  g_error_free(error);
  EXPECT_EQ(fake_network().open_detectors, 0);
  gst_element_set_state(detect.get(), GST_STATE_NULL);
}

TEST_F(DetectZones, ABadFileLeavesTheOldZonesInForce) {
  write(zones(zone("ignore", "", 0, 0.5)));
  start(file_.string());
  EXPECT_EQ(gst_buffer_get_anomaly_meta(judged().get())->n_regions, 1U);
  for (const char *garbage : {"\x89PNG\r\n", "{\n\"zones\": 7}", ""}) {
    write(garbage);
    set(file_.string());
    EXPECT_EQ(gst_buffer_get_anomaly_meta(judged().get())->n_regions, 1U);
    const auto told = warnings();
    ASSERT_EQ(told.size(), 1U);
    EXPECT_NE(told[0].find(file_.string() + ":"), std::string::npos) << told[0];
  }
  set("/nowhere.json");
  EXPECT_EQ(warnings().size(), 1U);
  EXPECT_EQ(get(), file_.string());
  EXPECT_EQ(gst_buffer_get_anomaly_meta(judged().get())->n_regions, 1U);
}

TEST_F(DetectZones, WarnsOfZonesInWhichNothingIsJudged) {
  start("");
  set(zones(zone("ignore", "", 0, 1) + ", " + zone("watch", "door", 0.1, 0.5)));
  EXPECT_EQ(warnings(), std::vector<std::string>{"All of the zone \"door\" is ignored by other zones or the "
                                                 "mask: nothing is judged there."});
  EXPECT_FALSE(gst_buffer_get_anomaly_meta(judged().get())->anomalous);
}

// Every frame of four streams arrives although their zones change all the time, and memory does not grow.
TEST_F(DetectZones, ChangeWhileFourStreamsRun) {
  constexpr int changes = 240, warm_up = 40, frames_a_change = 3, frames_a_stream = 800;
  std::string launch;
  for (int i = 0; i < 4; ++i)
    launch += "videotestsrc num-buffers=" + std::to_string(frames_a_stream) +
              " ! video/x-raw,format=GRAY8,width=8,height=8 ! uniaddetect name=d" + std::to_string(i) +
              " threshold=0.3 model=" + any_file + " ! appsink sync=false name=s" + std::to_string(i) + " ";
  const Ref<GstElement> pipeline(gst_parse_launch(launch.c_str(), nullptr));
  std::vector<Ref<GstElement>> detectors;
  std::vector<Ref<GstElement>> sinks;
  for (int i = 0; i < 4; ++i) {
    detectors.emplace_back(gst_bin_get_by_name(GST_BIN(pipeline.get()), ("d" + std::to_string(i)).c_str()));
    sinks.emplace_back(gst_bin_get_by_name(GST_BIN(pipeline.get()), ("s" + std::to_string(i)).c_str()));
    g_object_set(sinks.back().get(), "max-buffers", 2, nullptr);  // so that frames wait for the changes
  }
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  std::vector<int> frames(4, 0);
  const auto pull = [&](std::size_t stream) {
    GstSample *sample = gst_app_sink_pull_sample(GST_APP_SINK(sinks[stream].get()));
    if (sample == nullptr) return false;
    ++frames[stream];
    gst_sample_unref(sample);
    return true;
  };
  std::optional<HeapMeter> heap;
  for (int change = 0; change < changes; ++change) {
    if (change == warm_up) heap.emplace();
    // Each change differs from all before, so nothing that is kept from one serves the next.
    const std::string changed =
        zones(zone("ignore", "clock", 0, 0.2 + 0.001 * change) + ", " + zone("watch", "door", 0.6, 1));
    for (std::size_t i = 0; i < 4; ++i) {
      g_object_set(detectors[i].get(), "zones", change % 2 == 0 ? changed.c_str() : "", nullptr);
      for (int frame = 0; frame < frames_a_change; ++frame) pull(i);
    }
  }
  // What is kept of one change would hold hundreds of bytes for good; frames in progress hold more, but only
  // for a while.
  const std::int64_t limit = 24 * (changes - warm_up) * 4;
  for (int more = 0; more < 50 && heap->growth() >= limit; ++more)
    for (std::size_t i = 0; i < 4; ++i) pull(i);
  EXPECT_LT(heap->growth(), limit);
  for (std::size_t i = 0; i < 4; ++i) {
    while (pull(i)) {
    }
    EXPECT_EQ(frames[i], frames_a_stream);
  }
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
}

}  // namespace
}  // namespace uniad::test
