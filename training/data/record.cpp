// SPDX-License-Identifier: Apache-2.0
#include "training/data/record.h"

#include <gst/gst.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <memory>
#include <optional>
#include <thread>

#include "model/base/address.h"
#include "model/base/error.h"
#include "training/base/interrupt.h"
#include "training/data/gstreamer.h"
#include "training/data/pipeline.h"

namespace uniad {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto patience = std::chrono::seconds(10);

// Records one stream to a file.
class Recording {
 public:
  Recording(const std::string &uri, std::filesystem::path file)
      : uri_(uri), name_(without_credentials(uri)), file_(std::move(file)) {
    GError *raw_error = nullptr;
    pipeline_.reset(
        gst_parse_launch("urisourcebin name=source  matroskamux name=mux ! filesink name=sink", &raw_error));
    if (const Ref<GError> error(raw_error); error)
      throw Error(ErrorKind::Unreadable, "GStreamer", error->message,
                  "install gstreamer1.0-plugins-base and -good");
    g_object_set(pipeline_.get(), "message-forward", TRUE, nullptr);
    g_object_set(find("source").get(), "uri", with_encoded_credentials(uri_).c_str(), nullptr);
    g_object_set(find("sink").get(), "location", file_.c_str(), nullptr);
    g_signal_connect(find("source").get(), "pad-added",
                     G_CALLBACK(+[](GstElement *, GstPad *pad, gpointer self) {
                       static_cast<Recording *>(self)->parse(pad);
                     }),
                     this);
  }
  Recording(const Recording &) = delete;
  Recording &operator=(const Recording &) = delete;

  // The pipeline's threads use the recording, so it must not be destroyed if the pipeline does not stop.
  struct Retire {
    void operator()(Recording *recording) const {
      if (stop(Ref<GstElement>(GST_ELEMENT(gst_object_ref(recording->pipeline_.get()))))) delete recording;
    }
  };

  void begin() {
    if (gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) check_bus();
  }

  // Checks the recording; must be called repeatedly. Returns whether the file is complete. Throws Error.
  bool poll(double seconds, std::uintmax_t most_bytes) {
    check_bus();
    if (whole_ && buffers_ == 0)
      throw Error(ErrorKind::Unreadable, name_, "ended without any video", "check the address");
    if (whole_) return true;
    const auto now = Clock::now();
    if (const std::int64_t count = buffers_; count > seen_) {
      seen_ = count;
      heard_ = now;
      if (!begun_ && key_frame_) begun_ = now;
    }
    if (now - heard_ > patience)
      throw Error(ErrorKind::Unreadable, name_, seen_ > 0 ? "its video has stopped" : "it sends no video",
                  "check the camera, the address and the password");
    std::error_code error;
    const std::uintmax_t bytes = std::filesystem::file_size(file_, error);
    if (!error && bytes > most_bytes)
      throw Error(ErrorKind::Malformed, name_,
                  "its recording exceeds " + std::to_string(most_bytes >> 20U) + " MiB",
                  "record for a shorter time");
    if (!ending_ && begun_ && now - *begun_ >= std::chrono::duration<double>(seconds)) finish();
    return false;
  }

 private:
  Ref<GstElement> find(const char *name) {
    return Ref<GstElement>(gst_bin_get_by_name(GST_BIN(pipeline_.get()), name));
  }

  Ref<GstElement> insert(GstElement *floating) {
    Ref<GstElement> element(GST_ELEMENT(gst_object_ref_sink(floating)));
    gst_bin_add(GST_BIN(pipeline_.get()), element.get());  // takes a reference of its own
    gst_element_sync_state_with_parent(element.get());
    return element;
  }

  // Sound and video may have separate pads.
  void parse(GstPad *pad) {
    const Ref<GstElement> parser = insert(gst_element_factory_make("parsebin", nullptr));
    g_signal_connect(parser.get(), "pad-added", G_CALLBACK(+[](GstElement *, GstPad *parsed, gpointer self) {
                       static_cast<Recording *>(self)->keep(parsed);
                     }),
                     this);
    const Ref<GstPad> sink(gst_element_get_static_pad(parser.get(), "sink"));
    gst_pad_link(pad, sink.get());
  }

  // Writes the first video stream to the file. All other streams go to a fakesink, because an unlinked pad
  // would cause an error.
  void keep(GstPad *pad) {
    const Ref<GstCaps> caps(gst_pad_query_caps(pad, nullptr));
    const std::string media = gst_caps_is_empty(caps.get()) || gst_caps_is_any(caps.get())
                                  ? ""
                                  : gst_structure_get_name(gst_caps_get_structure(caps.get(), 0));
    if ((!media.starts_with("video/") && media != "image/jpeg") || mux_pad_) {
      const Ref<GstElement> nowhere = insert(gst_element_factory_make("fakesink", nullptr));
      g_object_set(nowhere.get(), "async", FALSE, "sync", FALSE, nullptr);
      const Ref<GstPad> sink(gst_element_get_static_pad(nowhere.get(), "sink"));
      gst_pad_link(pad, sink.get());
      return;
    }
    // A second parser converts the stream to the format that Matroska requires.
    const std::string to_matroska = media == "video/x-raw"    ? "videoconvert ! avenc_ffv1"
                                    : media == "video/x-h264" ? "h264parse"
                                    : media == "video/x-h265" ? "h265parse"
                                                              : "identity";
    GError *raw_error = nullptr;
    GstElement *const bin = gst_parse_bin_from_description(to_matroska.c_str(), TRUE, &raw_error);
    const Ref<GError> error(raw_error);
    if (bin == nullptr || error) {
      GST_ELEMENT_ERROR(pipeline_.get(), CORE, MISSING_PLUGIN, ("no %s is available", to_matroska.c_str()),
                        (nullptr));
      return;
    }
    const Ref<GstElement> made = insert(bin);
    const Ref<GstPad> sink(gst_element_get_static_pad(made.get(), "sink"));
    const Ref<GstPad> source(gst_element_get_static_pad(made.get(), "src"));
    mux_pad_.reset(gst_element_request_pad_simple(find("mux").get(), "video_%u"));
    gst_pad_add_probe(
        mux_pad_.get(), GST_PAD_PROBE_TYPE_BUFFER,
        [](GstPad *, GstPadProbeInfo *info, gpointer self) {
          auto *const recording = static_cast<Recording *>(self);
          ++recording->buffers_;
          return recording->keeps(GST_PAD_PROBE_INFO_BUFFER(info)) ? GST_PAD_PROBE_OK : GST_PAD_PROBE_DROP;
        },
        this, nullptr);
    if (gst_pad_link(source.get(), mux_pad_.get()) != GST_PAD_LINK_OK ||
        gst_pad_link(pad, sink.get()) != GST_PAD_LINK_OK)
      GST_ELEMENT_ERROR(pipeline_.get(), STREAM, FORMAT, ("Matroska does not support %s", media.c_str()),
                        (nullptr));
  }

  // Drops everything before the first key frame, because it cannot be decoded. Streams with gradual refresh
  // have no key frames, so the wait for one is limited.
  bool keeps(GstBuffer *buffer) {
    constexpr std::int64_t longest_group = 500;  // frames from one key frame to the next
    if (GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT) && !key_frame_ &&
        buffers_ <= longest_group)
      return false;
    key_frame_ = true;
    return !ending_;
  }

  void finish() {
    ending_ = true;
    gst_pad_send_event(mux_pad_.get(), gst_event_new_eos());
  }

  // Returns whether this is the end-of-stream message of the file sink, which the pipeline forwards because
  // other sinks continue.
  bool is_end_of_file(GstMessage *message) {
    const GstStructure *const forwarded = gst_message_get_structure(message);
    if (!gst_structure_has_name(forwarded, "GstBinForwarded")) return false;
    GstMessage *inner = nullptr;
    gst_structure_get(forwarded, "message", GST_TYPE_MESSAGE, &inner, nullptr);
    const Ref<GstMessage> owned(inner);
    return GST_MESSAGE_TYPE(inner) == GST_MESSAGE_EOS &&
           GST_MESSAGE_SRC(inner) == GST_OBJECT(find("sink").get());
  }

  void check_bus() {
    const Ref<GstBus> bus(gst_element_get_bus(pipeline_.get()));
    constexpr auto types =
        static_cast<GstMessageType>(GST_MESSAGE_ERROR | GST_MESSAGE_EOS | GST_MESSAGE_ELEMENT);
    while (const Ref<GstMessage> message{gst_bus_pop_filtered(bus.get(), types)}) {
      if (GST_MESSAGE_TYPE(message.get()) != GST_MESSAGE_ERROR) {
        whole_ =
            whole_ || GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS || is_end_of_file(message.get());
        continue;
      }
      GError *raw_error = nullptr;
      gst_message_parse_error(message.get(), &raw_error, nullptr);
      throw Error(ErrorKind::Malformed, name_, redacted(Ref<GError>(raw_error)->message, uri_),
                  "check the camera, the address and the password");
    }
  }

  std::string uri_;   // with the password
  std::string name_;  // without the password
  std::filesystem::path file_;
  Ref<GstElement> pipeline_;
  Ref<GstPad> mux_pad_;
  std::atomic<std::int64_t> buffers_ = 0;
  std::atomic<bool> ending_ = false;
  std::atomic<bool> key_frame_ = false;  // a key frame has arrived, or is no longer expected
  std::int64_t seen_ = 0;
  Clock::time_point heard_ = Clock::now();
  std::optional<Clock::time_point> begun_;
  bool whole_ = false;
};

}  // namespace

bool is_live(const std::string &path) {
  const std::string scheme = scheme_of(path);
  return !scheme.empty() && scheme != "file";
}

std::string name_of_stream(const std::string &uri) {
  std::string path = without_credentials(uri);
  path = path.substr(0, path.find_first_of("?#"));
  while (path.ends_with('/')) path.pop_back();
  return path.substr(path.rfind('/') + 1);
}

std::vector<std::filesystem::path> record(std::span<const std::string> uris, double seconds,
                                          const std::filesystem::path &folder, Progress &progress,
                                          std::uintmax_t most_bytes) {
  require_gstreamer();
  std::vector<std::filesystem::path> files;
  std::vector<std::unique_ptr<Recording, Recording::Retire>> recordings;
  for (const std::string &uri : uris) {
    files.push_back(folder / (std::to_string(files.size()) + ".mkv"));
    recordings.emplace_back(new Recording(uri, files.back()));
    recordings.back()->begin();
  }
  progress.begin("recording", std::lround(std::ceil(seconds)));
  const auto begun = Clock::now();
  for (bool all = false; !all;) {
    if (interrupted())
      throw Error(ErrorKind::Interrupted, "train", "interrupted while recording",
                  "nothing has been learned yet; run the command again");
    all = true;
    for (const auto &recording : recordings) all = recording->poll(seconds, most_bytes) && all;
    const std::chrono::duration<double> passed = Clock::now() - begun;
    progress.update(std::lround(std::min(passed.count(), seconds)));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  progress.end();
  return files;
}

}  // namespace uniad
