// SPDX-License-Identifier: Apache-2.0
#include "training/extract/packet_reader.h"

#include <atomic>
#include <string>

#include "model/base/error.h"
#include "training/base/interrupt.h"
#include "training/data/cut_short.h"

namespace uniad {
namespace {

constexpr GstClockTime time_to_wait = 100 * GST_MSECOND;

Error unreadable(const std::filesystem::path &video, const std::string &reason) {
  if (const std::uint64_t missing = missing_bytes(video); missing > 0)
    return {ErrorKind::Malformed, video.string(),
            "is cut short: " + std::to_string(missing) + " bytes or more are missing at its end",
            "copy it again; a file that is still being recorded is complete later"};
  return {ErrorKind::Malformed, video.string(), reason, "use a recording of uniadrecord, or a copy of it"};
}

}  // namespace

struct PacketReader::State {
  std::atomic<GstAppSink *> sink = nullptr;  // of the first video stream; the pipeline owns it

  using Shared = std::shared_ptr<State>;

  // "video/x-h264", for example; empty: not known
  static std::string format_of(GstPad *pad) {
    Ref<GstCaps> caps(gst_pad_get_current_caps(pad));
    if (!caps) caps.reset(gst_pad_query_caps(pad, nullptr));
    if (gst_caps_is_any(caps.get()) || gst_caps_is_empty(caps.get())) return {};
    return gst_structure_get_name(gst_caps_get_structure(caps.get(), 0));
  }

  // Transport streams deliver NAL units one by one; another parser puts them together.
  static const char *sink_for(const std::string &format) {
    if (format == "video/x-h264") return "h264parse ! video/x-h264,alignment=au ! appsink name=sink";
    if (format == "video/x-h265") return "h265parse ! video/x-h265,alignment=au ! appsink name=sink";
    return "appsink name=sink";
  }

  static void take(GstElement *parsebin, GstPad *pad, gpointer shared) {
    State &state = **static_cast<Shared *>(shared);
    const std::string format = format_of(pad);
    const bool is_wanted =
        state.sink == nullptr && (format.starts_with("video/") || format.starts_with("image/"));
    GstElement *const bin =
        gst_parse_bin_from_description(is_wanted ? sink_for(format) : "fakesink name=sink", TRUE, nullptr);
    if (bin == nullptr) return;
    const Ref<GstElement> sink(gst_bin_get_by_name(GST_BIN(bin), "sink"));
    g_object_set(sink.get(), "sync", FALSE, "async", FALSE, nullptr);
    if (is_wanted) g_object_set(sink.get(), "max-buffers", 16, nullptr);
    const Ref<GstObject> pipeline(gst_object_get_parent(GST_OBJECT(parsebin)));
    gst_bin_add(GST_BIN(pipeline.get()), bin);
    const Ref<GstPad> sink_pad(gst_element_get_static_pad(bin, "sink"));
    gst_pad_link(pad, sink_pad.get());
    gst_element_sync_state_with_parent(bin);
    if (is_wanted) state.sink = GST_APP_SINK(sink.get());
  }
};

PacketReader::PacketReader(const std::filesystem::path &video)
    : video_(video),
      state_(std::make_shared<State>()),
      pipeline_("filesrc name=source ! parsebin name=parsebin", "install gstreamer1.0-plugins-base"),
      bus_(pipeline_.bus()) {
  g_object_set(pipeline_.find("source").get(), "location", video.c_str(), nullptr);
  g_signal_connect_data(
      pipeline_.find("parsebin").get(), "pad-added", G_CALLBACK(State::take), new State::Shared(state_),
      [](gpointer shared, GClosure *) { delete static_cast<State::Shared *>(shared); }, GConnectFlags{});
  pipeline_.play();
}

void PacketReader::check_bus() {
  while (const Ref<GstMessage> message{
      gst_bus_pop_filtered(bus_.get(), static_cast<GstMessageType>(GST_MESSAGE_ERROR | GST_MESSAGE_EOS))}) {
    has_ended_ = true;
    if (GST_MESSAGE_TYPE(message.get()) != GST_MESSAGE_ERROR || !error_.empty()) continue;
    GError *raw_error = nullptr;
    gst_message_parse_error(message.get(), &raw_error, nullptr);
    error_ = Ref<GError>(raw_error)->message;
  }
}

Ref<GstSample> PacketReader::next() {
  while (true) {
    if (interrupted())
      throw Error(ErrorKind::Interrupted, video_.string(), "interrupted while reading it",
                  "run the command again");
    GstAppSink *const sink = state_->sink;
    if (sink == nullptr)
      g_usleep(time_to_wait / GST_USECOND / 10);
    else if (GstSample *sample = gst_app_sink_try_pull_sample(sink, time_to_wait))
      return Ref<GstSample>(sample);
    else if (has_ended_ || gst_app_sink_is_eos(sink) != FALSE)
      break;
    check_bus();
    if (has_ended_ && state_->sink == nullptr) break;
  }
  check_bus();
  if (!error_.empty()) throw unreadable(video_, error_);
  if (state_->sink == nullptr) throw unreadable(video_, "it has no video stream");
  if (missing_bytes(video_) > 0) throw unreadable(video_, "");
  return nullptr;
}

}  // namespace uniad
