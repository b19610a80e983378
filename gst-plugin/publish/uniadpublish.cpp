// SPDX-License-Identifier: Apache-2.0

/**
 * SECTION:element-uniadpublish
 * @title: uniadpublish
 * @short_description: Writes the results of an anomaly detector as JSON lines
 * @see_also: uniaddetect, uniadoverlay
 *
 * uniadpublish writes each #GstAnomalyMeta that passes to #GstUniadPublish:location as one line of JSON. It
 * accepts buffers of any format, including encoded ones, and passes them through unchanged. Buffers without a
 * #GstAnomalyMeta produce no line. If none of the first hundred buffers, or of all buffers in a shorter
 * stream, has one and there is no detector upstream, the element posts a warning.
 *
 * |[
 * {"version":1,"source":"cam0","session":"c1c0...","pts":40000000,"time":"2024-05-01T12:00:00.040000Z",
 *  "time_source":"camera","score":3.1,"threshold":2.4,"probability":0.71,"anomalous":true,"age":0,
 *  "regions":[{"x":0.41,"y":0.52,"w":0.12,"h":0.2,"score":3.1}],
 *  "event":{"id":"0b0ce3b4-...","kind":"anomaly","state":"begin"}}
 * ]| One result, which is a single line in the file. Readers should ignore unknown keys.
 *
 * * `session`: a UUID, which changes with each start, seek, loop and change of the stream
 * * `pts`: timestamp of the buffer in nanoseconds; absent if the buffer has none. x264enc and other encoders
 *   shift timestamps, so publish before an encoder to get those of the source
 * * `time`: when the frame was captured, in UTC
 * * `time_source`: "camera" if the buffer has a #GstReferenceTimestampMeta of type `timestamp/x-unix` or
 *   `timestamp/x-ntp`, as added by the property `add-reference-timestamp-meta` of rtspsrc; otherwise
 *   "arrival", the time of the local clock when the frame arrived at the detector
 * * `threshold`, `probability`: absent without a calibration
 * * `age`: nanoseconds since the frame that was judged; 0 for this frame; null for an earlier frame of a
 *   stream without timestamps
 * * `regions`: in coordinates from 0 to 1 relative to the frame; empty if nothing is anomalous
 * * `event`: absent outside events; `state` is "begin", "ongoing" or "end"
 *
 * ## Events
 *
 * With #GstUniadPublish:mode=events, only the begin, the updates and the end of each event produce a line:
 *
 * |[
 * {"version":1,"type":"event","source":"cam0","session":"c1c0...","pts":1240000000,
 *  "time":"2024-05-01T12:00:01.240000Z","time_source":"camera",
 *  "event":{"id":"0b0ce3b4-...","kind":"anomaly","state":"end",
 *   "begin":{"pts":40000000,"time":"2024-05-01T12:00:00.040000Z"},
 *   "end":{"pts":1240000000,"time":"2024-05-01T12:00:01.240000Z"},"duration":1200000000,
 *   "peak":{"score":3.4,"pts":80000000,"time":"2024-05-01T12:00:00.080000Z","regions":[...]},
 *   "threshold":2.4,"frames":30}}
 * ]| The end of an event. The line of a begin has no `end` and no `duration`.
 *
 * * `pts`, `time`: of the judged frame: for a begin, the frame that confirmed the event; for an end, the
 *   first frame after the last that was not below the release threshold
 * * `zone`: the zone of the event; absent if it is about the whole frame
 * * `frames`: number of anomalous frames so far
 * * `reason`: why the event ended, if the scene did not end it: "eos", "flush", "stopped", "changed", or
 *   "lost" if only later frames showed that the event was over
 *
 * Each begin and each end is written exactly once, even behind elements that drop or duplicate frames: begins
 * and ends that a leaky queue, a valve or videorate dropped are inferred from the frames that follow. With
 * mode=frames, the line of a frame contains them; an event line is written only if there is no such frame, as
 * at the end of the stream or for a second event at the same time.
 *
 * Numbers that are not finite are written as null.
 *
 * ## Write errors
 *
 * A full disk or a missing reader does not block the stream. The element posts a warning that lines are being
 * lost, counts them in #GstUniadPublish:lost, and tries to write each subsequent line. A line that did not
 * fit completely is removed from the file. A pipe whose reader is too slow blocks the stream once, for at
 * most one second. Lines are written to a named pipe as soon as it has a reader. If the location cannot be
 * opened, the element fails to start; with #GstUniadPublish:retry-open it posts a warning instead and tries
 * again with each line.
 *
 * ## Rotation
 *
 * With #GstUniadPublish:max-size, a file that reaches this size is renamed to FILE.1, the previous one to
 * FILE.2, and so on; #GstUniadPublish:max-files of them are kept. After the file has been renamed by another
 * program such as logrotate, emit #GstUniadPublish::reopen: the next line is written to a new file.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 -q filesrc location=cam0.mp4 ! decodebin ! uniaddetect model=cam0.safetensors source=cam0 !
 * uniadpublish location=- mode=events ! fakesink
 * ]| Print the begin and the end of each anomaly in a recording of a camera.
 */

#include "gst-plugin/publish/uniadpublish.h"

#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "gst-plugin/events/event.h"
#include "gst-plugin/meta/gstanomalymeta.h"
#include "gst-plugin/publish/anomaly_json.h"
#include "gst-plugin/publish/event_ledger.h"
#include "gst-plugin/publish/line_writer.h"
#include "model/base/address.h"
#include "model/base/json_text.h"

GST_DEBUG_CATEGORY_STATIC(uniad_publish_debug);
#define GST_CAT_DEFAULT uniad_publish_debug

namespace {

struct Settings {
  std::string location;
  GstUniadPublishMode mode = GST_UNIAD_PUBLISH_MODE_FRAMES;
  uniad::LineWriterOptions file;
};

// State from start to stop. Accessed only by the streaming thread.
struct State {
  State(std::string path, const uniad::LineWriterOptions &options)
      : name(path), file(std::move(path), options) {}

  std::string name;
  uniad::LineWriter file;
  uniad::EventLedger events;
  bool losing = false;
  std::optional<guint> without_result =
      0;  // number of buffers; absent after a result or a query for a detector
};

}  // namespace

struct _GstUniadPublish {
  GstBaseTransform parent;

  struct Private {
    std::mutex mutex;  // guards settings: the application writes them while the streaming thread reads
    Settings settings;
    std::atomic<guint64> lost{0};     // the application reads it at any time
    std::atomic<bool> reopen{false};  // requested by the application, done before the next line
    std::unique_ptr<State> state;
  } * priv;
};

G_DEFINE_FINAL_TYPE(GstUniadPublish, gst_uniad_publish, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE(uniadpublish, "uniadpublish", GST_RANK_NONE, GST_TYPE_UNIAD_PUBLISH)

enum {
  PROP_0,
  PROP_LOCATION,
  PROP_MODE,
  PROP_APPEND,
  PROP_RETRY_OPEN,
  PROP_MAX_SIZE,
  PROP_MAX_FILES,
  PROP_LOST,
};

GType gst_uniad_publish_mode_get_type(void) {
  static const GEnumValue values[] = {
      {GST_UNIAD_PUBLISH_MODE_FRAMES, "One line for each frame with a result", "frames"},
      {GST_UNIAD_PUBLISH_MODE_EVENTS, "One line for each begin, update and end of an event", "events"},
      {0, nullptr, nullptr},
  };
  static const GType type = g_enum_register_static("GstUniadPublishMode", values);
  return type;
}

static Settings current_settings(GstUniadPublish *self) {
  const std::lock_guard lock(self->priv->mutex);
  return self->priv->settings;
}

static gboolean gst_uniad_publish_start(GstBaseTransform *trans) {
  GstUniadPublish *self = GST_UNIAD_PUBLISH(trans);
  const Settings settings = current_settings(self);

  if (settings.location.empty()) {
    GST_ELEMENT_ERROR(
        self, LIBRARY, SETTINGS,
        ("No location given: set the property 'location' to a file, or to - for standard output."),
        (nullptr));
    return FALSE;
  }
  const auto path = uniad::local_path(settings.location);
  if (!path) {
    // Only the scheme, because the rest may contain a password.
    GST_ELEMENT_ERROR(self, LIBRARY, SETTINGS,
                      ("Cannot publish to a %s location: set the property 'location' to a file, to a "
                       "file:///PATH URI of a local file, or to - for standard output.",
                       (uniad::scheme_of(settings.location) + "://").c_str()),
                      (nullptr));
    return FALSE;
  }
  if (!settings.file.may_come_later && uniad::holds_other_than_json(*path)) {
    GST_ELEMENT_ERROR(self, RESOURCE, OPEN_WRITE,
                      ("\"%s\" is not a JSON file and would be overwritten: set the property 'location' to "
                       "another file, or remove this one first.",
                       path->c_str()),
                      (nullptr));
    return FALSE;
  }
  try {
    self->priv->lost = 0;
    self->priv->reopen = false;
    self->priv->state = std::make_unique<State>(*path, settings.file);
    return TRUE;
  } catch (const std::exception &error) {
    GST_ELEMENT_ERROR(self, RESOURCE, OPEN_WRITE,
                      ("%s", uniad::redacted(error.what(), settings.location).c_str()), (nullptr));
    return FALSE;
  }
}

static const char *hint(const std::error_code &error) {
  if (error == std::errc::timed_out) return "its reader is too slow: read faster, or publish to a file";
  if (error == std::errc::broken_pipe || error == std::errc::no_such_device_or_address)
    return "it has no reader: restart its reader";
  if (error == std::errc::no_space_on_device) return "free some space on that disk";
  return "check that it is writable";
}

static void reopen(GstUniadPublish *self) {
  State &state = *self->priv->state;
  const std::error_code error = state.file.reopen();
  if (error)
    GST_ELEMENT_WARNING(self, RESOURCE, OPEN_WRITE,
                        ("Cannot reopen \"%s\": %s. Results are still written to the file that was open.",
                         state.name.c_str(), error.message().c_str()),
                        (nullptr));
}

static void publish(GstUniadPublish *self, std::string line) {
  State &state = *self->priv->state;
  if (self->priv->reopen.exchange(false)) reopen(self);
  const std::error_code error = state.file.write(std::move(line));
  if (!error) {
    if (std::exchange(state.losing, false)) GST_INFO_OBJECT(self, "writing lines succeeds again");
    return;
  }
  ++self->priv->lost;
  if (std::exchange(state.losing, true)) return;
  GST_ELEMENT_WARNING(self, RESOURCE, WRITE,
                      ("Results are being lost while the stream continues: cannot write to \"%s\": %s (%s).",
                       state.name.c_str(), error.message().c_str(), hint(error)),
                      ("lost since start: %" G_GUINT64_FORMAT, self->priv->lost.load()));
}

static void publish(GstUniadPublish *self, const std::vector<uniad::Event> &events) {
  for (const uniad::Event &event : events) publish(self, uniad::event_json(event));
}

// Without a detector, a pipeline would silently publish nothing, so warn about it. A detector without results
// so far, for example because it is still learning, is not an error.
static void look_for_detector(GstUniadPublish *self) {
  const guint buffers = std::exchange(self->priv->state->without_result, std::nullopt).value_or(0);
  if (buffers == 0) return;
  GstQuery *query = uniad::new_query_for_detector();
  const bool has_detector = gst_pad_peer_query(GST_BASE_TRANSFORM_SINK_PAD(self), query) != FALSE;
  gst_query_unref(query);
  if (has_detector) return;
  GST_ELEMENT_WARNING(self, STREAM, FAILED,
                      ("Nothing is published: %u buffers came without a result, and there is no detector "
                       "upstream. Put uniaddetect before this element, in the same pipeline.",
                       buffers),
                      (nullptr));
}

static void publish_results(GstUniadPublish *self, GstBuffer *buffer) {
  State &state = *self->priv->state;
  constexpr guint many = 100;
  const bool only_events = current_settings(self).mode == GST_UNIAD_PUBLISH_MODE_EVENTS;
  if (gst_buffer_get_meta(buffer, GST_ANOMALY_META_API_TYPE) != nullptr)
    state.without_result.reset();
  else if (state.without_result && ++*state.without_result == many)
    look_for_detector(self);
  gpointer position = nullptr;
  while (GstMeta *item = gst_buffer_iterate_meta_filtered(buffer, &position, GST_ANOMALY_META_API_TYPE)) {
    const auto &meta = *reinterpret_cast<GstAnomalyMeta *>(item);
    const uniad::FrameEntry entry = state.events.take(meta, GST_BUFFER_PTS(buffer), only_events);
    publish(self, entry.before);
    if (!only_events) publish(self, uniad::anomaly_json(meta, buffer, entry.state));
  }
}

static GstFlowReturn gst_uniad_publish_transform_ip(GstBaseTransform *trans, GstBuffer *buffer) {
  GstUniadPublish *self = GST_UNIAD_PUBLISH(trans);
  try {
    publish_results(self, buffer);
    return GST_FLOW_OK;
  } catch (const std::exception &error) {
    GST_ELEMENT_ERROR(self, STREAM, FAILED, ("%s", error.what()), (nullptr));
    return GST_FLOW_ERROR;
  }
}

static void close_events(GstUniadPublish *self, const char *reason) {
  if (self->priv->state) publish(self, self->priv->state->events.close(reason));
}

static void take_event(GstUniadPublish *self, GstEvent *event) {
  if (!self->priv->state) return;
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_CUSTOM_DOWNSTREAM:
      if (const auto state = uniad::event_of(gst_event_get_structure(event)))
        publish(self, self->priv->state->events.take(
                          *state, current_settings(self).mode == GST_UNIAD_PUBLISH_MODE_EVENTS));
      break;
    case GST_EVENT_EOS:
    case GST_EVENT_SEGMENT_DONE:
      look_for_detector(self);
      close_events(self, "eos");
      break;
    case GST_EVENT_FLUSH_STOP:
      close_events(self, "flush");
      break;
    case GST_EVENT_STREAM_START:
      close_events(self, "changed");
      break;
    default:
      break;
  }
}

static gboolean gst_uniad_publish_sink_event(GstBaseTransform *trans, GstEvent *event) {
  GstUniadPublish *self = GST_UNIAD_PUBLISH(trans);
  try {
    take_event(self, event);
  } catch (const std::exception &error) {
    GST_ELEMENT_WARNING(self, STREAM, FAILED, ("%s", error.what()), (nullptr));
  }
  return GST_BASE_TRANSFORM_CLASS(gst_uniad_publish_parent_class)->sink_event(trans, event);
}

static gboolean gst_uniad_publish_stop(GstBaseTransform *trans) {
  GstUniadPublish *self = GST_UNIAD_PUBLISH(trans);
  try {
    close_events(self, "stopped");
  } catch (const std::exception &error) {
    GST_ELEMENT_WARNING(self, STREAM, FAILED, ("%s", error.what()), (nullptr));
  }
  self->priv->state.reset();
  return TRUE;
}

static void gst_uniad_publish_set_property(GObject *object, guint id, const GValue *value,
                                           GParamSpec *pspec) {
  auto *priv = GST_UNIAD_PUBLISH(object)->priv;
  const std::lock_guard lock(priv->mutex);
  Settings &settings = priv->settings;
  switch (id) {
    case PROP_LOCATION: {
      const gchar *location = g_value_get_string(value);
      settings.location = location != nullptr ? location : "";
      break;
    }
    case PROP_MODE:
      settings.mode = static_cast<GstUniadPublishMode>(g_value_get_enum(value));
      break;
    case PROP_APPEND:
      settings.file.append = g_value_get_boolean(value) != FALSE;
      break;
    case PROP_RETRY_OPEN:
      settings.file.may_come_later = g_value_get_boolean(value) != FALSE;
      break;
    case PROP_MAX_SIZE:
      settings.file.max_size = g_value_get_uint64(value);
      break;
    case PROP_MAX_FILES:
      settings.file.max_files = g_value_get_uint(value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
      break;
  }
}

static void gst_uniad_publish_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) {
  auto *priv = GST_UNIAD_PUBLISH(object)->priv;
  const std::lock_guard lock(priv->mutex);
  const Settings &settings = priv->settings;
  switch (id) {
    case PROP_LOCATION:
      g_value_set_string(value, settings.location.empty() ? nullptr : settings.location.c_str());
      break;
    case PROP_MODE:
      g_value_set_enum(value, settings.mode);
      break;
    case PROP_APPEND:
      g_value_set_boolean(value, settings.file.append);
      break;
    case PROP_RETRY_OPEN:
      g_value_set_boolean(value, settings.file.may_come_later);
      break;
    case PROP_MAX_SIZE:
      g_value_set_uint64(value, settings.file.max_size);
      break;
    case PROP_MAX_FILES:
      g_value_set_uint(value, settings.file.max_files);
      break;
    case PROP_LOST:
      g_value_set_uint64(value, priv->lost);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
      break;
  }
}

static void gst_uniad_publish_reopen(GstUniadPublish *self) {
  self->priv->reopen = true;
}

static void gst_uniad_publish_finalize(GObject *object) {
  delete GST_UNIAD_PUBLISH(object)->priv;
  G_OBJECT_CLASS(gst_uniad_publish_parent_class)->finalize(object);
}

static void gst_uniad_publish_init(GstUniadPublish *self) {
  self->priv = new _GstUniadPublish::Private();
  gst_base_transform_set_passthrough(GST_BASE_TRANSFORM(self), TRUE);
}

static void install_properties(GObjectClass *klass) {
  constexpr auto common = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
  constexpr auto in_ready = static_cast<GParamFlags>(common | GST_PARAM_MUTABLE_READY);
  constexpr auto in_playing = static_cast<GParamFlags>(common | GST_PARAM_MUTABLE_PLAYING);
  constexpr auto read_only = static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  const Settings defaults;

  g_object_class_install_property(
      klass, PROP_LOCATION,
      g_param_spec_string("location", "Location",
                          "File, named pipe or file:// URI to write the lines to, or - for standard output",
                          nullptr, in_ready));
  g_object_class_install_property(klass, PROP_MODE,
                                  g_param_spec_enum("mode", "Mode", "What to write a line for",
                                                    GST_TYPE_UNIAD_PUBLISH_MODE, defaults.mode, in_playing));
  g_object_class_install_property(
      klass, PROP_APPEND,
      g_param_spec_boolean("append", "Append", "Append to the file instead of overwriting it",
                           defaults.file.append ? TRUE : FALSE, in_ready));
  g_object_class_install_property(
      klass, PROP_RETRY_OPEN,
      g_param_spec_boolean("retry-open", "Retry open",
                           "Start even if the location cannot be opened, and try again with each line",
                           defaults.file.may_come_later ? TRUE : FALSE, in_ready));
  g_object_class_install_property(
      klass, PROP_MAX_SIZE,
      g_param_spec_uint64(
          "max-size", "Maximum size",
          "Size in bytes at which a file is renamed and the next one is started (0 = unlimited)", 0,
          G_MAXUINT64, defaults.file.max_size, in_ready));
  g_object_class_install_property(
      klass, PROP_MAX_FILES,
      g_param_spec_uint("max-files", "Maximum files",
                        "Maximum number of files to keep with max-size, including the current one", 1, 1000,
                        defaults.file.max_files, in_ready));
  g_object_class_install_property(
      klass, PROP_LOST,
      g_param_spec_uint64("lost", "Lost",
                          "Number of lines that could not be written since the element was started", 0,
                          G_MAXUINT64, 0, read_only));
  gst_type_mark_as_plugin_api(GST_TYPE_UNIAD_PUBLISH_MODE, static_cast<GstPluginAPIFlags>(0));
}

static void gst_uniad_publish_class_init(GstUniadPublishClass *klass) {
  GObjectClass *gobject_class = G_OBJECT_CLASS(klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
  GstBaseTransformClass *transform_class = GST_BASE_TRANSFORM_CLASS(klass);

  GST_DEBUG_CATEGORY_INIT(uniad_publish_debug, "uniadpublish", 0, "UniAD publisher");

  gobject_class->set_property = gst_uniad_publish_set_property;
  gobject_class->get_property = gst_uniad_publish_get_property;
  gobject_class->finalize = gst_uniad_publish_finalize;
  install_properties(gobject_class);
  /**
   * GstUniadPublish::reopen:
   * @self: the element
   *
   * Closes the file and opens #GstUniadPublish:location again before writing the next line. Emit this signal
   * after the file has been renamed.
   */
  g_signal_new_class_handler("reopen", G_TYPE_FROM_CLASS(klass),
                             static_cast<GSignalFlags>(G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION),
                             G_CALLBACK(gst_uniad_publish_reopen), nullptr, nullptr, nullptr, G_TYPE_NONE, 0);

  gst_element_class_set_static_metadata(element_class, "UniAD publisher", "Filter/Metadata",
                                        "Writes the results of an anomaly detector as JSON lines",
                                        "uniad-gst");
  for (const auto &[name, direction] : {std::pair{"sink", GST_PAD_SINK}, {"src", GST_PAD_SRC}}) {
    GstCaps *any = gst_caps_new_any();
    gst_element_class_add_pad_template(element_class,
                                       gst_pad_template_new(name, direction, GST_PAD_ALWAYS, any));
    gst_caps_unref(any);
  }

  transform_class->start = gst_uniad_publish_start;
  transform_class->stop = gst_uniad_publish_stop;
  transform_class->sink_event = gst_uniad_publish_sink_event;
  transform_class->transform_ip = gst_uniad_publish_transform_ip;
}
