// SPDX-License-Identifier: Apache-2.0
// Tests uniaddetect as users run it: the plugin file with the real network.
#include <unistd.h>

#include <gst/video/video.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "gst-plugin/meta/gstanomalymeta.h"
#include "tests/support/gst_test.h"
#include "tests/support/tiny_model.h"

namespace uniad::test {
namespace {

class UniadDetectNetwork : public GstTest {
 protected:
  void SetUp() override {
    model_ = std::filesystem::path(testing::TempDir()) /
             ("uniaddetect_network_test-" + std::to_string(getpid()) + ".safetensors");
    write_tiny_model(model_);
  }

  void TearDown() override {
    std::filesystem::remove(model_);
    GstTest::TearDown();
  }

  // Returns the scores of five frames of a test pattern.
  std::vector<double> scores(const std::string &source, const std::string &properties = "") const {
    const std::string launch = "videotestsrc num-buffers=5 " + source +
                               " ! uniaddetect threshold=0 model=" + model_.string() + " " + properties;
    const Harness harness(gst_harness_new_parse(launch.c_str()));
    gst_harness_play(harness.get());
    std::vector<double> result;
    for (int i = 0; i < 5; ++i) {
      const Ref<GstBuffer> buffer(gst_harness_pull(harness.get()));
      if (buffer == nullptr) throw std::runtime_error("no frame");
      const auto *meta = gst_buffer_get_anomaly_meta(buffer.get());
      if (meta == nullptr) throw std::runtime_error("no GstAnomalyMeta");
      EXPECT_EQ(meta->grid_width, 4U);
      EXPECT_EQ(meta->grid_height, 4U);
      EXPECT_TRUE(meta->anomalous);
      EXPECT_GE(meta->n_regions, 1U);
      result.push_back(meta->score);
    }
    return result;
  }

  std::string start_error(const std::string &properties) const {
    const Ref<GstElement> detect(GST_ELEMENT(gst_object_ref_sink(gst_parse_launch_full(
        ("uniaddetect " + properties).c_str(), nullptr, GST_PARSE_FLAG_NO_SINGLE_ELEMENT_BINS, nullptr))));
    const Ref<GstBus> bus(gst_bus_new());
    gst_element_set_bus(detect.get(), bus.get());
    EXPECT_EQ(gst_element_set_state(detect.get(), GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
    gst_element_set_state(detect.get(), GST_STATE_NULL);
    const Ref<GstMessage> message(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR));
    gst_bus_set_flushing(bus.get(), TRUE);
    if (message == nullptr) return "no error";
    GError *error = nullptr;
    gst_message_parse_error(message.get(), &error, nullptr);
    std::string text = error->message;
    g_error_free(error);
    return text;
  }

  std::filesystem::path model_;
};

TEST_F(UniadDetectNetwork, TheSamePictureHasTheSameScoreInEveryFormat) {
  const auto rgb = scores("pattern=smpte100 ! video/x-raw,format=RGB,width=320,height=240");
  for (const double score : rgb) EXPECT_EQ(score, rgb[0]);
  EXPECT_GT(rgb[0], 0);
  // Chroma subsampling and rounding change a few pixels by a few levels.
  for (const char *format : {"NV12", "v210", "BGRx"}) {
    const auto other =
        scores(std::string("pattern=smpte100 ! video/x-raw,width=320,height=240,format=") + format);
    EXPECT_NEAR(other[0], rgb[0], 0.02 * rgb[0]) << format;
  }
}

TEST_F(UniadDetectNetwork, DifferentPicturesHaveDifferentScores) {
  const auto moving = scores("pattern=ball motion=sweep ! video/x-raw,format=NV12,width=320,height=240");
  EXPECT_NE(moving[0], moving[4]);
}

TEST_F(UniadDetectNetwork, TheSmallestAndTheLargestFramesAreJudged) {
  for (const char *size : {"width=1,height=1", "width=1,height=16384", "width=16384,height=16384"}) {
    const auto result = scores(std::string("pattern=white ! video/x-raw,format=GRAY8,") + size);
    EXPECT_TRUE(std::isfinite(result[0])) << size;
    EXPECT_NEAR(result[0], result[4], 1e-6) << size;
  }
}

TEST_F(UniadDetectNetwork, TwoElementsOfOneModelAgree) {
  const std::string source = "pattern=smpte100 ! video/x-raw,format=NV12";
  EXPECT_EQ(scores(source), scores(source));
}

TEST_F(UniadDetectNetwork, AModelCutShortIsReportedByName) {
  std::filesystem::resize_file(model_, std::filesystem::file_size(model_) / 2);
  EXPECT_NE(start_error("model=" + model_.string()).find(model_.string()), std::string::npos);
}

TEST_F(UniadDetectNetwork, AFolderIsNoModel) {
  EXPECT_NE(start_error("model=/usr").find("/usr"), std::string::npos);
}

TEST_F(UniadDetectNetwork, AnUnknownDeviceOrPrecisionIsReportedByName) {
  EXPECT_NE(start_error("device=tpu model=" + model_.string()).find("tpu"), std::string::npos);
  EXPECT_NE(start_error("precision=fp7 model=" + model_.string()).find("fp7"), std::string::npos);
}

}  // namespace
}  // namespace uniad::test
