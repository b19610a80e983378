// SPDX-License-Identifier: Apache-2.0
#include "training/data/damage.h"

#include <gst/gst.h>

#include <mutex>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "gst-plugin/embed/nal_format.h"
#include "training/data/nal_units.h"
#include "training/data/picture.h"

namespace uniad {
namespace {

constexpr const char *libav = "libav";  // the log of FFmpeg's decoders
constexpr const char *transport_stream = "tsdemux";
constexpr const char *video_decoder = "videodecoder";  // log of all decoders that use GStreamer's base class

bool is_picture_decoder(GstElement *element) {
  GstElementFactory *const factory = gst_element_get_factory(element);
  return factory != nullptr &&
         gst_element_factory_list_is_type(factory, GST_ELEMENT_FACTORY_TYPE_DECODER |
                                                       GST_ELEMENT_FACTORY_TYPE_MEDIA_VIDEO |
                                                       GST_ELEMENT_FACTORY_TYPE_MEDIA_IMAGE) != FALSE;
}

// Since GStreamer 1.24, FFmpeg's H.265 decoder loses many frames after a damaged one if it decodes several at
// the same time.
void decode_one_by_one(GstElement *decoder) {
  if (std::string_view(GST_OBJECT_NAME(gst_element_get_factory(decoder))) == "avdec_h265")
    gst_util_set_object_arg(G_OBJECT(decoder), "thread-type", "slice");
}

void raise_threshold(const char *name, GstDebugLevel level) {
  GstDebugCategory *const category = _gst_debug_get_category(name);
  if (category != nullptr && gst_debug_category_get_threshold(category) < level)
    gst_debug_category_set_threshold(category, level);
}

bool is_complaint(GstDebugCategory *category, GstDebugLevel level, const char *function) {
  const std::string_view name = gst_debug_category_get_name(category);
  if (name == libav) return level == GST_LEVEL_ERROR;
  return name == video_decoder && level == GST_LEVEL_WARNING &&
         std::string_view(function).find("video_decoder_error") != std::string_view::npos;
}

// JPEG decoders based on libjpeg have no log. The end marker is appended because cameras omit it.
std::string warning_of(GstBuffer *jpeg) {
  std::vector<std::uint8_t> bytes(gst_buffer_get_size(jpeg));
  gst_buffer_extract(jpeg, 0, bytes.data(), bytes.size());
  bytes.insert(bytes.end(), {0xFF, 0xD9});
  return warning_of_jpeg(bytes);
}

// Decoders usually report zeros in a packet, but may also decode them to a picture.
bool has_zeros(GstBuffer *packet, std::size_t length_size) {
  GstMapInfo map;
  if (!gst_buffer_map(packet, &map, GST_MAP_READ)) return false;
  const bool zeros = has_zeros_inside_nal_unit({map.data, map.size}, length_size);
  gst_buffer_unmap(packet, &map);
  return zeros;
}

bool is_loss(GstDebugCategory *category, GstDebugMessage *message) {
  return std::string_view(gst_debug_category_get_name(category)) == transport_stream &&
         std::string_view(gst_debug_message_get(message)).find("CONTINUITY: Mismatch") !=
             std::string_view::npos;
}

}  // namespace

// Shared with the decoder's threads, because a pipeline that does not stop keeps calling it.
struct DamageWatch::State {
  std::mutex mutex;  // guards the following members
  bool suspect = false;
  std::optional<GstClockTime> clean_from;  // time of the next key frame after the damage
  std::string complaint;
  bool lost = false;                       // data was lost before the demuxer's next packet
  std::optional<GstClockTime> lost_until;  // time of that packet, which has not reached the decoder yet

  void lose() {
    const std::lock_guard lock(mutex);
    lost = true;
  }

  void leave_demuxer(GstBuffer *packet) {
    const std::lock_guard lock(mutex);
    if (std::exchange(lost, false) && !lost_until) lost_until = GST_BUFFER_DTS_OR_PTS(packet);
  }

  void complain(std::string_view text) {
    const std::lock_guard lock(mutex);
    complain_locked(text);
  }

  void complain_locked(std::string_view text) {
    suspect = true;
    clean_from.reset();
    const auto end = text.find_last_not_of(".\n ");
    complaint = text.substr(0, end == std::string_view::npos ? 0 : end + 1);
  }

  void enter(GstBuffer *encoded, const GstStructure *format) {
    if (format != nullptr && gst_structure_has_name(format, "image/jpeg"))
      if (const std::string warning = warning_of(encoded); !warning.empty()) return complain(warning);
    const auto nal_format = format != nullptr ? nal_format_of(format) : std::nullopt;
    if (nal_format && nal_format->length_size > 0 && has_zeros(encoded, nal_format->length_size))
      return complain("a packet contains a run of zeros");
    const std::lock_guard lock(mutex);
    if (lost_until &&
        (!GST_CLOCK_TIME_IS_VALID(*lost_until) || GST_BUFFER_DTS_OR_PTS(encoded) >= *lost_until)) {
      complain_locked("a part of the stream is missing");
      lost_until.reset();
    }
    if (suspect && !clean_from && !GST_BUFFER_FLAG_IS_SET(encoded, GST_BUFFER_FLAG_DELTA_UNIT))
      clean_from = GST_BUFFER_PTS_IS_VALID(encoded) ? GST_BUFFER_PTS(encoded) : GST_BUFFER_DTS(encoded);
  }

  bool is_damaged(GstBuffer *picture) {
    const std::lock_guard lock(mutex);
    if (clean_from && GST_CLOCK_TIME_IS_VALID(*clean_from) && GST_BUFFER_PTS_IS_VALID(picture) &&
        GST_BUFFER_PTS(picture) >= *clean_from) {
      suspect = false;
      clean_from.reset();
    }
    return suspect;
  }

  using Shared = std::shared_ptr<State>;

  static void forget(gpointer shared) { delete static_cast<Shared *>(shared); }

  static void hear(GstDebugCategory *category, GstDebugLevel level, const gchar *, const gchar *function,
                   gint, GObject *, GstDebugMessage *message, gpointer shared) {
    State &state = **static_cast<Shared *>(shared);
    if (is_complaint(category, level, function != nullptr ? function : ""))
      state.complain(gst_debug_message_get(message));
    else if (is_loss(category, message))
      state.lose();
  }

  static GstPadProbeReturn watch_input(GstPad *pad, GstPadProbeInfo *info, gpointer shared) {
    const Ref<GstCaps> caps(gst_pad_get_current_caps(pad));
    const GstStructure *const format = caps ? gst_caps_get_structure(caps.get(), 0) : nullptr;
    (*static_cast<Shared *>(shared))->enter(GST_PAD_PROBE_INFO_BUFFER(info), format);
    return GST_PAD_PROBE_OK;
  }

  static GstPadProbeReturn mark_output(GstPad *, GstPadProbeInfo *info, gpointer shared) {
    GstBuffer *picture = GST_PAD_PROBE_INFO_BUFFER(info);
    if (!(*static_cast<Shared *>(shared))->is_damaged(picture)) return GST_PAD_PROBE_OK;
    picture = gst_buffer_make_writable(picture);
    GST_BUFFER_FLAG_SET(picture, GST_BUFFER_FLAG_CORRUPTED);
    GST_PAD_PROBE_INFO_DATA(info) = picture;
    return GST_PAD_PROBE_OK;
  }

  static GstPadProbeReturn watch_demuxer(GstPad *, GstPadProbeInfo *info, gpointer shared) {
    (*static_cast<Shared *>(shared))->leave_demuxer(GST_PAD_PROBE_INFO_BUFFER(info));
    return GST_PAD_PROBE_OK;
  }

  static void watch_demuxer_pad(GstElement *, GstPad *pad, gpointer shared) {
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, watch_demuxer,
                      new Shared(*static_cast<Shared *>(shared)), forget);
  }

  static void connect(GstElement *element, const char *signal, GCallback callback, const Shared &state) {
    g_signal_connect_data(
        element, signal, callback, new Shared(state), [](gpointer shared, GClosure *) { forget(shared); },
        GConnectFlags{});
  }

  static void watch(GstBin *, GstBin *, GstElement *element, gpointer shared) {
    const Shared &state = *static_cast<Shared *>(shared);
    GstElementFactory *const factory = gst_element_get_factory(element);
    if (factory != nullptr && std::string_view(GST_OBJECT_NAME(factory)) == transport_stream) {
      raise_threshold(transport_stream, GST_LEVEL_WARNING);
      connect(element, "pad-added", G_CALLBACK(watch_demuxer_pad), state);
    }
    if (!is_picture_decoder(element)) return;
    decode_one_by_one(element);
    raise_threshold(libav, GST_LEVEL_ERROR);
    raise_threshold(video_decoder, GST_LEVEL_WARNING);
    const auto probe = [&](const char *name, GstPadProbeCallback callback) {
      if (const Ref<GstPad> pad{gst_element_get_static_pad(element, name)}; pad)
        gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BUFFER, callback, new Shared(state), forget);
    };
    probe("sink", watch_input);
    probe("src", mark_output);
  }
};

DamageWatch::DamageWatch(Pipeline &pipeline)
    : state_(std::make_shared<State>()), hearing_(new State::Shared(state_)) {
  // The parentheses avoid GStreamer's macros of these names, which are C. Users who have not enabled
  // GStreamer's log should not see the messages that are enabled here.
  if (g_getenv("GST_DEBUG") == nullptr) (gst_debug_remove_log_function)(nullptr);
  State::connect(pipeline.get(), "deep-element-added", G_CALLBACK(State::watch), state_);
  (gst_debug_add_log_function)(State::hear, hearing_, State::forget);
}

void DamageWatch::end() {
  gst_debug_remove_log_function_by_data(hearing_);
}

std::string DamageWatch::complaint() const {
  const std::lock_guard lock(state_->mutex);
  return state_->complaint;
}

}  // namespace uniad
