// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/detect/uniaddetect.h"

#ifdef HAVE_GST_ANALYTICS
#include <gst/analytics/analytics.h>
#endif
#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/video/video.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <mutex>
#include <numeric>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "gst-plugin/detect/settings.h"
#include "gst-plugin/meta/gstanomalymeta.h"
#include "model/base/log.h"
#include "tests/gst-plugin/detect/fake_detector.h"
#include "tests/support/as_nobody.h"
#include "tests/support/gst_test.h"

namespace uniad::test {
namespace {

constexpr GstClockTime frame_duration = 40 * GST_MSECOND;
constexpr const char *any_file = UNIAD_SOURCE_ROOT "/meson.build";

Ref<GstBuffer> gray_frame(guint8 value, guint index = 0) {
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, 64, nullptr);
  gst_buffer_memset(buffer, 0, value, 64);
  GST_BUFFER_PTS(buffer) = index * frame_duration;
  GST_BUFFER_DURATION(buffer) = frame_duration;
  return Ref<GstBuffer>(buffer);
}

ScoreStatistics statistics(double threshold) {
  ScoreStatistics result;
  result.threshold = threshold;
  result.mean = threshold / 2;
  result.standard_deviation = threshold / 8;
  result.count = 100;
  return result;
}

// Blocks the fake network within a frame until open() is called.
class Gate {
 public:
  Detection judge(const FrameView &frame) {
    std::unique_lock lock(mutex_);
    ++entered_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return passes_ > 0; });
    --passes_;
    return FakeNetwork::first_byte(frame);
  }
  void await_entered(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return entered_ >= count; });
  }
  void shut() {
    const std::lock_guard lock(mutex_);
    passes_ = 0;
  }
  void open(int passes) {
    const std::lock_guard lock(mutex_);
    passes_ += passes;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int entered_ = 0;
  int passes_ = 0;
};

class UniadDetect : public GstTest {
 protected:
  static void SetUpTestSuite() {
    GstTest::SetUpTestSuite();
    GST_ELEMENT_REGISTER(uniaddetect, nullptr);
  }

  // Starts the element on 8x8 GRAY8 frames, which wait for their results. Unless `properties` name a model,
  // any existing file serves as one.
  void start(const std::string &properties = "",
             const char *caps = "video/x-raw,format=GRAY8,width=8,height=8,framerate=25/1") {
    stop();
    std::string launch = "uniaddetect name=detect " + properties;
    if (properties.find("model=") == std::string::npos) launch += std::string(" model=") + any_file;
    // The harness is a live source.
    if (properties.find("mode=") == std::string::npos) launch += " mode=sync";
    if (properties.find("event-confirm=") == std::string::npos) launch += " event-confirm=1/1";
    const Ref<GstElement> detect(GST_ELEMENT(gst_object_ref_sink(
        gst_parse_launch_full(launch.c_str(), nullptr, GST_PARSE_FLAG_NO_SINGLE_ELEMENT_BINS, nullptr))));
    harness_.reset(gst_harness_new_with_element(detect.get(), "sink", "src"));
    bus_.reset(gst_bus_new());
    gst_element_set_bus(harness_->element, bus_.get());
    gst_harness_set_src_caps_str(harness_.get(), caps);
  }

  void stop() {
    harness_.reset();
    // Messages hold a reference to the element, and the element one to its bus.
    if (bus_) gst_bus_set_flushing(bus_.get(), TRUE);
    bus_.reset();
  }

  GstElement *element() const { return harness_->element; }

  Ref<GstBuffer> push(Ref<GstBuffer> buffer) const {
    EXPECT_EQ(gst_harness_push(harness_.get(), buffer.release()), GST_FLOW_OK);
    return Ref<GstBuffer>(gst_harness_pull(harness_.get()));
  }

  Ref<GstMessage> message(GstMessageType type) const {
    return Ref<GstMessage>(gst_bus_pop_filtered(bus_.get(), type));
  }

  static std::string decimal(double number) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%.2f", number);
    return text.data();
  }

  // "begin 0.80 3": state, score and frame number of a uniad-event; or "done 5/5 0.50": state, frames,
  // requested frames and, if there is one, threshold of a uniad-learn.
  static std::string text_of(const Ref<GstMessage> &message) {
    return text_of(gst_message_get_structure(message.get()));
  }

  static std::string text_of(const GstStructure *fields) {
    const std::string state = gst_structure_get_string(fields, "state");
    if (gst_structure_has_name(fields, "uniad-learn")) {
      guint64 frames = 0;
      guint64 wanted = 0;
      EXPECT_TRUE(gst_structure_get(fields, "frames", G_TYPE_UINT64, &frames, "wanted", G_TYPE_UINT64,
                                    &wanted, nullptr));
      double threshold = 0;
      const bool has_threshold = gst_structure_get_double(fields, "threshold", &threshold) != FALSE;
      return state + " " + std::to_string(frames) + "/" + std::to_string(wanted) +
             (has_threshold ? " " + decimal(threshold) : "");
    }
    double score = 0;
    guint64 pts = 0;
    gst_structure_get(fields, "score", G_TYPE_DOUBLE, &score, "pts", G_TYPE_UINT64, &pts, nullptr);
    return state + " " + decimal(score) + " " + std::to_string(pts / frame_duration);
  }

  static std::string warning_of(const Ref<GstMessage> &message) {
    GError *error = nullptr;
    gst_message_parse_warning(message.get(), &error, nullptr);
    std::string text = error->message;
    g_error_free(error);
    return text;
  }

  struct Posted {
    std::vector<std::string> events;  // text_of() of each element message
    std::vector<std::string> warnings;
  };

  // Since the last call.
  Posted posted() const {
    Posted result;
    while (const auto item = Ref<GstMessage>(gst_bus_pop(bus_.get()))) {
      if (GST_MESSAGE_TYPE(item.get()) == GST_MESSAGE_ELEMENT) result.events.push_back(text_of(item));
      if (GST_MESSAGE_TYPE(item.get()) == GST_MESSAGE_WARNING) result.warnings.push_back(warning_of(item));
    }
    return result;
  }

  std::vector<std::string> events() const { return posted().events; }

  // text_of() of each event that went downstream since the last call, and "eos".
  std::vector<std::string> sent() const {
    std::vector<std::string> result;
    while (const auto event = Ref<GstEvent>(gst_harness_try_pull_event(harness_.get()))) {
      if (GST_EVENT_TYPE(event.get()) == GST_EVENT_EOS) result.emplace_back("eos");
      if (GST_EVENT_TYPE(event.get()) == GST_EVENT_CUSTOM_DOWNSTREAM)
        result.push_back(text_of(gst_event_get_structure(event.get())));
    }
    return result;
  }

  // The next event that was posted.
  Ref<GstMessage> next_event() const { return message(GST_MESSAGE_ELEMENT); }

  // The reason in the end of an event.
  std::string reason_of_end() const {
    while (const auto event = next_event()) {
      const GstStructure *fields = gst_message_get_structure(event.get());
      if (g_strcmp0(gst_structure_get_string(fields, "state"), "end") != 0) continue;
      const char *reason = gst_structure_get_string(fields, "reason");
      return reason != nullptr ? reason : "";
    }
    return "no end";
  }

  // Pushes frames, which must pass without a result, until `those` is true for an element message. Returns
  // all messages.
  std::vector<std::string> push_until(const std::function<bool(const std::string &)> &those) const {
    constexpr guint patience = 10'000;
    std::vector<std::string> seen;
    for (guint i = 0; i < patience; ++i) {
      EXPECT_EQ(gst_buffer_get_anomaly_meta(push(gray_frame(51, i)).get()), nullptr);
      while (const auto item =
                 Ref<GstMessage>(gst_bus_timed_pop_filtered(bus_.get(), GST_MSECOND, GST_MESSAGE_ELEMENT))) {
        seen.push_back(text_of(item));
        if (those(seen.back())) return seen;
      }
    }
    ADD_FAILURE() << "no such message among " << testing::PrintToString(seen);
    return seen;
  }

  void flush() const {
    gst_harness_push_event(harness_.get(), gst_event_new_flush_start());
    gst_harness_push_event(harness_.get(), gst_event_new_flush_stop(TRUE));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_push_event(harness_.get(), gst_event_new_segment(&segment));
  }

  void end_stream() const { gst_harness_push_event(harness_.get(), gst_event_new_eos()); }

  double drift() const {
    double drift = -1;
    g_object_get(element(), "drift", &drift, nullptr);
    return drift;
  }

  bool save() const {
    gboolean saved = FALSE;
    g_signal_emit_by_name(element(), "save", &saved);
    return saved != FALSE;
  }

  void SetUp() override {
    fake_network().reset();
    fake_network().judge = FakeNetwork::first_byte;
  }

  void TearDown() override {
    stop();
    EXPECT_EQ(fake_network().open_detectors, 0);
    GstTest::TearDown();
  }

  Gate gate_;
  guint index_ = 0;
  Harness harness_;
  Ref<GstBus> bus_;
};

// The paths that the fake network was asked to write to.
std::vector<std::string> saved() {
  std::vector<std::string> paths;
  for (const auto &path : fake_network().saved) paths.push_back(path.string());
  return paths;
}

bool marked(const Ref<GstBuffer> &buffer) {
  return gst_buffer_get_anomaly_meta(buffer.get()) != nullptr;
}

const GstAnomalyMeta &meta_of(const Ref<GstBuffer> &buffer) {
  const auto *meta = gst_buffer_get_anomaly_meta(buffer.get());
  if (meta == nullptr) throw std::runtime_error("no GstAnomalyMeta");
  return *meta;
}

TEST_F(UniadDetect, GoesThroughAllStatesAgainAndAgain) {
  const Ref<GstElement> detect(GST_ELEMENT(gst_object_ref_sink(
      gst_element_factory_make_full("uniaddetect", "model", UNIAD_SOURCE_ROOT "/meson.build", "mode",
                                    GST_UNIAD_DETECT_MODE_ASYNC, nullptr))));
  for (int i = 0; i < 20; ++i) {
    for (const auto state : {GST_STATE_READY, GST_STATE_PAUSED, GST_STATE_PLAYING, GST_STATE_PAUSED,
                             GST_STATE_READY, GST_STATE_PAUSED, GST_STATE_NULL}) {
      EXPECT_EQ(gst_element_set_state(detect.get(), state), GST_STATE_CHANGE_SUCCESS);
      EXPECT_EQ(fake_network().open_detectors, state >= GST_STATE_PAUSED ? 1 : 0);
    }
  }
}

// Reads every pixel of a view, as preprocessing would.
Detection read_all(const FrameView &frame) {
  if (frame.layout == PixelLayout::Rows) {
    const bool wide = frame.unpacked == UnpackedPixel::ARGB16 || frame.unpacked == UnpackedPixel::AYUV16;
    std::vector<std::byte> row(static_cast<std::size_t>(frame.width) * (wide ? 8 : 4));
    for (int y = 0; y < frame.height; ++y) frame.unpack_row(y, row);
  }
  Detection detection;
  detection.grid = {1, 1, {0.5F}};
  detection.score = 0.5F;
  return detection;
}

std::vector<guint8> bytes_of(GstBuffer *buffer) {
  std::vector<guint8> bytes(gst_buffer_get_size(buffer));
  gst_buffer_extract(buffer, 0, bytes.data(), bytes.size());
  return bytes;
}

TEST_F(UniadDetect, EveryRawFormatPassesUntouched) {
  fake_network().judge = read_all;
  const Ref<GstCaps> all(gst_caps_from_string(GST_VIDEO_CAPS_MAKE(GST_VIDEO_FORMATS_ALL)));
  const GValue *formats = gst_structure_get_value(gst_caps_get_structure(all.get(), 0), "format");
  ASSERT_GT(gst_value_list_get_size(formats), 100U);
  for (guint i = 0; i < gst_value_list_get_size(formats); ++i) {
    const auto format =
        gst_video_format_from_string(g_value_get_string(gst_value_list_get_value(formats, i)));
    for (const auto &[width, height] : {std::pair{1, 1}, {3, 5}, {70, 34}}) {
      SCOPED_TRACE(std::string(gst_video_format_to_string(format)) + " " + std::to_string(width));
      GstVideoInfo info;
      ASSERT_TRUE(
          gst_video_info_set_format(&info, format, static_cast<guint>(width), static_cast<guint>(height)));
      const Ref<GstCaps> caps(gst_video_info_to_caps(&info));
      gchar *caps_text = gst_caps_to_string(caps.get());
      start("", caps_text);
      g_free(caps_text);

      std::vector<guint8> bytes(GST_VIDEO_INFO_SIZE(&info));
      std::iota(bytes.begin(), bytes.end(), guint8{1});
      GstMemory *memory = gst_allocator_alloc(nullptr, bytes.size(), nullptr);
      Ref<GstBuffer> buffer(gst_buffer_new());
      gst_buffer_append_memory(buffer.get(), memory);
      gst_buffer_fill(buffer.get(), 0, bytes.data(), bytes.size());

      const auto out = push(std::move(buffer));
      EXPECT_EQ(gst_buffer_peek_memory(out.get(), 0), memory);
      EXPECT_EQ(bytes_of(out.get()), bytes);
      EXPECT_EQ(meta_of(out).score, 0.5);
      EXPECT_EQ(message(GST_MESSAGE_ERROR), nullptr);
    }
  }
}

TEST_F(UniadDetect, ReadsPaddedRowsWhereTheVideoMetaSaysTheyAre) {
  std::vector<guint8> seen;
  fake_network().judge = [&seen](const FrameView &frame) {
    for (int y = 0; y < frame.height; ++y)
      for (int x = 0; x < frame.width; ++x)
        seen.push_back(frame.planes[0].data[y * frame.planes[0].stride + x]);
    return FakeNetwork::first_byte(frame);
  };
  start("", "video/x-raw,format=GRAY8,width=2,height=2");
  Ref<GstBuffer> buffer(gst_buffer_new_allocate(nullptr, 40, nullptr));
  std::vector<guint8> bytes(40);
  std::iota(bytes.begin(), bytes.end(), guint8{0});
  gst_buffer_fill(buffer.get(), 0, bytes.data(), bytes.size());
  std::array<gsize, GST_VIDEO_MAX_PLANES> offset{5};
  std::array<gint, GST_VIDEO_MAX_PLANES> stride{17};
  gst_buffer_add_video_meta_full(buffer.get(), GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_GRAY8, 2, 2, 1,
                                 offset.data(), stride.data());
  EXPECT_EQ(bytes_of(push(std::move(buffer)).get()), bytes);
  EXPECT_EQ(seen, (std::vector<guint8>{5, 6, 22, 23}));
}

TEST_F(UniadDetect, ASharedBufferIsMarkedWithoutCopyingItsMemory) {
  start();
  auto buffer = gray_frame(10);
  const Ref<GstBuffer> other_branch(gst_buffer_ref(buffer.get()));
  const auto out = push(std::move(buffer));
  EXPECT_NE(out.get(), other_branch.get());
  EXPECT_EQ(gst_buffer_peek_memory(out.get(), 0), gst_buffer_peek_memory(other_branch.get(), 0));
  EXPECT_NE(gst_buffer_get_anomaly_meta(out.get()), nullptr);
  EXPECT_EQ(gst_buffer_get_anomaly_meta(other_branch.get()), nullptr);
}

TEST_F(UniadDetect, MarksOneBranchOfATee) {
  const Ref<GstElement> pipeline(
      gst_parse_launch("videotestsrc num-buffers=5 ! video/x-raw,format=NV12 ! tee name=t "
                       "t. ! queue ! uniaddetect model=" UNIAD_SOURCE_ROOT
                       "/meson.build ! appsink name=marked sync=false "
                       "t. ! queue ! appsink name=plain sync=false",
                       nullptr));
  ASSERT_NE(pipeline, nullptr);
  const Ref<GstElement> marked(gst_bin_get_by_name(GST_BIN(pipeline.get()), "marked"));
  const Ref<GstElement> plain(gst_bin_get_by_name(GST_BIN(pipeline.get()), "plain"));
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  for (int i = 0; i < 5; ++i) {
    const Ref<GstSample> with(gst_app_sink_pull_sample(GST_APP_SINK(marked.get())));
    const Ref<GstSample> without(gst_app_sink_pull_sample(GST_APP_SINK(plain.get())));
    ASSERT_NE(with, nullptr);
    ASSERT_NE(without, nullptr);
    EXPECT_NE(gst_buffer_get_anomaly_meta(gst_sample_get_buffer(with.get())), nullptr);
    EXPECT_EQ(gst_buffer_get_anomaly_meta(gst_sample_get_buffer(without.get())), nullptr);
    EXPECT_EQ(gst_buffer_peek_memory(gst_sample_get_buffer(with.get()), 0),
              gst_buffer_peek_memory(gst_sample_get_buffer(without.get()), 0));
  }
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
}

TEST_F(UniadDetect, TheMarkSurvivesScalingAndConversion) {
  const Ref<GstElement> pipeline(gst_parse_launch(
      "videotestsrc num-buffers=1 ! video/x-raw,format=NV12,width=64,height=64 ! uniaddetect threshold=0.01 "
      "model=" UNIAD_SOURCE_ROOT
      "/meson.build ! videoscale ! video/x-raw,width=32,height=16 ! videoconvert ! "
      "video/x-raw,format=BGRA ! videorate ! video/x-raw,framerate=10/1 ! appsink name=out sync=false",
      nullptr));
  const Ref<GstElement> sink(gst_bin_get_by_name(GST_BIN(pipeline.get()), "out"));
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  const Ref<GstSample> sample(gst_app_sink_pull_sample(GST_APP_SINK(sink.get())));
  ASSERT_NE(sample, nullptr);
  const auto *meta = gst_buffer_get_anomaly_meta(gst_sample_get_buffer(sample.get()));
  ASSERT_NE(meta, nullptr);
  EXPECT_TRUE(meta->anomalous);
  EXPECT_EQ(meta->grid_width * meta->grid_height, 196U);
  EXPECT_EQ(meta->n_regions, 1U);
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
}

TEST_F(UniadDetect, GoesOnWhenSizeFormatOrColorimetryChange) {
  FrameView seen;
  fake_network().judge = [&seen](const FrameView &frame) {
    seen = frame;
    return read_all(frame);
  };
  start("interval=10");
  for (const auto &[format, width, height, colorimetry] : {std::tuple{"GRAY8", 8, 8, "1:4:0:0"},
                                                           {"NV12", 640, 480, "bt601"},
                                                           {"NV12", 640, 480, "bt709"},
                                                           {"v210", 50, 20, "bt2020"},
                                                           {"BGRA", 3, 5, "sRGB"}}) {
    SCOPED_TRACE(std::string(format) + " " + colorimetry);
    const std::string text = std::string("video/x-raw,framerate=25/1,format=") + format +
                             ",width=" + std::to_string(width) + ",height=" + std::to_string(height) +
                             ",colorimetry=" + colorimetry;
    gst_harness_set_src_caps_str(harness_.get(), text.c_str());
    const Ref<GstCaps> caps(gst_caps_from_string(text.c_str()));
    GstVideoInfo info;
    ASSERT_TRUE(gst_video_info_from_caps(&info, caps.get()));
    const auto out =
        push(Ref<GstBuffer>(gst_buffer_new_allocate(nullptr, GST_VIDEO_INFO_SIZE(&info), nullptr)));
    EXPECT_EQ(meta_of(out).age, 0U);
    EXPECT_EQ(seen.width, width);
    EXPECT_EQ(seen.height, height);
  }
  EXPECT_EQ(message(GST_MESSAGE_ERROR), nullptr);
}

TEST_F(UniadDetect, JudgesEveryFrameByDefault) {
  start("threshold=0.5");
  for (guint i = 0; i < 5; ++i) {
    const auto out = push(gray_frame(static_cast<guint8>(51 * i), i));
    EXPECT_NEAR(meta_of(out).score, 0.2 * i, 1e-6);
    EXPECT_EQ(meta_of(out).age, 0U);
  }
}

TEST_F(UniadDetect, FramesBetweenCarryTheNewestResultAndItsAge) {
  start("interval=3");
  for (guint i = 0; i < 7; ++i) {
    const auto out = push(gray_frame(static_cast<guint8>(i * 20), i));
    EXPECT_NEAR(meta_of(out).score, static_cast<double>(i - i % 3) * 20 / 255.0, 1e-6);
    EXPECT_EQ(meta_of(out).age, i % 3 * frame_duration);
  }
  g_object_set(element(), "interval", 1, nullptr);
  EXPECT_EQ(meta_of(push(gray_frame(200, 7))).age, 0U);
}

TEST_F(UniadDetect, WithoutTimestampsTheAgeOfAnEarlierResultIsUnknown) {
  start("interval=2");
  for (const GstClockTime age : {GstClockTime{0}, GST_CLOCK_TIME_NONE}) {
    auto frame = gray_frame(1);
    GST_BUFFER_PTS(frame.get()) = GST_CLOCK_TIME_NONE;
    EXPECT_EQ(meta_of(push(std::move(frame))).age, age);
  }
}

TEST_F(UniadDetect, TakesTheThresholdOfItsSourceElseThePooledOneElseThePropertys) {
  fake_network().calibration.pooled = statistics(0.5);
  fake_network().calibration.sources["cam1"] = statistics(0.25);
  start("source=cam1");
  EXPECT_EQ(meta_of(push(gray_frame(0))).threshold, 0.25);
  g_object_set(element(), "source", "unknown", nullptr);
  EXPECT_EQ(meta_of(push(gray_frame(0))).threshold, 0.5);
  g_object_set(element(), "threshold", 0.125, nullptr);
  EXPECT_EQ(meta_of(push(gray_frame(0))).threshold, 0.125);
  g_object_set(element(), "threshold", -1.0, nullptr);
  EXPECT_EQ(meta_of(push(gray_frame(0))).threshold, 0.5);
}

bool contains(const std::string &text, const std::string &part) {
  return text.find(part) != std::string::npos;
}

TEST_F(UniadDetect, ASourceThatTheModelDoesNotKnowIsToldOnceWithThoseThatItDoes) {
  fake_network().calibration.pooled = statistics(0.5);
  fake_network().calibration.sources["gate"] = statistics(0.25);
  fake_network().calibration.sources["yard"] = statistics(0.75);
  start("source=gtae");
  for (guint i = 0; i < 3; ++i) EXPECT_EQ(meta_of(push(gray_frame(0, i))).threshold, 0.5);
  const auto warnings = posted().warnings;
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_TRUE(contains(warnings[0], "\"gtae\"") && contains(warnings[0], "\"gate\", \"yard\""))
      << warnings[0];

  g_object_set(element(), "source", "yard", nullptr);
  EXPECT_EQ(meta_of(push(gray_frame(0, 3))).threshold, 0.75);
  EXPECT_TRUE(posted().warnings.empty());

  // An explicit threshold needs no calibration, and a source that is being learned will be known.
  start("source=gtae threshold=0.5");
  push(gray_frame(0));
  EXPECT_TRUE(posted().warnings.empty());
  start("source=new learn=2");
  for (guint i = 0; i < 4; ++i) push(gray_frame(0, i));
  EXPECT_TRUE(posted().warnings.empty());
}

TEST_F(UniadDetect, AModelOfOneSourceNeedsNoNameOfIt) {
  fake_network().calibration.pooled = statistics(0.5);
  fake_network().calibration.sources["gate"] = statistics(0.5);
  start();
  push(gray_frame(0));
  EXPECT_TRUE(posted().warnings.empty());
}

TEST_F(UniadDetect, FramesOfAnotherShapeThanWasLearnedAreToldOnce) {
  fake_network().calibration.pooled = statistics(0.5);
  const auto warnings = [&](double learned, const char *size) {
    fake_network().aspect_ratio = learned;
    start("", (std::string("video/x-raw,format=GRAY8,framerate=25/1,") + size).c_str());
    for (guint i = 0; i < 2; ++i) {
      Ref<GstBuffer> frame(gst_buffer_new_allocate(nullptr, 4096, nullptr));
      gst_buffer_memset(frame.get(), 0, 0, static_cast<gsize>(-1));
      push(std::move(frame));
    }
    return posted().warnings;
  };
  const auto distorted = warnings(16.0 / 9, "width=64,height=48");
  ASSERT_EQ(distorted.size(), 1U);
  EXPECT_TRUE(contains(distorted[0], "1.33") && contains(distorted[0], "1.78")) << distorted[0];
  EXPECT_TRUE(warnings(16.0 / 9, "width=64,height=36").empty());
  EXPECT_TRUE(warnings(16.0 / 9, "width=64,height=37").empty()) << "within 5 %";
  EXPECT_EQ(warnings(16.0 / 9, "width=64,height=40").size(), 1U);
  EXPECT_TRUE(warnings(16.0 / 9, "width=48,height=36,pixel-aspect-ratio=4/3").empty()) << "shown as 16:9";
  EXPECT_TRUE(warnings(0, "width=64,height=48").empty()) << "files of before do not say";
}

TEST_F(UniadDetect, AnOrientationThatNothingHasAppliedIsToldOnce) {
  fake_network().calibration.pooled = statistics(0.5);
  start();
  const auto tell = [&](const char *orientation) {
    gst_harness_push_event(
        harness_.get(), gst_event_new_tag(gst_tag_list_new(GST_TAG_IMAGE_ORIENTATION, orientation, nullptr)));
    push(gray_frame(0));
    return posted().warnings;
  };
  EXPECT_TRUE(tell("rotate-0").empty());
  const auto turned = tell("rotate-90");
  ASSERT_EQ(turned.size(), 1U);
  EXPECT_TRUE(contains(turned[0], "videoflip video-direction=auto")) << turned[0];
  EXPECT_TRUE(tell("rotate-90").empty());
}

TEST_F(UniadDetect, BuffersOfAWrongSizeAreToldOnce) {
  fake_network().calibration.pooled = statistics(0.5);
  start();
  for (int i = 0; i < 5; ++i) push(Ref<GstBuffer>(gst_buffer_new_allocate(nullptr, 7, nullptr)));
  EXPECT_EQ(posted().warnings.size(), 1U);
}

// GPU memory that is offered for one device cannot be used by another.
TEST_F(UniadDetect, ADeviceThatChangesInReadyIsAskedForItsMemory) {
  start("device=cuda:0");
  gst_element_set_state(element(), GST_STATE_READY);
  EXPECT_EQ(fake_network().asked_device, "cuda:0");
  g_object_set(element(), "device", "cuda:1", nullptr);
  gst_element_set_state(element(), GST_STATE_PLAYING);
  EXPECT_EQ(fake_network().asked_device, "cuda:1");
}

TEST_F(UniadDetect, ThePrecisionsAreAllNamed) {
  start();
  const std::string blurb =
      g_param_spec_get_blurb(g_object_class_find_property(G_OBJECT_GET_CLASS(element()), "precision"));
  for (const char *precision : {"auto", "fp32", "bf16", "fp16", "int8"})
    EXPECT_TRUE(contains(blurb, precision)) << precision;
}

TEST_F(UniadDetect, WithoutCalibrationNothingIsAnomalousAndOneWarningSaysSo) {
  start();
  for (guint i = 0; i < 3; ++i) {
    const auto out = push(gray_frame(255, i));
    EXPECT_FALSE(meta_of(out).has_threshold);
    EXPECT_FALSE(meta_of(out).anomalous);
    EXPECT_EQ(meta_of(out).n_regions, 0U);
  }
  const auto warning = message(GST_MESSAGE_WARNING);
  ASSERT_NE(warning, nullptr);
  GError *error = nullptr;
  gst_message_parse_warning(warning.get(), &error, nullptr);
  EXPECT_NE(std::string(error->message).find("'threshold'"), std::string::npos) << error->message;
  g_error_free(error);
  EXPECT_EQ(message(GST_MESSAGE_WARNING), nullptr);
}

TEST_F(UniadDetect, TheSourceIsTheElementsNameUnlessSet) {
  start();
  EXPECT_STREQ(meta_of(push(gray_frame(0))).source, "detect");
  g_object_set(element(), "source", "cam0", nullptr);
  EXPECT_STREQ(meta_of(push(gray_frame(0))).source, "cam0");
}

TEST_F(UniadDetect, TheProbabilityIsAHalfAtTheThreshold) {
  fake_network().calibration.pooled = statistics(1.0);
  start();
  EXPECT_DOUBLE_EQ(meta_of(push(gray_frame(255))).probability, 0.5);
  // The mean of the normal scores is four scale lengths below the threshold: 1 / (1 + e^4).
  g_object_set(element(), "threshold", 1.0, nullptr);
  EXPECT_LT(meta_of(push(gray_frame(100))).probability, 0.5);
}

TEST_F(UniadDetect, AnEventBeginsAtTheFirstFrameAtTheThresholdAndEndsAtTheFirstBelow) {
  start("threshold=0.6 source=cam0 event-hold=0 event-release=1");
  std::vector<GstAnomalyEventState> states;
  std::vector<std::string> ids;
  guint i = 0;
  for (const int value : {102, 153, 255, 152, 0, 204, 51}) {
    const auto out = push(gray_frame(static_cast<guint8>(value), i++));
    states.push_back(meta_of(out).event_state);
    ids.emplace_back(meta_of(out).event_id != nullptr ? meta_of(out).event_id : "");
  }
  // 153 / 255 as a float is 0.6000000238, which reaches the threshold.
  EXPECT_EQ(states, (std::vector{GST_ANOMALY_EVENT_NONE, GST_ANOMALY_EVENT_BEGIN, GST_ANOMALY_EVENT_ONGOING,
                                 GST_ANOMALY_EVENT_END, GST_ANOMALY_EVENT_NONE, GST_ANOMALY_EVENT_BEGIN,
                                 GST_ANOMALY_EVENT_END}));
  EXPECT_EQ(events(), (std::vector<std::string>{"begin 0.60 1", "end 0.60 3", "begin 0.80 5", "end 0.20 6"}));
  EXPECT_EQ(ids[0], "");
  EXPECT_EQ(ids[1], ids[2]);
  EXPECT_EQ(ids[1], ids[3]);
  EXPECT_EQ(ids[4], "");
  EXPECT_NE(ids[1], ids[5]);
  EXPECT_EQ(ids[5], ids[6]);
}

TEST_F(UniadDetect, AnEventMessageSaysWhatHappenedWhere) {
  start("threshold=0.5 source=cam0");
  const auto out = push(gray_frame(255, 3));
  const auto begin = message(GST_MESSAGE_ELEMENT);
  ASSERT_NE(begin, nullptr);
  const GstStructure *fields = gst_message_get_structure(begin.get());
  EXPECT_TRUE(gst_structure_has_name(fields, "uniad-event"));
  EXPECT_STREQ(gst_structure_get_string(fields, "kind"), "anomaly");
  EXPECT_STREQ(gst_structure_get_string(fields, "state"), "begin");
  EXPECT_STREQ(gst_structure_get_string(fields, "source"), "cam0");
  EXPECT_STREQ(gst_structure_get_string(fields, "id"), meta_of(out).event_id);
  double threshold = 0;
  EXPECT_TRUE(gst_structure_get_double(fields, "threshold", &threshold));
  EXPECT_EQ(threshold, 0.5);
  const GValue *regions = gst_structure_get_value(fields, "regions");
  ASSERT_EQ(gst_value_array_get_size(regions), 1U);
  const auto *region = gst_value_get_structure(gst_value_array_get_value(regions, 0));
  double width = 0;
  double score = 0;
  EXPECT_TRUE(gst_structure_get(region, "w", G_TYPE_DOUBLE, &width, "score", G_TYPE_DOUBLE, &score, nullptr));
  EXPECT_EQ(width, 1.0);
  EXPECT_NEAR(score, 1.0, 1e-6);
}

TEST_F(UniadDetect, AResultThatIsRepeatedNeitherBeginsNorEndsAnEventTwice) {
  start("threshold=0.5 interval=2 event-hold=0");
  std::vector<GstAnomalyEventState> states;
  guint i = 0;
  for (const int value : {255, 0, 0, 0, 0})
    states.push_back(meta_of(push(gray_frame(static_cast<guint8>(value), i++))).event_state);
  EXPECT_EQ(states, (std::vector{GST_ANOMALY_EVENT_BEGIN, GST_ANOMALY_EVENT_ONGOING, GST_ANOMALY_EVENT_END,
                                 GST_ANOMALY_EVENT_NONE, GST_ANOMALY_EVENT_NONE}));
  EXPECT_EQ(events().size(), 2U);
}

TEST_F(UniadDetect, AnOpenEventEndsWithTheStream) {
  start("threshold=0.5");
  push(gray_frame(255, 4));
  end_stream();
  EXPECT_EQ(events(), (std::vector<std::string>{"begin 1.00 4", "end 1.00 4"}));
}

TEST_F(UniadDetect, AnOpenEventEndsWhenTheElementStops) {
  start("threshold=0.5");
  push(gray_frame(255, 4));
  gst_element_set_state(element(), GST_STATE_READY);
  EXPECT_EQ(events(), (std::vector<std::string>{"begin 1.00 4", "end 1.00 4"}));
  gst_element_set_state(element(), GST_STATE_PLAYING);
}

TEST_F(UniadDetect, AnEventOfALiveStreamIsConfirmedByTwoOfThreeFrames) {
  start("threshold=0.5 event-confirm=auto");
  const auto begins = [&](std::initializer_list<int> values) {
    std::vector<std::string> result;
    guint number = 0;
    for (const int value : values) push(gray_frame(static_cast<guint8>(value), number++));
    result = events();
    flush();
    events();
    return result;
  };
  EXPECT_EQ(begins({0, 255, 0, 0, 255}), std::vector<std::string>{});
  EXPECT_EQ(begins({0, 255, 0, 204, 0}), std::vector<std::string>{"begin 0.80 3"});
}

TEST(DetectSettings, TheRulesOfEventsDependOnTheStream) {
  DetectSettings settings;
  EXPECT_EQ(settings.event_rules(true, true).confirm, (EventConfirm{2, 3}));
  EXPECT_EQ(settings.event_rules(false, true).confirm, (EventConfirm{1, 1}));
  EXPECT_EQ(settings.event_rules(false, true).hold, std::chrono::seconds(1));
  EXPECT_EQ(settings.event_rules(false, false).hold, std::chrono::seconds(0)) << "separate pictures";
  settings.event_confirm = "3/4";
  settings.event_hold = 5;
  EXPECT_EQ(settings.event_rules(true, false).confirm, (EventConfirm{3, 4}));
  EXPECT_EQ(settings.event_rules(true, false).hold, std::chrono::nanoseconds(5));
}

TEST_F(UniadDetect, AnEventEndsBelowTheReleaseThreshold) {
  start("threshold=0.8 event-hold=0");  // release: 0.72
  for (const auto &[number, value] : {std::pair{0, 204}, {1, 190}, {2, 184}, {3, 183}})
    push(gray_frame(static_cast<guint8>(value), static_cast<guint>(number)));
  EXPECT_EQ(events(), (std::vector<std::string>{"begin 0.80 0", "end 0.72 3"}));
}

TEST_F(UniadDetect, EventsThatAreTooShortOrTooSoonAreNotReported) {
  start("threshold=0.5 event-hold=0 event-min-duration=80000000 event-cooldown=200000000");
  std::vector<std::string> all;
  for (guint number = 0; number < 30; ++number) {
    const bool abnormal = number == 2 || (number >= 5 && number < 9) || (number >= 10 && number < 20);
    push(gray_frame(abnormal ? 255 : 0, number));
  }
  // Frame 2 is alone. Frame 7 is 80 ms after frame 5. The cool-down lasts from frame 9 to frame 14.
  EXPECT_EQ(events(),
            (std::vector<std::string>{"begin 1.00 7", "end 0.00 9", "begin 1.00 16", "end 0.00 20"}));
}

TEST_F(UniadDetect, ARisenPeakIsReportedWhileAnEventLasts) {
  start("threshold=0.2 event-hold=0");
  for (guint number = 0; number < 60; ++number)
    push(gray_frame(static_cast<guint8>(number < 40 ? 100 + number : 120), number));
  EXPECT_EQ(events(), (std::vector<std::string>{"begin 0.39 0", "update 0.49 25", "update 0.47 50"}));
  EXPECT_EQ(sent().size(), 3U) << "and elements downstream";
}

TEST_F(UniadDetect, AWrongConfirmationIsAnErrorAtTheStartAndAWarningLater) {
  start("threshold=0.5");
  g_object_set(element(), "event-confirm", "1/2", nullptr);
  g_object_set(element(), "event-confirm", "3/2", nullptr);
  const auto warning = message(GST_MESSAGE_WARNING);
  ASSERT_NE(warning, nullptr);
  EXPECT_NE(warning_of(warning).find("The property 'event-confirm' keeps its value"), std::string::npos);
  g_autofree gchar *kept = nullptr;
  g_object_get(element(), "event-confirm", &kept, nullptr);
  EXPECT_STREQ(kept, "1/2");
  gst_element_set_state(element(), GST_STATE_READY);
  gst_element_set_state(element(), GST_STATE_NULL);
  g_object_set(element(), "event-confirm", "x", nullptr);
  EXPECT_EQ(gst_element_set_state(element(), GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
}

TEST_F(UniadDetect, TheFormerNameOfTheHoldTimeWorks) {
  start("threshold=0.5 hold-time=80000000");
  gint64 hold = 0;
  g_object_get(element(), "event-hold", &hold, nullptr);
  EXPECT_EQ(hold, 80'000'000);
}

TEST_F(UniadDetect, AFlushEndsAnEventAndForgetsTheResult) {
  start("threshold=0.5 interval=3");
  push(gray_frame(255, 0));
  flush();
  EXPECT_EQ(events(), (std::vector<std::string>{"begin 1.00 0", "end 1.00 0"}));
  const auto out = push(gray_frame(51, 9));
  EXPECT_EQ(meta_of(out).age, 0U);
  EXPECT_NEAR(meta_of(out).score, 0.2, 1e-6);
}

TEST_F(UniadDetect, PostsNoMessagesWhereTheyAreNotWanted) {
  start("threshold=0.5 post-messages=false");
  const auto out = push(gray_frame(255));
  EXPECT_EQ(meta_of(out).event_state, GST_ANOMALY_EVENT_BEGIN);
  push(gray_frame(0));
  EXPECT_TRUE(events().empty());
}

TEST_F(UniadDetect, PausesShorterThanTheHoldTimeBelongToTheEvent) {
  start("threshold=0.5");  // a second by default, 25 frames
  std::string states;
  for (guint i = 0; i < 80; ++i) {
    const bool anomalous = i == 2 || i == 27 || i == 51;
    const auto out = push(gray_frame(anomalous ? 255 : 0, i));
    EXPECT_EQ(meta_of(out).anomalous != FALSE, anomalous) << i;
    states += "-bo e"[meta_of(out).event_state == GST_ANOMALY_EVENT_END ? 4 : meta_of(out).event_state];
  }
  EXPECT_EQ(states, "--b" + std::string(73, 'o') + "e---");
  EXPECT_EQ(events(), (std::vector<std::string>{"begin 1.00 2", "end 0.00 52"}));
}

TEST_F(UniadDetect, WithoutTimestampsTheHoldTimeIsCountedInFrames) {
  constexpr const char *with_rate = "video/x-raw,format=GRAY8,width=8,height=8,framerate=10/1";
  constexpr const char *without_rate = "video/x-raw,format=GRAY8,width=8,height=8,framerate=0/1";
  for (const auto &[properties, caps, wanted] : {std::tuple{"", with_rate, 10U},
                                                 {" event-hold=1000000000", without_rate, 25U},
                                                 {"", without_rate, 1U}}) {  // separate pictures
    start("threshold=0.5" + std::string(properties), caps);
    gst_harness_set_live(harness_.get(), FALSE);
    guint end = 0;
    for (guint i = 0; i < 60; ++i) {
      auto frame = gray_frame(i == 0 ? 255 : 0);
      GST_BUFFER_PTS(frame.get()) = GST_CLOCK_TIME_NONE;
      GST_BUFFER_DURATION(frame.get()) = GST_CLOCK_TIME_NONE;
      if (meta_of(push(std::move(frame))).event_state == GST_ANOMALY_EVENT_END) end = i;
    }
    EXPECT_EQ(end, wanted) << caps << properties;
    EXPECT_EQ(events().size(), 2U);
  }
}

// Learning and events use the same time. It is that of the clock if a live stream has neither timestamps nor
// a frame rate.
TEST_F(UniadDetect, WithoutTimestampsOrARateTheTimeOfALiveStreamIsThatOfItsArrival) {
  for (const bool live : {true, false}) {
    SCOPED_TRACE(live);
    std::vector<std::chrono::nanoseconds> seen;
    fake_network().judge = [&](const FrameView &frame) {
      seen.push_back(frame.time.value());
      return FakeNetwork::first_byte(frame);
    };
    start("threshold=0.5 event-hold=60000000000", "video/x-raw,format=GRAY8,width=8,height=8,framerate=0/1");
    gst_harness_set_live(harness_.get(), live ? TRUE : FALSE);
    const auto begin = std::chrono::steady_clock::now();
    for (guint i = 0; i < 25 * 60 + 1; ++i) {  // a minute and a frame, at 25 per second
      auto frame = gray_frame(i == 0 ? 255 : 0);
      GST_BUFFER_PTS(frame.get()) = GST_CLOCK_TIME_NONE;
      GST_BUFFER_DURATION(frame.get()) = GST_CLOCK_TIME_NONE;
      push(std::move(frame));
    }
    const auto took = std::chrono::steady_clock::now() - begin;
    const std::chrono::nanoseconds passed = seen.back() - seen.front();
    if (live)
      EXPECT_LE(passed, took);
    else
      EXPECT_EQ(passed, std::chrono::minutes(1));
    EXPECT_EQ(events().size(), passed >= std::chrono::minutes(1) ? 2U : 1U);
  }
}

TEST_F(UniadDetect, EventsGoDownstreamOnceAheadOfTheEndOfTheStream) {
  start("threshold=0.5 event-hold=0 post-messages=false");
  for (guint i = 0; i < 6; ++i) push(gray_frame(i == 1 || i == 2 || i == 5 ? 255 : 0, i));
  end_stream();
  EXPECT_EQ(sent(),
            (std::vector<std::string>{"begin 1.00 1", "end 0.00 3", "begin 1.00 5", "end 1.00 5", "eos"}));
}

TEST_F(UniadDetect, AnEventTellsItsCourse) {
  start("threshold=0.5 event-hold=0");
  for (const int value : {0, 153, 255, 204, 0}) push(gray_frame(static_cast<guint8>(value), index_++));
  next_event();
  const auto end = next_event();
  ASSERT_NE(end, nullptr);
  const GstStructure *fields = gst_message_get_structure(end.get());
  const auto number = [fields](const char *field) {
    guint64 value = 0;
    EXPECT_TRUE(gst_structure_get_uint64(fields, field, &value)) << field;
    return value;
  };
  EXPECT_EQ(number("pts"), 4 * frame_duration);
  EXPECT_EQ(number("frame-pts"), 4 * frame_duration);
  EXPECT_EQ(number("begin-pts"), 1 * frame_duration);
  EXPECT_EQ(number("peak-pts"), 2 * frame_duration);
  EXPECT_EQ(number("duration"), 3 * frame_duration);
  EXPECT_EQ(number("frames"), 3U);
  EXPECT_LE(number("begin-time"), number("peak-time"));
  EXPECT_LE(number("peak-time"), number("time"));
  double peak = 0;
  EXPECT_TRUE(gst_structure_get_double(fields, "peak-score", &peak));
  EXPECT_EQ(peak, 1.0);
  EXPECT_EQ(gst_value_array_get_size(gst_structure_get_value(fields, "peak-regions")), 1U);
  EXPECT_EQ(gst_value_array_get_size(gst_structure_get_value(fields, "regions")), 0U);
  EXPECT_EQ(gst_structure_get_string(fields, "reason"), nullptr);
}

TEST_F(UniadDetect, EveryWayAStreamGoesOnEndsAnEventOnceAndSaysWhy) {
  const std::vector<std::pair<std::string, std::function<void()>>> ways = {
      {"eos", [this] { end_stream(); }},
      {"eos",
       [this] { gst_harness_push_event(harness_.get(), gst_event_new_segment_done(GST_FORMAT_TIME, 0)); }},
      {"flush", [this] { flush(); }},
      {"changed", [this] { gst_harness_push_event(harness_.get(), gst_event_new_stream_start("another")); }},
      {"changed",
       [this] {
         g_object_set(element(), "source", "another", nullptr);
         push(gray_frame(255, 1));
       }},
      {"changed",
       [this] {
         g_signal_emit_by_name(element(), "learn", 1U);
         push(gray_frame(255, 1));
       }},
      {"stopped", [this] { gst_element_set_state(element(), GST_STATE_READY); }},
  };
  for (std::size_t i = 0; i < ways.size(); ++i) {
    SCOPED_TRACE(i);
    start("threshold=0.5");
    push(gray_frame(255, 0));
    ways[i].second();
    EXPECT_EQ(reason_of_end(), ways[i].first);
    EXPECT_EQ(reason_of_end(), "no end");
  }
  gst_element_set_state(element(), GST_STATE_PLAYING);
}

TEST_F(UniadDetect, AnEventGoesOnWhenTheCapsChange) {
  start("threshold=0.5");
  const auto first = push(gray_frame(255, 0));
  gst_harness_set_src_caps_str(harness_.get(), "video/x-raw,format=GRAY8,width=4,height=4,framerate=25/1");
  const auto second = push(gray_frame(255, 1));
  EXPECT_STREQ(meta_of(second).event_id, meta_of(first).event_id);
  EXPECT_EQ(events(), std::vector<std::string>{"begin 1.00 0"});
}

TEST_F(UniadDetect, FramesAndEventsTellWhenTheyWereByTheCameraOrElseByTheirArrival) {
  constexpr GstClockTime at_camera = 951'782'400 * GST_SECOND;
  start("threshold=0.5");
  auto frame = gray_frame(255, 0);
  const Ref<GstCaps> unix_time(gst_caps_new_empty_simple("timestamp/x-unix"));
  gst_buffer_add_reference_timestamp_meta(frame.get(), unix_time.get(), at_camera, GST_CLOCK_TIME_NONE);
  const auto by_camera = push(std::move(frame));
  EXPECT_EQ(meta_of(by_camera).time, at_camera);
  EXPECT_EQ(meta_of(by_camera).time_source, GST_ANOMALY_TIME_CAMERA);
  EXPECT_EQ(meta_of(by_camera).event_begin.time, at_camera);
  const auto begin = next_event();
  guint64 time = 0;
  EXPECT_TRUE(gst_structure_get_uint64(gst_message_get_structure(begin.get()), "time", &time));
  EXPECT_EQ(time, at_camera);

  const auto before = static_cast<GstClockTime>(g_get_real_time()) * 1000;
  const auto on_arrival = push(gray_frame(255, 1));
  EXPECT_GE(meta_of(on_arrival).time, before);
  EXPECT_LE(meta_of(on_arrival).time, static_cast<GstClockTime>(g_get_real_time()) * 1000);
  EXPECT_EQ(meta_of(on_arrival).time_source, GST_ANOMALY_TIME_ARRIVAL);
}

TEST_F(UniadDetect, TheTimeOfALiveFrameIsThatOfItsCapture) {
  start("threshold=0.5");
  gst_harness_use_testclock(harness_.get());
  gst_harness_set_time(harness_.get(), 10 * GST_SECOND);
  constexpr GstClockTime age = 400 * GST_MSECOND;
  const auto before = static_cast<GstClockTime>(g_get_real_time()) * 1000 - age;
  const auto out = push(gray_frame(255, 240));  // captured at 9.6 s
  EXPECT_GE(meta_of(out).time, before);
  EXPECT_LE(meta_of(out).time, static_cast<GstClockTime>(g_get_real_time()) * 1000 - age);
}

TEST_F(UniadDetect, TheMaximumRateLimitsJudgedFramesByTheTimeOfTheStream) {
  const auto judged = [&](const std::string &properties, const std::vector<int> &milliseconds) {
    start(properties);
    std::vector<int> result;
    for (const int time : milliseconds) {
      auto frame = gray_frame(255);
      GST_BUFFER_PTS(frame.get()) = static_cast<GstClockTime>(time) * GST_MSECOND;
      const auto out = push(std::move(frame));
      if (meta_of(out).age == 0) result.push_back(time);
    }
    return result;
  };
  using Times = std::vector<int>;
  const Times regular{0, 40, 80, 120, 160, 200, 240, 280, 320, 360, 400};
  EXPECT_EQ(judged("max-rate=5", regular), (Times{0, 200, 400}));
  EXPECT_EQ(judged("max-rate=25", regular), regular);
  EXPECT_EQ(judged("max-rate=5 interval=2", regular), (Times{0, 240, 400}));
  EXPECT_EQ(judged("max-rate=10", {0, 1000, 1010, 1020, 1051, 1099, 1200}), (Times{0, 1000, 1051, 1200}))
      << "after a pause, not two at once";
  // Frames that arrive slightly early or late, at ten per second on average.
  Times unsteady;
  for (int i = 1; i < 200; ++i) unsteady.push_back(i * 100 + (i % 3 == 0 ? 9 : i % 3 == 1 ? -9 : 0));
  EXPECT_GE(judged("max-rate=10", unsteady).size(), 190U);
}

// Timestamps that are missing, go back or jump by an hour, and eight changes of the caps per second.
TEST_F(UniadDetect, OddTimestampsAndCapsCostNoFrameAndNoEnd) {
  start("threshold=0.5");
  std::mt19937 random(4);
  guint64 time = 0;
  for (guint i = 0; i < 2000; ++i) {
    if (i % 3 == 0) {
      const std::string size = std::to_string(1 + random() % 64);
      gst_harness_set_src_caps_str(harness_.get(),
                                   ("video/x-raw,format=GRAY8,width=" + size + ",height=" + size +
                                    ",framerate=" + std::to_string(random() % 31) + "/1")
                                       .c_str());
    }
    time += random() % 50 == 0 ? 3600 * GST_SECOND : 40 * GST_MSECOND;
    if (random() % 20 == 0) time /= 2;
    Ref<GstBuffer> frame(gst_buffer_new_allocate(nullptr, 64 * 64, nullptr));
    gst_buffer_memset(frame.get(), 0, random() % 10 == 0 ? 255 : 0, 64 * 64);
    GST_BUFFER_PTS(frame.get()) = random() % 5 == 0 ? GST_CLOCK_TIME_NONE : time;
    ASSERT_EQ(gst_buffer_get_size(push(std::move(frame)).get()), 64U * 64U) << i;
  }
  gst_element_set_state(element(), GST_STATE_READY);
  std::map<std::string, std::vector<std::string>> states;
  while (const auto event = next_event()) {
    const GstStructure *fields = gst_message_get_structure(event.get());
    const std::string state = gst_structure_get_string(fields, "state");
    if (state != "update") states[gst_structure_get_string(fields, "id")].push_back(state);
  }
  EXPECT_GT(states.size(), 10U);
  for (const auto &[id, its] : states) EXPECT_EQ(its, (std::vector<std::string>{"begin", "end"}));
}

// Timestamps start over with each session.
TEST_F(UniadDetect, EachStartAndEachJumpOfTheStreamIsASessionOfItsOwn) {
  start("threshold=0.5");
  std::set<std::string> sessions;
  const std::vector<std::function<void()>> ways = {
      [] {},
      [this] {
        gst_element_set_state(element(), GST_STATE_READY);
        gst_element_set_state(element(), GST_STATE_PLAYING);
      },
      [this] { flush(); },
      [this] {
        end_stream();
        flush();
      },
      [this] { gst_harness_push_event(harness_.get(), gst_event_new_segment_done(GST_FORMAT_TIME, 0)); },
      [this] { gst_harness_push_event(harness_.get(), gst_event_new_stream_start("another")); },
  };
  for (std::size_t i = 0; i < ways.size(); ++i) {
    SCOPED_TRACE(i);
    ways[i]();
    const std::string session = meta_of(push(gray_frame(255, 0))).session;
    EXPECT_TRUE(g_uuid_string_is_valid(session.c_str()));
    EXPECT_TRUE(sessions.insert(session).second) << "was there before";
    EXPECT_EQ(meta_of(push(gray_frame(255, 1))).session, session);
  }
  // An event begins and ends in one session.
  std::map<std::string, std::vector<std::string>> of_events;
  while (const auto event = next_event()) {
    const GstStructure *fields = gst_message_get_structure(event.get());
    of_events[gst_structure_get_string(fields, "id")].emplace_back(
        gst_structure_get_string(fields, "session"));
  }
  EXPECT_EQ(of_events.size(), ways.size());
  std::size_t open = 0;
  for (const auto &[id, its] : of_events) {
    if (its.size() == 1)
      ++open;
    else
      EXPECT_EQ(its, (std::vector<std::string>{its[0], its[0]})) << id;
  }
  EXPECT_EQ(open, 1U);  // the last one
}

struct Roi {
  guint x, y, w, h;
  double score;
};

std::vector<Roi> rois_of(const Ref<GstBuffer> &buffer) {
  std::vector<Roi> rois;
  gpointer state = nullptr;
  while (GstMeta *meta = gst_buffer_iterate_meta_filtered(buffer.get(), &state,
                                                          GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)) {
    auto *roi = reinterpret_cast<GstVideoRegionOfInterestMeta *>(meta);
    EXPECT_STREQ(g_quark_to_string(roi->roi_type), "anomaly");
    double score = -1;
    gst_structure_get_double(gst_video_region_of_interest_meta_get_param(roi, "anomaly"), "score", &score);
    rois.push_back({roi->x, roi->y, roi->w, roi->h, score});
  }
  return rois;
}

// One hot cell in the lower right corner of the grid.
Detection hot_corner(const FrameView & /*frame*/) {
  Detection detection;
  detection.grid = {14, 14, std::vector<float>(196, 0.0F)};
  detection.grid.values.back() = 1.0F;
  detection.score = image_score(detection.grid, ScoreKind::Max);
  return detection;
}

TEST_F(UniadDetect, RegionsOfInterestAreTheRegionsInPixelsWithinTheFrame) {
  fake_network().judge = hot_corner;
  for (const int size : {8, 1, 3}) {
    SCOPED_TRACE(size);
    const std::string caps =
        "video/x-raw,format=GRAY8,width=" + std::to_string(size) + ",height=" + std::to_string(size);
    start("threshold=0.1", caps.c_str());
    const auto out = push(gray_frame(0));
    const auto rois = rois_of(out);
    ASSERT_EQ(rois.size(), 1U);
    ASSERT_EQ(meta_of(out).n_regions, 1U);
    const auto &region = meta_of(out).regions[0];
    EXPECT_EQ(rois[0].x, static_cast<guint>(region.x * static_cast<float>(size)));
    EXPECT_EQ(rois[0].x + rois[0].w, static_cast<guint>(size));
    EXPECT_EQ(rois[0].y + rois[0].h, static_cast<guint>(size));
    EXPECT_NEAR(rois[0].score, region.score, 1e-6);
    EXPECT_NEAR(region.score, meta_of(out).score, 1e-6);
  }
}

#ifdef HAVE_GST_ANALYTICS
TEST_F(UniadDetect, RegionsAreObjectsOfTheFramesAnalyticsBesideThoseThatWereThere) {
  fake_network().judge = hot_corner;
  start("threshold=0.1");
  auto frame = gray_frame(0);
  GstAnalyticsODMtd person;
  gst_analytics_relation_meta_add_od_mtd(gst_buffer_add_analytics_relation_meta(frame.get()),
                                         g_quark_from_static_string("person"), 1, 2, 3, 4, 0.9F, &person);
  const auto out = push(std::move(frame));
  const auto rois = rois_of(out);
  ASSERT_EQ(rois.size(), 1U);
  GstAnalyticsRelationMeta *objects = gst_buffer_get_analytics_relation_meta(out.get());
  ASSERT_NE(objects, nullptr);
  ASSERT_EQ(gst_analytics_relation_get_length(objects), 2U);
  GstAnalyticsODMtd object;
  ASSERT_TRUE(gst_analytics_relation_meta_get_od_mtd(objects, 1, &object));
  EXPECT_STREQ(g_quark_to_string(gst_analytics_od_mtd_get_obj_type(&object)), "anomaly");
  gint x = 0, y = 0, w = 0, h = 0;
  gfloat confidence = 0;
  ASSERT_TRUE(gst_analytics_od_mtd_get_location(&object, &x, &y, &w, &h, &confidence));
  EXPECT_EQ((std::array{x, y, w, h}),
            (std::array{static_cast<gint>(rois[0].x), static_cast<gint>(rois[0].y),
                        static_cast<gint>(rois[0].w), static_cast<gint>(rois[0].h)}));
  EXPECT_NEAR(confidence, meta_of(out).probability, 1e-6);
}
#endif

TEST_F(UniadDetect, AnAnomalyWithoutAPlaceIsTheWholeFrame) {
  fake_network().judge = [](const FrameView &frame) {
    auto detection = hot_corner(frame);
    detection.score = 9;  // unrelated to the map's values, as with another kind of score
    return detection;
  };
  start("threshold=8");
  const auto rois = rois_of(push(gray_frame(0)));
  ASSERT_EQ(rois.size(), 1U);
  EXPECT_EQ(rois[0].w, 8U);
  EXPECT_EQ(rois[0].h, 8U);
  EXPECT_EQ(rois[0].score, 9.0);
}

// A frame brighter than 0.3 shows an unknown scene; any other frame shows a learned scene, but barely.
Detection known_if_dark(const FrameView &frame) {
  auto detection = FakeNetwork::first_byte(frame);
  detection.scene_distance = detection.score > 0.3F ? 2.0F : 1.0F;
  return detection;
}

TEST_F(UniadDetect, AnUnknownSceneIsAnAnomalyOfTheWholeFrameWhateverItsScore) {
  fake_network().judge = known_if_dark;
  start("threshold=0.9");
  const auto out = push(gray_frame(102, 0));
  EXPECT_TRUE(meta_of(out).unknown_scene);
  EXPECT_TRUE(meta_of(out).anomalous);
  EXPECT_NEAR(meta_of(out).score, 0.4, 1e-6);
  EXPECT_EQ(meta_of(out).threshold, 0.9);
  EXPECT_GE(meta_of(out).probability, 0.5);
  ASSERT_EQ(meta_of(out).n_regions, 1U);
  const auto &region = meta_of(out).regions[0];
  EXPECT_EQ(region.x, 0.0F);
  EXPECT_EQ(region.y, 0.0F);
  EXPECT_EQ(region.w, 1.0F);
  EXPECT_EQ(region.h, 1.0F);
  const auto rois = rois_of(out);
  ASSERT_EQ(rois.size(), 1U);
  EXPECT_EQ(rois[0].x, 0U);
  EXPECT_EQ(rois[0].y, 0U);
  EXPECT_EQ(rois[0].w, 8U);
  EXPECT_EQ(rois[0].h, 8U);
}

TEST_F(UniadDetect, AnEventMessageSaysWhetherTheSceneIsUnknown) {
  fake_network().judge = known_if_dark;
  start("threshold=0.9 event-hold=0");
  push(gray_frame(102, 0));
  const auto known = push(gray_frame(51, 1));
  EXPECT_FALSE(meta_of(known).unknown_scene);
  EXPECT_FALSE(meta_of(known).anomalous);
  EXPECT_EQ(meta_of(known).event_state, GST_ANOMALY_EVENT_END);
  for (const auto &[text, unknown] : {std::pair{"begin 0.40 0", true}, {"end 0.20 1", false}}) {
    const auto event = message(GST_MESSAGE_ELEMENT);
    ASSERT_NE(event, nullptr);
    EXPECT_EQ(text_of(event), text);
    EXPECT_STREQ(gst_structure_get_string(gst_message_get_structure(event.get()), "kind"), "unknown-scene");
    gboolean unknown_scene = -1;
    EXPECT_TRUE(
        gst_structure_get_boolean(gst_message_get_structure(event.get()), "unknown-scene", &unknown_scene));
    EXPECT_EQ(unknown_scene != FALSE, unknown);
  }
}

TEST_F(UniadDetect, WithoutAThresholdAnUnknownSceneIsToldButNoAnomaly) {
  fake_network().judge = known_if_dark;
  start();
  const auto out = push(gray_frame(255));
  EXPECT_TRUE(meta_of(out).unknown_scene);
  EXPECT_FALSE(meta_of(out).anomalous);
  EXPECT_FALSE(meta_of(out).has_threshold);
  EXPECT_EQ(meta_of(out).n_regions, 0U);
  EXPECT_EQ(meta_of(out).event_state, GST_ANOMALY_EVENT_NONE);
  EXPECT_EQ(events(), std::vector<std::string>{});
}

guint64 skipped(GstElement *element) {
  guint64 count = 0;
  g_object_get(element, "skipped", &count, nullptr);
  return count;
}

TEST_F(UniadDetect, CorruptFramesAndGapsAreNeitherJudgedNorLearnedButCounted) {
  for (const char *mode : {"mode=sync", "mode=async"}) {
    for (const auto flag : {GST_BUFFER_FLAG_CORRUPTED, GST_BUFFER_FLAG_GAP}) {
      SCOPED_TRACE(mode);
      std::atomic<int> judged = 0;
      fake_network().judge = [&](const FrameView &frame) {
        ++judged;
        return FakeNetwork::first_byte(frame);
      };
      start(std::string("threshold=0.5 ") + mode);
      for (guint i = 0; i < 5; ++i) {
        auto frame = gray_frame(255, i);
        GST_BUFFER_FLAG_SET(frame.get(), flag);
        EXPECT_FALSE(marked(push(std::move(frame))));
      }
      EXPECT_EQ(judged, 0);
      EXPECT_EQ(skipped(element()), 5U);
      const auto seen = posted();
      EXPECT_EQ(seen.warnings.size(), 1U);
      EXPECT_EQ(seen.events, std::vector<std::string>{});
    }
  }
  start("learn=2");
  for (guint i = 0; i < 4; ++i) {
    auto frame = gray_frame(0, i);
    if (i % 2 == 0) GST_BUFFER_FLAG_SET(frame.get(), GST_BUFFER_FLAG_CORRUPTED);
    push(std::move(frame));
  }
  EXPECT_EQ(posted().events.back(), "saved 2/2 0.50");
}

TEST_F(UniadDetect, AnEventGoesOnOverCorruptFrames) {
  start("threshold=0.5 event-hold=0");
  for (guint i = 0; i < 4; ++i) {
    auto frame = gray_frame(i < 3 ? 255 : 0, i);
    if (i == 1) {
      gst_buffer_memset(frame.get(), 0, 0, 64);
      GST_BUFFER_FLAG_SET(frame.get(), GST_BUFFER_FLAG_CORRUPTED);
    }
    push(std::move(frame));
  }
  EXPECT_EQ(events(), (std::vector<std::string>{"begin 1.00 0", "end 0.00 3"}));
}

TEST_F(UniadDetect, InAsyncModeFramesPassAndTheNewestWaitingOneIsJudgedNext) {
  fake_network().judge = [this](const FrameView &frame) { return gate_.judge(frame); };
  start("mode=async threshold=0.5");
  EXPECT_EQ(gst_buffer_get_anomaly_meta(push(gray_frame(51, 0)).get()), nullptr);
  gate_.await_entered(1);
  for (guint i = 1; i <= 20; ++i)
    EXPECT_EQ(gst_buffer_get_anomaly_meta(push(gray_frame(static_cast<guint8>(i), i)).get()), nullptr);
  gate_.open(1);
  gate_.await_entered(2);  // works on frame 20 now; the result of frame 0 is available
  auto out = push(gray_frame(255, 21));
  EXPECT_NEAR(meta_of(out).score, 0.2, 1e-6);
  EXPECT_EQ(meta_of(out).age, 21 * frame_duration);
  gate_.open(1);
  gate_.await_entered(3);  // frame 21, the newest
  out = push(gray_frame(0, 22));
  EXPECT_NEAR(meta_of(out).score, 20 / 255.0, 1e-6);
  EXPECT_EQ(meta_of(out).age, 2 * frame_duration);
  gate_.open(1);
  gate_.await_entered(4);
  out = push(gray_frame(0, 23));
  EXPECT_EQ(meta_of(out).event_state, GST_ANOMALY_EVENT_BEGIN);
  EXPECT_EQ(events(), (std::vector<std::string>{"begin 1.00 21"})) << "the frame that was judged";
  gate_.open(100);
}

// Regression test: the result of the second frame replaced that of the first.
TEST_F(UniadDetect, InAsyncModeAnAnomalyOfOneFrameIsToldThoughTheNextIsNormal) {
  std::atomic<int> judged = 0;
  fake_network().judge = [&](const FrameView &frame) {
    auto detection = gate_.judge(frame);
    ++judged;
    return detection;
  };
  start("mode=async threshold=0.5 event-hold=0");
  push(gray_frame(255, 0));
  gate_.await_entered(1);
  push(gray_frame(0, 1));  // waits
  gate_.open(2);
  while (judged < 2) std::this_thread::yield();
  // The thread may still be processing the second result, which has not been reported yet.
  std::vector<std::string> told;
  for (guint i = 2; told.size() < 2; ++i) {
    push(gray_frame(0, i));
    gate_.open(1);
    for (const auto &event : events()) told.push_back(event);
  }
  EXPECT_EQ(told, (std::vector<std::string>{"begin 1.00 0", "end 0.00 1"}));
  gate_.open(100);
  stop();  // the detector's thread still counts in `judged`
}

TEST_F(UniadDetect, InAsyncModeAtMostTwoFramesAreHeld) {
  fake_network().judge = [this](const FrameView &frame) { return gate_.judge(frame); };
  start("mode=async");
  push(gray_frame(0, 0));
  gate_.await_entered(1);
  for (guint i = 1; i <= 50; ++i) push(gray_frame(0, i));
  const auto live = live_objects();
  EXPECT_EQ(std::count_if(live.begin(), live.end(),
                          [](const std::string &object) { return object.starts_with("GstBuffer "); }),
            2)
      << testing::PrintToString(live);
  gate_.open(100);
}

// The gate is closed, so that a frame that waited for its result would wait forever.
TEST_F(UniadDetect, InAutoModeFramesOfALiveStreamDoNotWaitAndThoseOfAFileDo) {
  for (const bool live : {true, false}) {
    SCOPED_TRACE(live);
    fake_network().judge = [this](const FrameView &frame) { return gate_.judge(frame); };
    const std::string launch =
        std::string("videotestsrc num-buffers=3 is-live=") + (live ? "true" : "false") +
        " ! video/x-raw,format=GRAY8,width=8,height=8 ! uniaddetect model=" UNIAD_SOURCE_ROOT
        "/meson.build ! appsink name=out sync=false";
    const Ref<GstElement> pipeline(gst_parse_launch(launch.c_str(), nullptr));
    const Ref<GstElement> sink(gst_bin_get_by_name(GST_BIN(pipeline.get()), "out"));
    if (!live) gate_.open(3);
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    for (int i = 0; i < 3; ++i) {
      const Ref<GstSample> sample(gst_app_sink_pull_sample(GST_APP_SINK(sink.get())));
      const auto *meta = gst_buffer_get_anomaly_meta(gst_sample_get_buffer(sample.get()));
      if (live)
        EXPECT_EQ(meta, nullptr);
      else
        EXPECT_EQ(meta->age, 0U);
    }
    gate_.open(100);
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
    gate_.shut();
  }
}

TEST_F(UniadDetect, InSyncModeLateFramesOfALiveStreamPassWithTheNewestResultAndOneWarning) {
  start("threshold=0.5");
  gst_harness_use_testclock(harness_.get());
  gst_harness_set_time(harness_.get(), 0);
  EXPECT_EQ(meta_of(push(gray_frame(51, 0))).age, 0U);
  gst_harness_set_time(harness_.get(), 5 * GST_SECOND);
  for (guint i = 1; i < 4; ++i) {
    const auto out = push(gray_frame(255, i));
    EXPECT_NEAR(meta_of(out).score, 0.2, 1e-6);
    EXPECT_EQ(meta_of(out).age, i * frame_duration);
  }
  const auto warnings = posted().warnings;
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_NE(warnings[0].find("mode=auto"), std::string::npos) << warnings[0];
  EXPECT_EQ(meta_of(push(gray_frame(0, 120))).age, 0U) << "it is in time again";
  // A source with a high latency is not late.
  gst_harness_set_upstream_latency(harness_.get(), 4 * GST_SECOND);
  EXPECT_EQ(meta_of(push(gray_frame(0, 30))).age, 0U);
}

TEST_F(UniadDetect, InAsyncModeAFlushDropsWhatIsInWork) {
  fake_network().judge = [this](const FrameView &frame) { return gate_.judge(frame); };
  start("mode=async");
  push(gray_frame(51, 0));
  gate_.await_entered(1);
  push(gray_frame(51, 1));
  gate_.open(100);
  flush();
  EXPECT_EQ(gst_buffer_get_anomaly_meta(push(gray_frame(255, 9)).get()), nullptr);
}

TEST_F(UniadDetect, InAsyncModeItStopsWhileTheNetworkWorks) {
  fake_network().judge = [this](const FrameView &frame) { return gate_.judge(frame); };
  start("mode=async");
  push(gray_frame(0, 0));
  gate_.await_entered(1);
  push(gray_frame(0, 1));
  gate_.open(100);
  gst_element_set_state(element(), GST_STATE_NULL);
  EXPECT_EQ(fake_network().open_detectors, 0);
  gst_element_set_state(element(), GST_STATE_PLAYING);
}

TEST_F(UniadDetect, ACapsChangeWhileAFrameIsInWorkIsSafe) {
  fake_network().judge = [this](const FrameView &frame) { return gate_.judge(frame); };
  start("mode=async");
  push(gray_frame(0, 0));
  gate_.await_entered(1);
  push(gray_frame(7, 1));
  gst_harness_set_src_caps_str(harness_.get(), "video/x-raw,format=GRAY8,width=4,height=2");
  gate_.open(1);
  gate_.await_entered(2);
  EXPECT_EQ(meta_of(push(gray_frame(0, 2))).age, 2 * frame_duration);
  gate_.open(100);
}

std::string error_text(const Ref<GstMessage> &message, GQuark domain, int code) {
  if (message == nullptr) return "no error";
  GError *error = nullptr;
  if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_WARNING)
    gst_message_parse_warning(message.get(), &error, nullptr);
  else
    gst_message_parse_error(message.get(), &error, nullptr);
  EXPECT_TRUE(g_error_matches(error, domain, code)) << g_quark_to_string(error->domain) << " " << error->code;
  std::string text = error->message;
  g_error_free(error);
  return text;
}

class UniadDetectErrors : public UniadDetect {
 protected:
  // Returns the error message of an element that cannot start.
  Ref<GstMessage> failed_start(const char *model, guint learn = 0) {
    const Ref<GstElement> detect(static_cast<GstElement *>(gst_object_ref_sink(
        gst_element_factory_make_full("uniaddetect", "model", model, "learn", learn, nullptr))));
    stop();
    bus_.reset(gst_bus_new());
    gst_element_set_bus(detect.get(), bus_.get());
    EXPECT_EQ(gst_element_set_state(detect.get(), GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
    gst_element_set_state(detect.get(), GST_STATE_NULL);
    return message(GST_MESSAGE_ERROR);
  }
};

TEST_F(UniadDetectErrors, NoModelSet) {
  const auto text = error_text(failed_start(nullptr), GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS);
  EXPECT_NE(text.find("'model'"), std::string::npos) << text;
}

TEST_F(UniadDetectErrors, NoSuchModel) {
  const auto text =
      error_text(failed_start("/nowhere/m.safetensors"), GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND);
  EXPECT_NE(text.find("/nowhere/m.safetensors"), std::string::npos) << text;
  EXPECT_NE(text.find("learn-time="), std::string::npos) << text;
}

// The name is in parentheses below, because GStreamer's macro of that name compares functions in a way that
// C++ forbids.
void keep_log(GstDebugCategory *category, GstDebugLevel level, const gchar * /*file*/,
              const gchar * /*function*/, gint /*line*/, GObject * /*object*/, GstDebugMessage *message,
              gpointer into) {
  if (std::string(gst_debug_category_get_name(category)) != "uniad") return;
  const char *const name = level == GST_LEVEL_INFO      ? "info: "
                           : level == GST_LEVEL_WARNING ? "warning: "
                                                        : "other: ";
  static_cast<std::vector<std::string> *>(into)->push_back(std::string(name) +
                                                           gst_debug_message_get(message));
}

TEST_F(UniadDetectErrors, TheLibrarysLogGoesToADebugCategory) {
  std::vector<std::string> seen;
  const Ref<GstElement> element(
      GST_ELEMENT(gst_object_ref_sink(g_object_new(GST_TYPE_UNIAD_DETECT, nullptr))));
  (gst_debug_add_log_function)(keep_log, &seen, nullptr);
  gst_debug_set_threshold_for_name("uniad", GST_LEVEL_INFO);
  log(LogLevel::Debug, "not wanted");
  log(LogLevel::Info, "opened");
  log(LogLevel::Warning, "slow");
  gst_debug_remove_log_function_by_data(&seen);
  gst_debug_set_threshold_for_name("uniad", GST_LEVEL_NONE);
  EXPECT_EQ(seen, (std::vector<std::string>{"info: opened", "warning: slow"}));
}

TEST_F(UniadDetectErrors, ABadModel) {
  const std::string model = UNIAD_SOURCE_ROOT "/meson.build";
  fake_network().open_error.emplace(ErrorKind::Malformed, model, "is cut short", "copy it again");
  EXPECT_EQ(error_text(failed_start(model.c_str()), GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ),
            fake_network().open_error->what());
}

TEST_F(UniadDetectErrors, AModelThatCouldNotBeWrittenIsNotLearned) {
  std::string pattern = testing::TempDir() + "uniad-test-XXXXXX";
  const std::filesystem::path locked = mkdtemp(pattern.data());
  std::filesystem::permissions(locked, std::filesystem::perms(0555));
  for (const auto &[folder, reason] :
       {std::pair(locked, "Permission denied"), std::pair(locked / "none", "there is no folder")}) {
    const std::string model = folder / "m.safetensors";
    const AsNobody nobody;
    const auto text =
        error_text(failed_start(model.c_str(), 5), GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_WRITE);
    EXPECT_NE(text.find(model), std::string::npos) << text;
    EXPECT_NE(text.find(reason), std::string::npos) << text;
  }
  std::filesystem::remove(locked);
}

TEST_F(UniadDetectErrors, AnUnknownDevice) {
  fake_network().open_error.emplace(ErrorKind::InvalidArgument, "device", "there is no \"tpu\"",
                                    "auto, cpu, cuda or cuda:N");
  EXPECT_EQ(error_text(failed_start(UNIAD_SOURCE_ROOT "/meson.build"), GST_LIBRARY_ERROR,
                       GST_LIBRARY_ERROR_SETTINGS),
            fake_network().open_error->what());
}

TEST_F(UniadDetectErrors, AFailingNetworkStopsTheStreamInEitherMode) {
  fake_network().judge = [](const FrameView & /*frame*/) -> Detection {
    throw std::runtime_error("out of memory");
  };
  for (const char *mode : {"mode=sync", "mode=async"}) {
    start(mode);
    GstFlowReturn flow = GST_FLOW_OK;
    for (guint i = 0; flow == GST_FLOW_OK; ++i)
      flow = gst_harness_push(harness_.get(), gray_frame(0, i).release());
    EXPECT_EQ(flow, GST_FLOW_ERROR);
    EXPECT_EQ(error_text(message(GST_MESSAGE_ERROR), GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED),
              "out of memory");
  }
}

// Regression test: the result of the second frame erased the error of the first.
TEST_F(UniadDetectErrors, InAsyncModeAnErrorStaysUntilItIsTold) {
  std::atomic<int> judged = 0;
  fake_network().judge = [&](const FrameView &frame) {
    auto detection = gate_.judge(frame);
    if (judged++ == 0) throw std::runtime_error("out of memory");
    return detection;
  };
  start("mode=async");
  push(gray_frame(0, 0));
  gate_.await_entered(1);
  push(gray_frame(0, 1));  // waits
  gate_.open(1);
  gate_.await_entered(2);
  gate_.open(1);
  const auto both_judged = [&] { return judged == 2; };
  while (!both_judged()) std::this_thread::yield();
  EXPECT_EQ(gst_harness_push(harness_.get(), gray_frame(0, 2).release()), GST_FLOW_ERROR);
  EXPECT_EQ(error_text(message(GST_MESSAGE_ERROR), GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED),
            "out of memory");
  gate_.open(100);
}

TEST_F(UniadDetectErrors, ABufferTooSmallForItsCapsPassesWithAWarning) {
  start("threshold=0.5");
  const auto out = push(Ref<GstBuffer>(gst_buffer_new_allocate(nullptr, 10, nullptr)));
  EXPECT_EQ(gst_buffer_get_anomaly_meta(out.get()), nullptr);
  EXPECT_NE(message(GST_MESSAGE_WARNING), nullptr);
  EXPECT_EQ(meta_of(push(gray_frame(0, 1))).age, 0U);
}

TEST_F(UniadDetectErrors, AScoreThatIsNoNumberIsToldOnceAndNoVerdict) {
  fake_network().judge = [](const FrameView &frame) {
    Detection detection = FakeNetwork::first_byte(frame);
    if (detection.score > 0.5F) detection.score = std::numeric_limits<float>::quiet_NaN();
    return detection;
  };
  start("threshold=0.25");
  EXPECT_TRUE(meta_of(push(gray_frame(100))).anomalous);
  for (guint i = 1; i < 3; ++i)
    EXPECT_EQ(gst_buffer_get_anomaly_meta(push(gray_frame(255, i)).get()), nullptr);
  EXPECT_TRUE(meta_of(push(gray_frame(100, 3))).anomalous);
  EXPECT_NE(message(GST_MESSAGE_WARNING), nullptr);
  EXPECT_EQ(message(GST_MESSAGE_WARNING), nullptr);
}

TEST_F(UniadDetectErrors, WhatTheDetectorCouldNotGiveIsAWarning) {
  fake_network().warning = "precision=bf16: this processor has none; fp32 is used instead.";
  start("precision=bf16");
  gst_element_set_state(element(), GST_STATE_READY);  // and again, now that the test reads its bus
  gst_element_set_state(element(), GST_STATE_PLAYING);
  EXPECT_EQ(error_text(message(GST_MESSAGE_WARNING), GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS),
            fake_network().warning);
}

// A batch must not wait for the next frame of this element, and its streaming thread must not wait for a
// batch.
TEST_F(UniadDetect, TellsTheDetectorThatNoFrameComesForNow) {
  start();
  EXPECT_EQ(fake_network().pauses, 0);
  flush();
  EXPECT_EQ(fake_network().pauses, 1);
  end_stream();
  EXPECT_EQ(fake_network().pauses, 2);
  gst_element_set_state(element(), GST_STATE_PAUSED);
  EXPECT_EQ(fake_network().pauses, 3);
  gst_element_set_state(element(), GST_STATE_READY);
  EXPECT_EQ(fake_network().pauses, 4);
}

TEST_F(UniadDetect, ANameThatIsNotUtf8IsWhatTheModelHasForIt) {
  start();
  g_object_set(element(), "source", "\xff", nullptr);
  g_autofree gchar *source = nullptr;
  g_object_get(element(), "source", &source, nullptr);
  EXPECT_STREQ(source, "\xef\xbf\xbd");
}

TEST_F(UniadDetect, BatchesAreTheDetectors) {
  start();
  EXPECT_EQ(fake_network().options.batch_size, 8U);
  EXPECT_EQ(fake_network().options.batch_timeout, std::chrono::nanoseconds(0));
  start("batch-size=64 batch-timeout=5000000");
  EXPECT_EQ(fake_network().options.batch_size, 64U);
  EXPECT_EQ(fake_network().options.batch_timeout, std::chrono::milliseconds(5));
  auto *range = G_PARAM_SPEC_UINT(g_object_class_find_property(G_OBJECT_GET_CLASS(element()), "batch-size"));
  EXPECT_EQ(range->minimum, 1U);
  EXPECT_EQ(range->maximum, 1024U);
}

TEST_F(UniadDetect, PropertiesKeepWhatIsSetWithinTheirRanges) {
  start();
  g_object_set(element(), "source", "a", "interval", 7, "threshold", 2.5, nullptr);
  gchar *source = nullptr;
  gchar *device = nullptr;
  guint interval = 0;
  double threshold = 0;
  g_object_get(element(), "source", &source, "device", &device, "interval", &interval, "threshold",
               &threshold, nullptr);
  EXPECT_STREQ(source, "a");
  EXPECT_STREQ(device, "auto");
  EXPECT_EQ(interval, 7U);
  EXPECT_EQ(threshold, 2.5);
  g_free(source);
  g_free(device);
  auto *range = G_PARAM_SPEC_UINT(g_object_class_find_property(G_OBJECT_GET_CLASS(element()), "interval"));
  EXPECT_EQ(range->minimum, 1U);
}

GstClockTime min_latency(GstHarness *harness) {
  const Ref<GstQuery> query(gst_query_new_latency());
  EXPECT_TRUE(gst_pad_peer_query(harness->sinkpad, query.get()));
  GstClockTime min = 0;
  gst_query_parse_latency(query.get(), nullptr, &min, nullptr);
  return min;
}

TEST_F(UniadDetect, TellsThePipelineTheLatencyThatJudgingAdds) {
  constexpr GstClockTime upstream = 10 * GST_MSECOND;
  for (const char *mode : {"mode=async", "mode=sync"}) {
    start(mode);
    gst_harness_set_upstream_latency(harness_.get(), upstream);
    EXPECT_EQ(min_latency(harness_.get()), upstream);
    push(gray_frame(0));
    const bool sync = mode == std::string("mode=sync");
    EXPECT_EQ(min_latency(harness_.get()) > upstream, sync);
    EXPECT_EQ(message(GST_MESSAGE_LATENCY) != nullptr, sync);
  }
}

TEST_F(UniadDetect, LearnsFromTheFirstFramesAndJudgesTheNextByThem) {
  start("learn=5");
  for (guint i = 0; i < 5; ++i) EXPECT_FALSE(marked(push(gray_frame(200, i)))) << i;
  const auto out = push(gray_frame(51, 5));
  EXPECT_NEAR(meta_of(out).score, 0.2, 1e-6);
  EXPECT_EQ(meta_of(out).age, 0U);
  EXPECT_TRUE(meta_of(out).has_threshold);
  EXPECT_EQ(meta_of(out).threshold, 0.5);
  EXPECT_FALSE(meta_of(out).anomalous);
  EXPECT_TRUE(meta_of(push(gray_frame(200, 6))).anomalous);
  const auto seen = posted();
  EXPECT_EQ(seen.events,
            (std::vector<std::string>{"learning 0/5", "learning 1/5", "learning 2/5", "learning 3/5",
                                      "learning 4/5", "done 5/5 0.50", "saved 5/5 0.50", "begin 0.78 6"}));
  EXPECT_EQ(seen.warnings, std::vector<std::string>{});
  EXPECT_EQ(saved(), std::vector<std::string>{any_file});
}

TEST_F(UniadDetect, LearnsForSoMuchTimeOfTheStreamHoweverManyFramesThatIs) {
  start("learn-time=400000000");
  for (guint i = 0; i <= 10; ++i) EXPECT_FALSE(marked(push(gray_frame(51, i)))) << i;  // 40 ms each
  EXPECT_TRUE(marked(push(gray_frame(51, 11))));
  EXPECT_EQ(events().back(), "saved 11/0 0.50");
  EXPECT_EQ(fake_network().learn_options.time, std::chrono::milliseconds(400));
  EXPECT_EQ(fake_network().options.new_on_backbone, "auto");
}

TEST_F(UniadDetect, WithATimeAndANumberOfFramesBothAreReached) {
  start("learn-time=400000000 learn=3");
  for (guint i = 0; i <= 10; ++i) EXPECT_FALSE(marked(push(gray_frame(51, i)))) << i;
  EXPECT_TRUE(marked(push(gray_frame(51, 11))));
  start("learn-time=40000000 learn=5");
  for (guint i = 0; i < 5; ++i) EXPECT_FALSE(marked(push(gray_frame(51, i)))) << i;
  EXPECT_TRUE(marked(push(gray_frame(51, 5))));
}

TEST_F(UniadDetect, TheTimeOfFramesWithoutTimestampsIsThatOfTheFrameRate) {
  start("learn-time=400000000");
  for (guint i = 0; i <= 10; ++i) {
    Ref<GstBuffer> frame = gray_frame(51);
    GST_BUFFER_PTS(frame.get()) = GST_CLOCK_TIME_NONE;
    EXPECT_FALSE(marked(push(std::move(frame)))) << i;
  }
  EXPECT_TRUE(marked(push(gray_frame(51, 11))));
}

TEST_F(UniadDetect, TheSignalLearnForTakesFramesAndTime) {
  start("threshold=0.5");
  g_signal_emit_by_name(element(), "learn-for", 2U, guint64{160'000'000});
  for (guint i = 0; i <= 4; ++i) EXPECT_FALSE(marked(push(gray_frame(51, i)))) << i;
  EXPECT_TRUE(marked(push(gray_frame(51, 5))));
  EXPECT_EQ(fake_network().learn_options.frames, 2);
  EXPECT_EQ(fake_network().learn_options.time, std::chrono::milliseconds(160));
}

TEST_F(UniadDetect, AMessageOfLearningNamesItsSource) {
  start("learn=1 source=cam0");
  push(gray_frame(0));
  for (const char *state : {"learning", "done"}) {
    const auto learning = message(GST_MESSAGE_ELEMENT);
    ASSERT_NE(learning, nullptr);
    const GstStructure *fields = gst_message_get_structure(learning.get());
    EXPECT_TRUE(gst_structure_has_name(fields, "uniad-learn"));
    EXPECT_STREQ(gst_structure_get_string(fields, "state"), state);
    EXPECT_STREQ(gst_structure_get_string(fields, "source"), "cam0");
  }
}

TEST_F(UniadDetect, LearnsSilentlyWhereNoMessagesAreWanted) {
  start("learn=2 post-messages=false");
  for (guint i = 0; i < 2; ++i) EXPECT_FALSE(marked(push(gray_frame(0, i))));
  EXPECT_EQ(meta_of(push(gray_frame(0, 2))).threshold, 0.5);
  EXPECT_EQ(events(), std::vector<std::string>{});
  EXPECT_EQ(saved().size(), 1U);
}

TEST_F(UniadDetect, AModelThatIsNotThereYetIsBegunOnTheBackboneWhereItIsToLearn) {
  const std::string path = testing::TempDir() + "new.safetensors";
  start("model=" + path + " learn=1");
  EXPECT_EQ(fake_network().options.new_on_backbone, "auto");
  EXPECT_FALSE(marked(push(gray_frame(0, 0))));
  EXPECT_TRUE(marked(push(gray_frame(0, 1))));
  EXPECT_EQ(saved(), std::vector<std::string>{path});
  start("model=" + path + " learn=1 backbone=efficientnet-lite2");
  EXPECT_EQ(fake_network().options.new_on_backbone, "efficientnet-lite2");
  start("backbone=efficientnet-lite2");
  EXPECT_EQ(fake_network().options.new_on_backbone, "");
}

TEST_F(UniadDetect, TheSignalLearnBeginsAtTheNextFrameAndEndsAnOpenEvent) {
  start("threshold=0.5");
  push(gray_frame(255, 0));
  g_signal_emit_by_name(element(), "learn", 2U);
  EXPECT_EQ(events(), std::vector<std::string>{"begin 1.00 0"});
  EXPECT_FALSE(marked(push(gray_frame(255, 1))));
  EXPECT_FALSE(marked(push(gray_frame(255, 2))));
  EXPECT_EQ(events(), (std::vector<std::string>{"end 1.00 0", "learning 0/2", "learning 1/2", "done 2/2 0.50",
                                                "saved 2/2 0.50"}));
  EXPECT_EQ(meta_of(push(gray_frame(255, 3))).event_state, GST_ANOMALY_EVENT_BEGIN);
  EXPECT_EQ(saved(), std::vector<std::string>{any_file});
}

TEST_F(UniadDetect, ThePropertyLearnBeginsAtTheNextFrameWhereItIsSetWhilePlaying) {
  start("threshold=0.5");
  EXPECT_TRUE(marked(push(gray_frame(0, 0))));
  g_object_set(element(), "learn", 1, nullptr);
  EXPECT_FALSE(marked(push(gray_frame(0, 1))));
  EXPECT_TRUE(marked(push(gray_frame(0, 2))));
  EXPECT_EQ(events(), (std::vector<std::string>{"learning 0/1", "done 1/1 0.50", "saved 1/1 0.50"}));
}

TEST_F(UniadDetect, LearnsFromEveryNthFrameWhereEveryNthIsJudged) {
  start("learn=3 interval=2");
  for (guint i = 0; i < 4; ++i) EXPECT_FALSE(marked(push(gray_frame(0, i)))) << i;
  EXPECT_EQ(events(), (std::vector<std::string>{"learning 0/3", "learning 1/3", "learning 2/3"}));
  EXPECT_EQ(fake_network().learn_options.frame_rate, 12.5);  // half of 25
  EXPECT_FALSE(marked(push(gray_frame(0, 4))));
  EXPECT_EQ(events(), (std::vector<std::string>{"done 3/3 0.50", "saved 3/3 0.50"}));
  EXPECT_FALSE(marked(push(gray_frame(0, 5))));  // the first frame to be judged has not arrived yet
  EXPECT_EQ(meta_of(push(gray_frame(0, 6))).age, 0U);
}

TEST_F(UniadDetect, LearningThatTheEndOrAStopInterruptsLeavesNoModelAndSaysHowToGoOn) {
  for (const bool stops : {false, true}) {
    SCOPED_TRACE(stops);
    fake_network().interrupted.reset();
    start("learn=5");
    for (guint i = 0; i < 3; ++i) push(gray_frame(0, i));
    posted();
    if (stops)
      gst_element_set_state(element(), GST_STATE_READY);
    else
      end_stream();
    const auto seen = posted();
    EXPECT_EQ(seen.events, std::vector<std::string>{"interrupted 3/5"});
    ASSERT_EQ(seen.warnings.size(), 1U);
    for (const char *words :
         {"not finished", "3 of 5 frames", "no model was written", "/kept/here", "learn=3"})
      EXPECT_NE(seen.warnings[0].find(words), std::string::npos) << words << ": " << seen.warnings[0];
    EXPECT_EQ(saved(), std::vector<std::string>{});
    if (stops) gst_element_set_state(element(), GST_STATE_PLAYING);
  }
}

TEST_F(UniadDetect, InterruptedLearningGoesOnWithTheNextFrameOfTheSameElement) {
  start("learn=5");
  for (guint i = 0; i < 3; ++i) push(gray_frame(0, i));
  end_stream();
  flush();  // a file that starts over
  posted();
  for (guint i = 0; i < 2; ++i) EXPECT_FALSE(marked(push(gray_frame(0, i))));
  EXPECT_EQ(events(),
            (std::vector<std::string>{"learning 3/5", "learning 4/5", "done 5/5 0.50", "saved 5/5 0.50"}));
  EXPECT_TRUE(marked(push(gray_frame(0, 2))));
}

TEST_F(UniadDetect, ARequestThatIsRefusedWhileItLearnsDoesNotKeepItFromGoingOn) {
  start("learn=5");
  for (guint i = 0; i < 2; ++i) push(gray_frame(0, i));
  fake_network().learn_error = "learns already";
  g_signal_emit_by_name(element(), "learn", 5U);
  push(gray_frame(0, 2));
  fake_network().learn_error.clear();
  end_stream();
  flush();
  posted();
  for (guint i = 0; i < 2; ++i) EXPECT_FALSE(marked(push(gray_frame(0, i))));
  EXPECT_EQ(events(),
            (std::vector<std::string>{"learning 3/5", "learning 4/5", "done 5/5 0.50", "saved 5/5 0.50"}));
}

TEST_F(UniadDetect, LearningThatNoFrameCameForSaysSo) {
  start("learn=5");
  push(Ref<GstBuffer>(gst_buffer_new_allocate(nullptr, 10, nullptr)));  // too small for a frame
  posted();
  end_stream();
  const auto seen = posted();
  EXPECT_EQ(seen.events, std::vector<std::string>{"interrupted 0/5"});
  ASSERT_EQ(seen.warnings.size(), 1U);
  EXPECT_NE(seen.warnings[0].find("no frame came"), std::string::npos) << seen.warnings[0];
  EXPECT_EQ(saved(), std::vector<std::string>{});
}

// After a camera failure, the picture may show something that must not be learned as normal.
TEST_F(UniadDetect, AnElementThatStartsAgainDoesNotLearnAgain) {
  start("learn=2");
  for (guint i = 0; i < 2; ++i) push(gray_frame(0, i));
  gst_element_set_state(element(), GST_STATE_READY);
  gst_element_set_state(element(), GST_STATE_PLAYING);
  posted();
  EXPECT_TRUE(marked(push(gray_frame(0, 2))));
  EXPECT_EQ(events(), std::vector<std::string>{});
  g_object_set(element(), "learn", 1, nullptr);  // unless it is asked to learn
  EXPECT_FALSE(marked(push(gray_frame(0, 3))));
}

TEST_F(UniadDetect, ASourceThatTheModelKnowsIsLearnedOnce) {
  fake_network().calibration.sources["gate"] = statistics(0.5);
  start("source=gate learn=2 learn-once=true");
  EXPECT_TRUE(marked(push(gray_frame(0, 0))));
  EXPECT_EQ(events(), std::vector<std::string>{});
  start("source=yard learn=1 learn-once=true");
  EXPECT_FALSE(marked(push(gray_frame(0, 0))));
  start("source=gate learn=1");  // adds to the model
  EXPECT_FALSE(marked(push(gray_frame(0, 0))));
}

TEST_F(UniadDetect, WhatCouldNotBeWrittenIsInForceForTheNextElementWhichDoesNotLearnAgain) {
  fake_network().calibration.sources["gate"] = statistics(0.5);
  fake_network().holds_unsaved = true;
  start("source=gate model=/nowhere/new.safetensors learn=2");
  EXPECT_TRUE(marked(push(gray_frame(0, 0))));
  start("source=gate model=/nowhere/new.safetensors");
  EXPECT_TRUE(marked(push(gray_frame(0, 0))));
}

TEST_F(UniadDetect, OnlyAStreamThatIsNotLiveWaitsForLearning) {
  start("learn=1");
  gst_harness_set_live(harness_.get(), FALSE);
  push(gray_frame(0));
  EXPECT_TRUE(fake_network().learn_options.wait);
  start("learn=1");
  push(gray_frame(0));
  EXPECT_FALSE(fake_network().learn_options.wait);
  start("learn=1 mode=async");
  push(gray_frame(0));
  push_until([](const std::string &event) { return event.starts_with("done"); });
  EXPECT_FALSE(fake_network().learn_options.wait);
}

TEST_F(UniadDetect, AModelThatCannotLearnWarnsOnceAndGoesOnJudging) {
  fake_network().learn_error = "m: has no statistics (train it with --recipe instant)";
  start("learn=5 threshold=0.5");
  for (guint i = 0; i < 3; ++i) EXPECT_EQ(meta_of(push(gray_frame(0, i))).threshold, 0.5);
  const auto seen = posted();
  EXPECT_EQ(seen.warnings, std::vector<std::string>{fake_network().learn_error});
  EXPECT_EQ(seen.events, std::vector<std::string>{});
  EXPECT_EQ(saved(), std::vector<std::string>{});
}

TEST_F(UniadDetect, WhatWasLearnedIsInForceThoughItCannotBeSaved) {
  fake_network().save_error = "no space left";
  start("learn=2");
  for (guint i = 0; i < 2; ++i) push(gray_frame(0, i));
  const auto out = push(gray_frame(255, 2));
  EXPECT_EQ(meta_of(out).threshold, 0.5);
  EXPECT_TRUE(meta_of(out).anomalous);
  const auto seen = posted();
  ASSERT_EQ(seen.warnings.size(), 1U);
  EXPECT_NE(seen.warnings[0].find("no space left"), std::string::npos) << seen.warnings[0];
  EXPECT_EQ(seen.events, (std::vector<std::string>{"learning 0/2", "learning 1/2", "done 2/2 0.50",
                                                   "unsaved 2/2 0.50", "begin 1.00 2"}));
}

TEST_F(UniadDetect, AFlushDoesNotEndLearning) {
  start("learn=5");
  for (guint i = 0; i < 2; ++i) push(gray_frame(0, i));
  flush();
  for (guint i = 0; i < 3; ++i) EXPECT_FALSE(marked(push(gray_frame(0, i))));
  const auto seen = posted();
  EXPECT_EQ(seen.events.back(), "saved 5/5 0.50");
  EXPECT_EQ(seen.warnings, std::vector<std::string>{});
  EXPECT_EQ(saved().size(), 1U);
  EXPECT_TRUE(marked(push(gray_frame(0, 3))));
}

bool done(const std::string &event) {
  return event.starts_with("done");
}

// Whether some frames were learned from, but not necessarily all.
bool learned(const std::string &event) {
  return !event.starts_with("learning 0/");
}

TEST_F(UniadDetect, InAsyncModeLearnsAndThenJudges) {
  fake_network().judge = [this](const FrameView &frame) { return gate_.judge(frame); };
  start("mode=async learn=5");
  const auto seen = push_until(done);
  EXPECT_EQ(seen.front(), "learning 0/5");
  EXPECT_EQ(seen.back(), "done 5/5 0.50");
  const Ref<GstMessage> told(gst_bus_timed_pop_filtered(bus_.get(), 10 * GST_SECOND, GST_MESSAGE_ELEMENT));
  ASSERT_NE(told, nullptr);
  EXPECT_EQ(text_of(told), "saved 5/5 0.50");
  EXPECT_EQ(saved(), std::vector<std::string>{any_file});
  EXPECT_FALSE(marked(push(gray_frame(51))));
  gate_.await_entered(1);
  EXPECT_FALSE(marked(push(gray_frame(51))));
  gate_.open(1);
  gate_.await_entered(2);  // works on the next frame; the result of the first is available
  EXPECT_EQ(meta_of(push(gray_frame(51))).threshold, 0.5);
  gate_.open(100);
}

TEST_F(UniadDetect, InAsyncModeLearningEndsOnceHoweverTheStreamGoesOn) {
  enum class Next { End, Stop, Flush };
  for (int round = 0; round < 10; ++round) {
    for (const auto next : {Next::End, Next::Stop, Next::Flush}) {
      SCOPED_TRACE(static_cast<int>(next));
      fake_network().saved.clear();
      fake_network().interrupted.reset();
      start("mode=async learn=2");
      auto seen = push_until(learned);
      push(gray_frame(51));  // is learned from, waits or is judged, depending on the threads
      if (next == Next::End) end_stream();
      if (next == Next::Stop) gst_element_set_state(element(), GST_STATE_READY);
      if (next == Next::Flush) flush();
      auto more = events();
      seen.insert(seen.end(), more.begin(), more.end());
      if (next == Next::Flush && std::none_of(seen.begin(), seen.end(), done)) {
        more = push_until(done);
        seen.insert(seen.end(), more.begin(), more.end());
      }
      const auto over = [](const std::string &event) {
        return done(event) || event.starts_with("interrupted");
      };
      EXPECT_EQ(std::count_if(seen.begin(), seen.end(), over), 1) << testing::PrintToString(seen);
      if (next == Next::Stop) gst_element_set_state(element(), GST_STATE_PLAYING);
    }
  }
}

TEST_F(UniadDetect, NormalFramesAreFollowedAnomalousOnesAreNot) {
  fake_network().judge = known_if_dark;
  start("threshold=0.25");
  push(gray_frame(0, 0));
  push(gray_frame(51, 1));
  EXPECT_EQ(fake_network().followed, 2);
  push(gray_frame(70, 2));   // 0.27, above the threshold
  push(gray_frame(255, 3));  // an unknown scene
  EXPECT_EQ(fake_network().followed, 2);
}

TEST_F(UniadDetect, AFrameThatIsNotJudgedIsNotFollowed) {
  start("threshold=0.5 interval=2");
  for (guint i = 0; i < 4; ++i) push(gray_frame(0, i));
  EXPECT_EQ(fake_network().followed, 2);
}

TEST_F(UniadDetect, WithoutAThresholdNoFrameIsFollowed) {
  start();
  for (guint i = 0; i < 3; ++i) push(gray_frame(0, i));
  EXPECT_EQ(fake_network().followed, 0);
}

TEST_F(UniadDetect, TellsTheDriftOfFiftyNormalFramesUntilItLearnsAnew) {
  start("threshold=0.5");
  EXPECT_EQ(drift(), 0.0);
  for (guint i = 0; i < 49; ++i) push(gray_frame(0, i));
  EXPECT_EQ(drift(), 0.0);
  push(gray_frame(0, 49));
  EXPECT_DOUBLE_EQ(drift(), 0.5);  // the fake network adds 0.01 per frame
  push(gray_frame(255, 50));
  EXPECT_DOUBLE_EQ(drift(), 0.5);
  g_signal_emit_by_name(element(), "learn", 1U);
  push(gray_frame(0, 51));
  EXPECT_EQ(drift(), 0.0);
}

TEST_F(UniadDetect, TheSignalSaveWritesTheModelAndSaysWhetherItCould) {
  start("threshold=0.5");
  EXPECT_TRUE(save());
  EXPECT_EQ(saved(), std::vector<std::string>{any_file});
  EXPECT_EQ(posted().warnings, std::vector<std::string>{});
  fake_network().save_error = "no space left";
  EXPECT_FALSE(save());
  EXPECT_EQ(posted().warnings, std::vector<std::string>{"no space left"});
  fake_network().save_error.clear();
  gst_element_set_state(element(), GST_STATE_READY);
  EXPECT_FALSE(save());
  EXPECT_EQ(saved().size(), 1U);
  gst_element_set_state(element(), GST_STATE_PLAYING);
  EXPECT_TRUE(save());
}

TEST_F(UniadDetect, TheAdaptRateIsTheDetectors) {
  start();
  EXPECT_EQ(fake_network().options.adapt_rate, 0.0);
  start("adapt-rate=0.005");
  EXPECT_DOUBLE_EQ(fake_network().options.adapt_rate, 0.005);
}

// Frames in GPU memory. Without a driver, the tests can only check that they are offered and refused.

constexpr const char *in_gpu_memory =
    "video/x-raw(memory:CUDAMemory),format=NV12,width=8,height=8,framerate=25/1";

bool accepts(GstElement *element, const char *caps_text) {
  const Ref<GstPad> pad(gst_element_get_static_pad(element, "sink"));
  const Ref<GstCaps> caps(gst_caps_from_string(caps_text));
  const Ref<GstCaps> accepted(gst_pad_query_caps(pad.get(), nullptr));
  return gst_caps_can_intersect(accepted.get(), caps.get()) != FALSE;
}

TEST_F(UniadDetect, WithoutAGpuFramesInItsMemoryAreNotTaken) {
  start();
  EXPECT_FALSE(accepts(element(), in_gpu_memory));
  EXPECT_TRUE(accepts(element(), "video/x-raw,format=NV12,width=8,height=8"));
}

TEST_F(UniadDetect, WhereTheNetworkIsOnAGpuFramesInItsMemoryAreTaken) {
  fake_network().cuda_device = 0;
  start();
  if (!accepts(element(), in_gpu_memory)) GTEST_SKIP() << "built without CUDA";
  EXPECT_TRUE(marked(push(gray_frame(200))));
  gst_harness_set_src_caps_str(harness_.get(), in_gpu_memory);
  EXPECT_EQ(gst_harness_push(harness_.get(), gray_frame(200, 1).release()), GST_FLOW_ERROR);
  const auto failed = message(GST_MESSAGE_ERROR);
  ASSERT_NE(failed, nullptr);
  GError *error = nullptr;
  gst_message_parse_error(failed.get(), &error, nullptr);
  EXPECT_TRUE(g_error_matches(error, GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED));
  EXPECT_NE(std::string(error->message).find("in GPU memory"), std::string::npos) << error->message;
  g_error_free(error);
}

}  // namespace
}  // namespace uniad::test
