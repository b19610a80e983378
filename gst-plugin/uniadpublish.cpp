// SPDX-License-Identifier: Apache-2.0

/**
 * SECTION:element-uniadpublish
 * @title: uniadpublish
 * @short_description: Writes what an anomaly detector found as lines of JSON
 * @see_also: uniaddetect, uniadoverlay
 *
 * uniadpublish writes each #GstAnomalyMeta that passes as one line of JSON to #GstUniadPublish:location.
 * Buffers of any format pass untouched, encoded ones too; those without a #GstAnomalyMeta leave no line.
 * Where none of the first hundred has one, or of all in a shorter stream, and no detector is upstream, a
 * warning says so.
 *
 * |[
 * {"version":1,"source":"cam0","session":"c1c0...","pts":40000000,"time":"2024-05-01T12:00:00.040000Z",
 *  "time_source":"camera","score":3.1,"threshold":2.4,"probability":0.71,"anomalous":true,"age":0,
 *  "regions":[{"x":0.41,"y":0.52,"w":0.12,"h":0.2,"score":3.1}],
 *  "event":{"id":"0b0ce3b4-...","kind":"anomaly","state":"begin"}}
 * ]| One result; in the file it is one line. Readers ignore keys that they do not know.
 *
 * * `session`: a UUID, another one after each start, seek, loop and change of the stream
 * * `pts`: timestamp of the buffer in nanoseconds; absent from one without. x264enc and others shift
 *   timestamps: publish before an encoder to have those of the source
 * * `time`: when the frame was taken, in UTC
 * * `time_source`: "camera" where the buffer has a #GstReferenceTimestampMeta of `timestamp/x-unix` or
 *   `timestamp/x-ntp`, as with rtspsrc's `add-reference-timestamp-meta`; "arrival": the clock of this machine
 *   when the frame came to the detector
 * * `threshold`, `probability`: absent without a calibration
 * * `age`: nanoseconds since the frame that was judged; 0: this one; null: an earlier one, unknown when
 * * `regions`: in 0 to 1 of the frame; empty when nothing is anomalous
 * * `event`: absent outside an event; `state` is "begin", "ongoing" or "end"
 *
 * ## Events
 *
 * With #GstUniadPublish:mode=events only the begin and the end of each event leave a line:
 *
 * |[
 * {"version":1,"type":"event","source":"cam0","session":"c1c0...","pts":1240000000,
 *  "time":"2024-05-01T12:00:01.240000Z","time_source":"camera",
 *  "event":{"id":"0b0ce3b4-...","kind":"anomaly","state":"end",
 *   "begin":{"pts":40000000,"time":"2024-05-01T12:00:00.040000Z"},
 *   "end":{"pts":1240000000,"time":"2024-05-01T12:00:01.240000Z"},"duration":1200000000,
 *   "peak":{"score":3.4,"pts":80000000,"time":"2024-05-01T12:00:00.080000Z","regions":[...]},
 *   "threshold":2.4,"frames":30}}
 * ]| An end. `end`, `duration` are absent from a begin.
 *
 * * `pts`, `time`: of the frame that was judged: the first anomalous one, and the first after the last
 *   anomalous one
 * * `frames`: anomalous frames so far
 * * `reason`: of an end that is not the scene's own: "eos", "flush", "stopped", "changed", or "lost" where
 *   only the frames that followed told that it was over
 *
 * Each begin and each end is written exactly once, also behind elements that drop or double frames: what a
 * leaky queue, a valve or videorate lost is concluded from the frames that come. With mode=frames the line of
 * a frame tells of them; an event line comes where no frame does, as at the end of the stream.
 *
 * A number that is not finite is null.
 *
 * ## When lines cannot be written
 *
 * A full disk or a reader that is gone does not stop frames: a warning says that lines are being lost,
 * #GstUniadPublish:lost counts them, and every later line is tried again. Of a line that did not fit, nothing
 * stays in the file. A reader of a pipe that is too slow holds frames up for a second at most, once. A named
 * pipe takes lines from when it has a reader. What cannot be opened at all is an error when the element
 * starts; with #GstUniadPublish:retry-open it is a warning, and every line tries again.
 *
 * ## Rotation
 *
 * With #GstUniadPublish:max-size a file that is full becomes FILE.1, the one before it FILE.2, and so on;
 * #GstUniadPublish:max-files of them are kept. Whoever renames the file from outside, as logrotate does,
 * emits #GstUniadPublish::reopen afterwards: the next line goes to a new file.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 -q filesrc location=cam0.mp4 ! decodebin ! uniaddetect model=cam0.safetensors source=cam0 !
 * uniadpublish location=- mode=events ! fakesink
 * ]| Prints where something that is not normal begins and ends on a recorded camera.
 */

#include "gst-plugin/uniadpublish.h"

#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "gst-plugin/anomaly_json.h"
#include "gst-plugin/event.h"
#include "gst-plugin/event_ledger.h"
#include "gst-plugin/line_file.h"
#include "gst-plugin/meta/gstanomalymeta.h"
#include "model/address.h"
#include "model/json_text.h"

GST_DEBUG_CATEGORY_STATIC(uniad_publish_debug);
#define GST_CAT_DEFAULT uniad_publish_debug

namespace {

struct Settings {
  std::string location;
  GstUniadPublishMode mode = GST_UNIAD_PUBLISH_MODE_FRAMES;
  uniad::LineFileOptions file;
};

// What lives from start to stop. Only the streaming thread touches it.
struct State {
  State(std::string path, const uniad::LineFileOptions &options)
      : name(path), file(std::move(path), options) {}

  std::string name;
  uniad::LineFile file;
  uniad::EventLedger events;
  bool losing = false;
  std::optional<guint> without_result = 0;  // buffers; none once there was a result, or a look for a detector
};

}  // namespace

struct _GstUniadPublish {
  GstBaseTransform parent;

  struct Private {
    std::mutex mutex;  // guards settings: the application writes them while the streaming thread reads
    Settings settings;
    std::atomic<guint64> lost{0};  // the application reads it at any time
    std::atomic<bool> reopen{
        false};  // the application asks, the streaming thread does it before its next line
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
      {GST_UNIAD_PUBLISH_MODE_FRAMES, "Every frame that carries a result", "frames"},
      {GST_UNIAD_PUBLISH_MODE_EVENTS, "Where an event begins and where it ends, and nothing else", "events"},
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
    // Only the scheme: what follows can hold a password.
    GST_ELEMENT_ERROR(
        self, LIBRARY, SETTINGS,
        ("Cannot publish to a %s location: set the property 'location' to a file, to a file:///PATH URI of "
         "this machine, or to - for standard output.",
         (uniad::scheme_of(settings.location) + "://").c_str()),
        (nullptr));
    return FALSE;
  }
  if (!settings.file.may_come_later && uniad::holds_other_than_json(*path)) {
    GST_ELEMENT_ERROR(self, RESOURCE, OPEN_WRITE,
                      ("\"%s\" is no file of JSON, and would be lost: set the property 'location' to another "
                       "file, or remove this one first.",
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

static const char *way_out(const std::error_code &error) {
  if (error == std::errc::timed_out) return "its reader is too slow: read faster, or publish to a file";
  if (error == std::errc::broken_pipe || error == std::errc::no_such_device_or_address)
    return "nobody reads it: start its reader again";
  if (error == std::errc::no_space_on_device) return "make room on that disk";
  return "check that it can be written to";
}

static void reopen(GstUniadPublish *self) {
  State &state = *self->priv->state;
  const std::error_code error = state.file.reopen();
  if (error)
    GST_ELEMENT_WARNING(self, RESOURCE, OPEN_WRITE,
                        ("Cannot open \"%s\" anew: %s. Results go on into the file that was open.",
                         state.name.c_str(), error.message().c_str()),
                        (nullptr));
}

static void publish(GstUniadPublish *self, std::string line) {
  State &state = *self->priv->state;
  if (self->priv->reopen.exchange(false)) reopen(self);
  const std::error_code error = state.file.write(std::move(line));
  if (!error) {
    if (std::exchange(state.losing, false)) GST_INFO_OBJECT(self, "lines are written again");
    return;
  }
  ++self->priv->lost;
  if (std::exchange(state.losing, true)) return;
  GST_ELEMENT_WARNING(self, RESOURCE, WRITE,
                      ("Results are being lost, frames go on: cannot write to \"%s\": %s (%s).",
                       state.name.c_str(), error.message().c_str(), way_out(error)),
                      ("lost since start: %" G_GUINT64_FORMAT, self->priv->lost.load()));
}

static void publish(GstUniadPublish *self, const std::vector<uniad::Event> &events) {
  for (const uniad::Event &event : events) publish(self, uniad::event_json(event));
}

// A pipeline that was put together wrongly would publish nothing, in silence. A detector whose results come
// later, as one that learns, is no mistake.
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
                          "Where the lines go: a file, a named pipe, a file:// URI, or - for standard output",
                          nullptr, in_ready));
  g_object_class_install_property(klass, PROP_MODE,
                                  g_param_spec_enum("mode", "Mode", "What gets a line",
                                                    GST_TYPE_UNIAD_PUBLISH_MODE, defaults.mode, in_playing));
  g_object_class_install_property(
      klass, PROP_APPEND,
      g_param_spec_boolean("append", "Append", "Keep what the file holds and write behind it",
                           defaults.file.append ? TRUE : FALSE, in_ready));
  g_object_class_install_property(
      klass, PROP_RETRY_OPEN,
      g_param_spec_boolean("retry-open", "Retry open",
                           "Start although the location cannot be opened, and try again with every line",
                           defaults.file.may_come_later ? TRUE : FALSE, in_ready));
  g_object_class_install_property(
      klass, PROP_MAX_SIZE,
      g_param_spec_uint64("max-size", "Maximum size",
                          "Size in bytes at which a file is renamed and the next one begins (0 = unlimited)",
                          0, G_MAXUINT64, defaults.file.max_size, in_ready));
  g_object_class_install_property(
      klass, PROP_MAX_FILES,
      g_param_spec_uint("max-files", "Maximum files",
                        "How many files are kept with max-size, the one being written included", 1, 1000,
                        defaults.file.max_files, in_ready));
  g_object_class_install_property(
      klass, PROP_LOST,
      g_param_spec_uint64("lost", "Lost", "Lines that could not be written since the element started", 0,
                          G_MAXUINT64, 0, read_only));
  gst_type_mark_as_plugin_api(GST_TYPE_UNIAD_PUBLISH_MODE, static_cast<GstPluginAPIFlags>(0));
}

static void gst_uniad_publish_class_init(GstUniadPublishClass *klass) {
  GObjectClass *gobject_class = G_OBJECT_CLASS(klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
  GstBaseTransformClass *transform_class = GST_BASE_TRANSFORM_CLASS(klass);

  GST_DEBUG_CATEGORY_INIT(uniad_publish_debug, "uniadpublish", 0, "Results of UniAD as JSON");

  gobject_class->set_property = gst_uniad_publish_set_property;
  gobject_class->get_property = gst_uniad_publish_get_property;
  gobject_class->finalize = gst_uniad_publish_finalize;
  install_properties(gobject_class);
  /**
   * GstUniadPublish::reopen:
   * @self: the element
   *
   * Goes on in the file that has the path #GstUniadPublish:location from the next line on. Emit it after the
   * file in use was renamed.
   */
  g_signal_new_class_handler("reopen", G_TYPE_FROM_CLASS(klass),
                             static_cast<GSignalFlags>(G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION),
                             G_CALLBACK(gst_uniad_publish_reopen), nullptr, nullptr, nullptr, G_TYPE_NONE, 0);

  gst_element_class_set_static_metadata(element_class, "UniAD publisher", "Filter/Metadata",
                                        "Writes what an anomaly detector found as lines of JSON",
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
