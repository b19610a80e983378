// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/record/uniadrecord.h"

#include <filesystem>
#include <string>
#include <vector>

#include "gst-plugin/events/event.h"
#include "tests/support/encoded_stream.h"
#include "tests/support/gst_test.h"
#include "tests/support/stuck_disk.h"

namespace uniad::test {
namespace {

class UniadRecord : public GstTest {
 protected:
  static void SetUpTestSuite() {
    GstTest::SetUpTestSuite();
    GST_ELEMENT_REGISTER(uniadrecord, nullptr);
  }

  UniadRecord() {
    std::string pattern = (std::filesystem::temp_directory_path() / "uniad-record-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~UniadRecord() override { std::filesystem::remove_all(folder_); }

  void SetUp() override {
    for (const char *name : {"x264enc", "h264parse", "mp4mux"}) {
      GstElementFactory *factory = gst_element_factory_find(name);
      if (factory == nullptr) GTEST_SKIP() << "needs " << name;
      gst_object_unref(factory);
    }
  }

  std::filesystem::path folder_;
};

// Sends an event of the detector downstream before the buffer with this number.
struct Injection {
  guint before;
  GstAnomalyEventState state;
};

struct Injector {
  std::vector<Injection> injections;
  guint buffers = 0;
};

GstPadProbeReturn inject(GstPad *pad, GstPadProbeInfo * /*info*/, gpointer data) {
  auto &injector = *static_cast<Injector *>(data);
  for (const Injection &injection : injector.injections) {
    if (injection.before != injector.buffers) continue;
    Event event;
    event.id = "event-1";
    event.source = "gate";
    event.state = injection.state;
    GstPad *peer = gst_pad_get_peer(pad);
    gst_pad_send_event(peer, gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM, event_structure(event)));
    gst_object_unref(peer);
  }
  ++injector.buffers;
  return GST_PAD_PROBE_OK;
}

// The fields of each message uniad-clip until the end of the stream.
std::vector<std::pair<std::string, guint64>> clips_until_end(GstElement *pipeline) {
  std::vector<std::pair<std::string, guint64>> clips;
  GstBus *bus = GST_ELEMENT_BUS(pipeline);
  while (const Ref<GstMessage> message{gst_bus_pop_filtered(bus, GST_MESSAGE_ELEMENT)}) {
    const GstStructure *structure = gst_message_get_structure(message.get());
    if (!gst_structure_has_name(structure, "uniad-clip")) continue;
    guint64 frames = 0;
    gst_structure_get_uint64(structure, "frames", &frames);
    clips.emplace_back(gst_structure_get_string(structure, "state"), frames);
  }
  return clips;
}

// Events go through the encoder with the frames that they belong to.
TEST_F(UniadRecord, RecordsBehindAnEncoder) {
  Injector injector{{{60, GST_ANOMALY_EVENT_BEGIN}, {70, GST_ANOMALY_EVENT_END}}};
  const std::string launch =
      "videotestsrc num-buffers=150 ! video/x-raw,width=64,height=64,framerate=25/1 ! identity name=detect ! "
      "x264enc key-int-max=25 bframes=2 tune=0 ! h264parse ! uniadrecord pre-roll=1000000000 "
      "post-roll=1000000000 "
      "location=" +
      (folder_ / "clips").string() + " ! fakesink";
  const Ref<GstElement> pipeline(GST_ELEMENT(gst_object_ref_sink(gst_parse_launch(launch.c_str(), nullptr))));
  const Ref<GstElement> detect(gst_bin_get_by_name(GST_BIN(pipeline.get()), "detect"));
  const Ref<GstPad> pad(gst_element_get_static_pad(detect.get(), "src"));
  gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BUFFER, inject, &injector, nullptr);
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  GstBus *bus = GST_ELEMENT_BUS(pipeline.get());
  // Copies what comes before the end, because popping the end would drop it.
  std::vector<std::pair<std::string, guint64>> clips;
  bool has_ended = false;
  while (!has_ended) {
    const Ref<GstMessage> message(gst_bus_timed_pop(bus, GST_CLOCK_TIME_NONE));
    ASSERT_NE(GST_MESSAGE_TYPE(message.get()), GST_MESSAGE_ERROR);
    ASSERT_NE(GST_MESSAGE_TYPE(message.get()), GST_MESSAGE_WARNING);
    has_ended = GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS;
    if (GST_MESSAGE_TYPE(message.get()) != GST_MESSAGE_ELEMENT) continue;
    const GstStructure *structure = gst_message_get_structure(message.get());
    guint64 frames = 0;
    gst_structure_get_uint64(structure, "frames", &frames);
    clips.emplace_back(gst_structure_get_string(structure, "state"), frames);
  }
  gst_element_set_state(pipeline.get(), GST_STATE_READY);
  for (auto &clip : clips_until_end(pipeline.get())) clips.push_back(clip);
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  ASSERT_EQ(clips.size(), 2U);
  EXPECT_EQ(clips[0].first, "begin");
  EXPECT_EQ(clips[1].first, "end");
  // From the key frame 25, which is a second older than frame 60, until a second after frame 70, give or take
  // the frames by which the encoder reorders.
  EXPECT_NEAR(static_cast<double>(clips[1].second), 70, 4);
  std::size_t files = 0;
  for (const auto &entry : std::filesystem::directory_iterator(folder_ / "clips"))
    files += entry.path().extension() == ".mp4" && entry.file_size() > 1000 ? 1 : 0;
  EXPECT_EQ(files, 1U);
}

TEST_F(UniadRecord, StopsDuringAClip) {
  Injector injector{{{60, GST_ANOMALY_EVENT_BEGIN}}};
  const std::string launch =
      "videotestsrc ! video/x-raw,width=64,height=64,framerate=25/1 ! x264enc key-int-max=25 ! h264parse ! "
      "identity name=detect ! uniadrecord location=" +
      folder_.string() + " ! fakesink";
  const Ref<GstElement> pipeline(GST_ELEMENT(gst_object_ref_sink(gst_parse_launch(launch.c_str(), nullptr))));
  const Ref<GstElement> detect(gst_bin_get_by_name(GST_BIN(pipeline.get()), "detect"));
  const Ref<GstPad> pad(gst_element_get_static_pad(detect.get(), "src"));
  gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BUFFER, inject, &injector, nullptr);
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  const Ref<GstMessage> opened(
      gst_bus_timed_pop_filtered(GST_ELEMENT_BUS(pipeline.get()), GST_CLOCK_TIME_NONE, GST_MESSAGE_ELEMENT));
  gst_element_set_state(pipeline.get(), GST_STATE_READY);
  const auto clips = clips_until_end(pipeline.get());
  ASSERT_EQ(clips.size(), 1U);
  EXPECT_EQ(clips[0].first, "end");
  EXPECT_GT(clips[0].second, 50U);
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
}

// If the stream waited for the disk, this test would never end.
TEST_F(UniadRecord, TheStreamGoesOnWhileTheDiskDoesNotAnswer) {
  const EncodedStream stream(
      "videotestsrc num-buffers=50 ! video/x-raw,width=64,height=64,framerate=25/1 ! x264enc key-int-max=25 "
      "bframes=0 ! h264parse");
  const std::string launch =
      "uniadrecord continuous=true embed-results=true segment-time=1000000000 "
      "queue-size=10000 location=" +
      folder_.string();
  const Harness harness(gst_harness_new_parse(launch.c_str()));
  gst_harness_set_src_caps(harness.get(), gst_caps_ref(stream.caps()));
  const auto pass = [&](guint first, guint end) {
    for (guint number = first; number < end; ++number) {
      ASSERT_EQ(gst_harness_push(harness.get(), stream.frame(number)), GST_FLOW_OK);
      gst_buffer_unref(gst_harness_pull(harness.get()));
    }
  };
  {
    const StuckDisk disk;
    pass(0, 100);
    StuckDisk::await_writer();
    Event event;
    event.id = "event-1";
    event.state = GST_ANOMALY_EVENT_BEGIN;
    gst_harness_push_event(harness.get(),
                           gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM, event_structure(event)));
    pass(100, 2000);
    gst_harness_push_event(harness.get(), gst_event_new_eos());
  }
  const Ref<GstElement> record(gst_harness_find_element(harness.get(), "uniadrecord"));
  gst_element_set_state(record.get(), GST_STATE_READY);
  guint64 lost = 0;
  g_object_get(record.get(), "lost", &lost, nullptr);
  EXPECT_GT(lost, 0U);  // what did not fit into the queue
}

}  // namespace
}  // namespace uniad::test
