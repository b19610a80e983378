// SPDX-License-Identifier: Apache-2.0
#include "pipelines/uniad-rtsp/capture.h"

#include <filesystem>
#include <string_view>
#include <system_error>

#include "model/base/address.h"
#include "model/base/error.h"
#include "pipelines/uniad-rtsp/messages.h"

namespace uniad::rtsp {
namespace {

std::string capture_description(const CameraConfig &camera, const Findings &findings) {
  std::string text;
  if (camera.kind == SourceKind::test)
    text = "videotestsrc is-live=true name=pattern ! video/x-raw,width=640,height=360,framerate=25/1";
  else
    text = "uridecodebin name=source caps=video/x-raw(ANY) expose-all-streams=false ! video/x-raw";
  if (camera.kind == SourceKind::file)  // rotated by its orientation tag, as in uniad train
    text += " ! videoconvert ! videoflip video-direction=auto";
  if (camera.kind == SourceKind::file)
    text += findings.is_still ? " ! imagefreeze is-live=true ! video/x-raw,framerate=10/1"
                              : " ! identity name=pace sync=true";  // no faster than a camera
  // Everything before this queue keeps up with the source. If judging is too slow, the queue drops the oldest
  // frames.
  text += " ! queue name=newest leaky=downstream max-size-buffers=2 max-size-bytes=0 max-size-time=0";
  if (camera.model) {
    text += " ! uniaddetect name=detect";
    if (camera.overlay) text += " ! uniadoverlay name=overlay";
    if (!camera.publish.empty()) text += " ! uniadpublish name=publish";
  }
  return text + " ! appsink name=frames caps=video/x-raw sync=false max-buffers=2 drop=true";
}

GstPadProbeReturn forget_end_time(GstPad *, GstPadProbeInfo *info, gpointer) {
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
  if (GST_EVENT_TYPE(event) != GST_EVENT_CAPS) return GST_PAD_PROBE_OK;
  GstCaps *announced = nullptr;
  gst_event_parse_caps(event, &announced);
  g_autoptr(GstCaps) caps = gst_caps_copy(announced);
  for (guint i = 0; i < gst_caps_get_size(caps); ++i)
    gst_structure_remove_field(gst_caps_get_structure(caps, i), "npt-stop");
  GST_PAD_PROBE_INFO_DATA(info) = gst_event_new_caps(caps);
  gst_event_unref(event);
  return GST_PAD_PROBE_OK;
}

void set_up_jitter_buffer(GstElement *, GstElement *jitter_buffer, guint, guint, gpointer) {
  hide_end_time_from(jitter_buffer);
}

void set_up_rtp(GstElement *, GstElement *manager, gpointer) {
  g_signal_connect(manager, "new-jitterbuffer", G_CALLBACK(set_up_jitter_buffer), nullptr);
}

bool has_property(GstElement *element, const char *name) {
  return g_object_class_find_property(G_OBJECT_GET_CLASS(element), name) != nullptr;
}

void set_up_source(GstElement *, GstElement *source, gpointer) {
  if (has_property(source, "drop-on-latency"))
    g_object_set(source, "latency", 200U, "drop-on-latency", TRUE, nullptr);
  // Results then contain the time at which the camera captured the frame.
  if (has_property(source, "add-reference-timestamp-meta"))
    g_object_set(source, "add-reference-timestamp-meta", TRUE, nullptr);
  if (g_signal_lookup("new-manager", G_OBJECT_TYPE(source)) != 0)
    g_signal_connect(source, "new-manager", G_CALLBACK(set_up_rtp), nullptr);
}

// Sets the timestamps of frames that have none, such as those of a file of JPEG pictures, using the frame
// rate that the file states, or 25 frames per second.
class Pace {
 public:
  static GstPadProbeReturn keep(GstPad *, GstPadProbeInfo *info, gpointer pace) {
    if ((GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER) != 0)
      GST_PAD_PROBE_INFO_DATA(info) = static_cast<Pace *>(pace)->stamp(GST_PAD_PROBE_INFO_BUFFER(info));
    else
      static_cast<Pace *>(pace)->heed(GST_PAD_PROBE_INFO_EVENT(info));
    return GST_PAD_PROBE_OK;
  }

 private:
  GstBuffer *stamp(GstBuffer *frame) {
    const guint64 number = frames_++;
    if (GST_BUFFER_PTS_IS_VALID(frame)) return frame;
    frame = gst_buffer_make_writable(frame);
    GST_BUFFER_PTS(frame) = gst_util_uint64_scale(number, GST_SECOND * duration_n_, duration_d_);
    return frame;
  }

  void heed(GstEvent *event) {
    if (GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT) frames_ = 0;
    if (GST_EVENT_TYPE(event) != GST_EVENT_CAPS) return;
    GstCaps *caps = nullptr;
    gst_event_parse_caps(event, &caps);
    gint n = 0, d = 0;
    const bool is_stated =
        gst_structure_get_fraction(gst_caps_get_structure(caps, 0), "framerate", &n, &d) != FALSE && n > 0;
    duration_n_ = is_stated ? static_cast<guint64>(d) : 1;
    duration_d_ = is_stated ? static_cast<guint64>(n) : 25;
  }

  guint64 frames_ = 0;
  guint64 duration_n_ = 1, duration_d_ = 25;  // of a frame, in seconds, as a fraction
};

void keep_pace(GstElement *pace) {
  g_autoptr(GstPad) pad = gst_element_get_static_pad(pace, "sink");
  constexpr auto kinds =
      static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM);
  gst_pad_add_probe(pad, kinds, Pace::keep, new Pace,
                    [](gpointer data) { delete static_cast<Pace *>(data); });
}

void set_pattern(GstElement *source, const CameraConfig &camera) {
  const std::string name = camera.uri.substr(sizeof("test://") - 1);
  GParamSpec *pattern = g_object_class_find_property(G_OBJECT_GET_CLASS(source), "pattern");
  const GEnumValue *value = g_enum_get_value_by_nick(G_PARAM_SPEC_ENUM(pattern)->enum_class, name.c_str());
  if (value == nullptr)
    throw Error(ErrorKind::InvalidArgument, camera.place("uri"), "there is no test picture \"" + name + "\"",
                "`gst-inspect-1.0 videotestsrc` lists the patterns");
  g_object_set(source, "pattern", value->value, nullptr);
}

constexpr auto has_video = "uniad-has-video";

// decodebin reports a stream that contains only sound like a missing decoder. The two differ in whether any
// element for video was tried.
int note_video(GstElement *bin, GstPad *, GstCaps *, GstElementFactory *factory, gpointer) {
  const std::string_view kind = gst_element_factory_get_metadata(factory, GST_ELEMENT_METADATA_KLASS);
  const auto has = [kind](std::string_view word) { return kind.find(word) != std::string_view::npos; };
  if ((has("Video") || has("Image")) && !has("Demuxer")) g_object_set_data(G_OBJECT(bin), has_video, bin);
  return 0;  // GST_AUTOPLUG_SELECT_TRY
}

std::string uri_of(const CameraConfig &camera) {
  if (camera.kind != SourceKind::file || scheme_of(camera.uri) == "file")
    return with_encoded_credentials(camera.uri);
  g_autofree char *uri = gst_filename_to_uri(camera.uri.c_str(), nullptr);
  return uri != nullptr ? uri : camera.uri;
}

bool is_of_missing_decoder(GstMessage *message) {
  g_autoptr(GError) error = nullptr;
  gst_message_parse_error(message, &error, nullptr);
  return g_error_matches(error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN) != FALSE ||
         g_error_matches(error, GST_STREAM_ERROR, GST_STREAM_ERROR_CODEC_NOT_FOUND) != FALSE;
}

}  // namespace

void hide_end_time_from(GstElement *jitter_buffer) {
  g_autoptr(GstPad) pad = gst_element_get_static_pad(jitter_buffer, "sink");
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, forget_end_time, nullptr, nullptr);
}

bool begins_model(const CameraConfig &camera) {
  std::error_code unreadable;
  return camera.learns() && !std::filesystem::exists(*camera.model, unreadable);
}

void set_detection(GstElement *detect, const CameraConfig &camera) {
  g_object_set(detect, "model", camera.model->c_str(), "source", camera.name.c_str(), "interval",
               camera.interval, nullptr);
  gst_util_set_object_arg(G_OBJECT(detect), "mode",
                          "async");  // viewers get every frame, however slow the model is
  if (camera.threshold) g_object_set(detect, "threshold", *camera.threshold, nullptr);
  if (camera.adapt_rate > 0) g_object_set(detect, "adapt-rate", camera.adapt_rate, nullptr);
  // Without a request, learns only if the model does not know this camera yet, or to resume what was
  // interrupted. A camera that reconnects continues as before.
  if (camera.learns())
    g_object_set(detect, "learn", camera.learn, "learn-time", guint64(camera.learn_time.count()),
                 "learn-once", TRUE, "backbone", camera.backbone.c_str(), nullptr);
  apply(camera.detect, detect);
}

void set_publishing(GstElement *publish, const CameraConfig &camera) {
  // A camera that reconnects gets a new pipeline, which must keep what was published before. If the file
  // cannot be written, lines are lost, but never frames. A camera that is replaced waits only briefly for it.
  g_object_set(publish, "location", camera.publish.c_str(), "append", TRUE, "retry-open", TRUE, "max-size",
               camera.publish_max_size, "max-files", camera.publish_max_files, "drain-time", GST_SECOND,
               "credentials", camera.publish_credentials.c_str(), "token", camera.publish_token.c_str(),
               "ca-file", camera.publish_ca_file.c_str(), nullptr);
  g_object_set(publish, "max-age", guint64(camera.publish_max_age.count()), "gzip",
               gboolean(camera.publish_gzip), "kafka-properties", camera.publish_kafka_properties.c_str(),
               nullptr);
  gst_util_set_object_arg(G_OBJECT(publish), "mode", camera.publish_mode.c_str());
}

Pipeline make_capture(const CameraConfig &camera, const Findings &findings) {
  Pipeline pipeline = parse_pipeline(capture_description(camera, findings));
  with_element(pipeline.get(), "source", [&](GstElement *source) {
    g_signal_connect(source, "source-setup", G_CALLBACK(set_up_source), nullptr);
    g_signal_connect(source, "autoplug-select", G_CALLBACK(note_video), nullptr);
    g_object_set(source, "uri", uri_of(camera).c_str(), nullptr);
  });
  with_element(pipeline.get(), "pattern", [&](GstElement *source) { set_pattern(source, camera); });
  with_element(pipeline.get(), "pace", keep_pace);
  with_element(pipeline.get(), "detect", [&](GstElement *detect) { set_detection(detect, camera); });
  with_element(pipeline.get(), "publish", [&](GstElement *publish) { set_publishing(publish, camera); });
  return pipeline;
}

Pipeline make_placeholder(const std::string &words, const GstVideoInfo &format) {
  Pipeline pipeline = parse_pipeline(
      "videotestsrc is-live=true pattern=black ! capsfilter name=format ! "
      "textoverlay name=words valignment=center halignment=center shaded-background=false ! "
      "appsink name=frames caps=video/x-raw sync=false max-buffers=2 drop=true");
  GstVideoInfo paced = format;
  const bool is_rate_useful = paced.fps_n > 0 && paced.fps_d > 0 && paced.fps_n <= 60 * paced.fps_d;
  if (!is_rate_useful) {  // not known, or a clock rate that some cameras state instead
    paced.fps_n = 10;
    paced.fps_d = 1;
  }
  g_autoptr(GstCaps) caps = gst_video_info_to_caps(&paced);
  with_element(pipeline.get(), "format",
               [&](GstElement *filter) { g_object_set(filter, "caps", caps, nullptr); });
  with_element(pipeline.get(), "words",
               [&](GstElement *overlay) { g_object_set(overlay, "text", words.c_str(), nullptr); });
  return pipeline;
}

std::string source_error(GstElement *pipeline, const CameraConfig &camera, GstMessage *message) {
  bool is_without_video = false;
  with_element(pipeline, "source", [&](GstElement *source) {
    is_without_video =
        is_of_missing_decoder(message) && g_object_get_data(G_OBJECT(source), has_video) == nullptr;
  });
  if (!is_without_video) return error_text(camera, message);
  return camera.kind == SourceKind::file ? "there is no video in " + without_credentials(camera.uri)
                                         : "the source sends no video";
}

}  // namespace uniad::rtsp
