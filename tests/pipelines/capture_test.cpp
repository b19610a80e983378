// SPDX-License-Identifier: Apache-2.0
#include "pipelines/uniad-rtsp/capture.h"

#include <gst/rtp/gstrtpbuffer.h>

#include <memory>
#include <utility>

#include "tests/support/gst_test.h"

namespace uniad::rtsp {
namespace {

using test::Harness;

class CaptureTest : public test::GstTest {};

GstBuffer *packet(guint16 number) {
  GstBuffer *buffer = gst_rtp_buffer_new_allocate(100, 0, 0);
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
  gst_rtp_buffer_map(buffer, GST_MAP_WRITE, &rtp);
  gst_rtp_buffer_set_payload_type(&rtp, 96);
  gst_rtp_buffer_set_seq(&rtp, number);
  gst_rtp_buffer_set_timestamp(&rtp, 3600U * number);
  gst_rtp_buffer_unmap(&rtp);
  GST_BUFFER_DTS(buffer) = 0;
  return buffer;
}

// A recorded stream says when it will end. On a busy machine all of its packets have come before the second
// is passed on.
TEST_F(CaptureTest, TheEndOfARecordedStreamArrivesOnABusyMachine) {
  const Harness harness(gst_harness_new("rtpjitterbuffer"));
  hide_end_time_from(harness->element);
  gst_harness_set_src_caps_str(
      harness.get(),
      "application/x-rtp,media=video,clock-rate=90000,encoding-name=H264,payload=96,"
      "seqnum-base=(uint)0,clock-base=(uint)0,npt-start=(guint64)0,npt-stop=(guint64)2000000000");
  const Ref<GstPad> pad(gst_element_get_static_pad(harness->element, "src"));
  const gulong busy = gst_pad_add_probe(
      pad.get(), static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BLOCK | GST_PAD_PROBE_TYPE_BUFFER),
      [](GstPad *, GstPadProbeInfo *, gpointer) { return GST_PAD_PROBE_OK; }, nullptr, nullptr);
  gst_harness_push(harness.get(), packet(0));
  while (gst_pad_is_blocking(pad.get()) == FALSE) g_usleep(1000);
  for (guint16 i = 1; i < 10; ++i) gst_harness_push(harness.get(), packet(i));
  gst_harness_push_event(harness.get(), gst_event_new_eos());
  gst_pad_remove_probe(pad.get(), busy);
  for (int i = 0; i < 10; ++i) EXPECT_NE(Ref<GstBuffer>(gst_harness_pull(harness.get())), nullptr);
  GstEventType type = GST_EVENT_UNKNOWN;
  while (type != GST_EVENT_EOS) {
    GstEvent *event = gst_harness_pull_event(harness.get());
    if (event == nullptr) {
      ADD_FAILURE() << "no end of the stream";
      std::_Exit(EXIT_FAILURE);  // neither does the jitter buffer stop
    }
    type = GST_EVENT_TYPE(event);
    gst_event_unref(event);
  }
}

// As the thread of a source that waits for what its stream lacks does: it holds the lock of the pad it is in.
TEST_F(CaptureTest, ASourceThatWaitsInsideDoesNotKeepItsPipelineFromStopping) {
  const auto abandoned = std::make_shared<AbandonedPipelines>([] {});
  Pipeline pipeline = parse_pipeline("fakesrc ! queue name=newest ! appsink name=frames");
  const Ref<GstElement> queue(gst_bin_get_by_name(GST_BIN(pipeline.get()), "newest"));
  const Ref<GstPad> pad(gst_element_get_static_pad(queue.get(), "sink"));
  const gulong wait = gst_pad_add_probe(
      pad.get(), static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BLOCK | GST_PAD_PROBE_TYPE_BUFFER),
      [](GstPad *, GstPadProbeInfo *, gpointer) { return GST_PAD_PROBE_OK; }, nullptr, nullptr);
  {
    const RunningPipeline running(std::move(pipeline), "camera", abandoned);
    while (gst_pad_is_blocking(pad.get()) == FALSE) g_usleep(1000);
  }
  EXPECT_EQ(abandoned->count(), 0U);
  gst_pad_remove_probe(pad.get(), wait);
}

}  // namespace
}  // namespace uniad::rtsp
