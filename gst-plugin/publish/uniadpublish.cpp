// SPDX-License-Identifier: Apache-2.0

/**
 * SECTION:element-uniadpublish
 * @title: uniadpublish
 * @short_description: Publishes the results of an anomaly detector as JSON lines
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
 * ## Outages
 *
 * Results go through a queue to a thread of their own, so that frames never wait for a disk, a reader or a
 * network. At the end of the stream and when the element stops, it waits until the queue is empty, but for at
 * most #GstUniadPublish:drain-time. During an outage, such as a full disk or a missing reader, up to
 * #GstUniadPublish:queue-size results wait. If more come, the oldest frames are dropped, events last.
 * #GstUniadPublish:lost counts them. The element posts a warning when an outage begins, and an information
 * message with the number of lost results when it is over. It tries again after an eighth of a second, then
 * after pauses that double up to four seconds.
 *
 * A line that did not fit completely is removed from the file. Lines are written to a named pipe as soon as
 * it has a reader. If the location cannot be opened, the element fails to start; with
 * #GstUniadPublish:retry-open it posts a warning instead and tries again.
 *
 * ## Rotation
 *
 * A file that reaches #GstUniadPublish:max-size or #GstUniadPublish:max-age is renamed to FILE.1, the
 * previous one to FILE.2, and so on; #GstUniadPublish:max-files of them are kept, compressed with
 * #GstUniadPublish:gzip. After logrotate has renamed the file, emit #GstUniadPublish::reopen.
 *
 * ## MQTT
 *
 * With a #GstUniadPublish:location of mqtt://HOST:PORT/PREFIX or, encrypted, mqtts://, results are published
 * to a broker. Events go to `PREFIX/SOURCE/event`, and frames to `PREFIX/SOURCE/frame`. The topic
 * `PREFIX/SOURCE/alarm` is "ON" during an event, otherwise "OFF"; `PREFIX/SOURCE/state` is "online" or
 * "offline". All but frames are retained, and the state is also the last will. #GstUniadPublish:credentials
 * names the file with the user and the password.
 *
 * ## Apache Kafka
 *
 * With a #GstUniadPublish:location of kafka://HOST:PORT,HOST:PORT/TOPIC, each result is a message of that
 * topic whose key is the source, so that the results of a source stay in order.
 * #GstUniadPublish:kafka-properties names a file with options of librdkafka.
 *
 * ## Web servers
 *
 * With a #GstUniadPublish:location of https:// or http://, each event is posted by itself, as one object, and
 * the frames that have come since the last request together, as JSON lines. Each request has an
 * `Idempotency-Key`, which stays the same when the request is repeated. #GstUniadPublish:token and
 * #GstUniadPublish:headers name files with secrets.
 *
 * ## Snapshots
 *
 * With #GstUniadPublish:snapshots, the frame of each event with the highest score is written to a folder as
 * JPEG, and written anew while the event lasts whenever the score rises. The key `snapshot` of event lines
 * contains its path. With #GstUniadPublish:snapshots-overlay, a second picture shows what uniadoverlay draws;
 * its path is in `snapshot_overlay`.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 -q filesrc location=cam0.mp4 ! decodebin ! uniaddetect model=cam0.safetensors source=cam0 !
 * uniadpublish location=- mode=events ! fakesink
 * ]| Print the begin and the end of each anomaly in a recording of a camera.
 */

#include "gst-plugin/publish/uniadpublish.h"

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gst-plugin/base/rate_limit.h"
#include "gst-plugin/base/ref.h"
#include "gst-plugin/events/anomaly_json.h"
#include "gst-plugin/events/event.h"
#include "gst-plugin/events/event_ledger.h"
#include "gst-plugin/events/wall_clock.h"
#include "gst-plugin/meta/gstanomalymeta.h"
#include "gst-plugin/publish/debug.h"
#include "gst-plugin/publish/messages.h"
#include "gst-plugin/publish/open_sink.h"
#include "gst-plugin/publish/properties.h"
#include "gst-plugin/publish/publisher.h"
#include "gst-plugin/publish/settings.h"
#include "gst-plugin/publish/snapshots.h"
#include "model/base/address.h"
#include "model/base/error.h"

GST_DEBUG_CATEGORY(uniad_publish_debug);

namespace {

// State from start to stop. Only the streaming thread uses it, except for Publisher::reopen().
struct State {
  State(std::unique_ptr<uniad::Sink> sink, const uniad::PublishSettings &settings,
        std::shared_ptr<uniad::PublisherFigures> figures, uniad::Publisher::Reporter report)
      : drain_time(settings.drain_time),
        events_apart(sink->separates_events()),
        publisher(std::move(sink), settings.queue_size, std::move(figures), std::move(report)) {}

  std::chrono::nanoseconds drain_time;
  bool events_apart;  // each state of an event is published by itself
  uniad::Publisher publisher;
  uniad::EventLedger events;
  uniad::RateLimit rate;
  std::unique_ptr<uniad::Snapshots> snapshots;  // absent if none are wanted
  std::optional<guint> without_result =
      0;  // number of buffers; absent after a result or a query for a detector
};

}  // namespace

struct _GstUniadPublish {
  GstBaseTransform parent;

  struct Private {
    std::mutex mutex;  // guards the following members, which the application uses while the stream runs
    uniad::PublishSettings settings;
    std::shared_ptr<uniad::PublisherFigures> figures = std::make_shared<uniad::PublisherFigures>();
    std::unique_ptr<State> state;  // start and stop replace it
  } * priv;
};

G_DEFINE_FINAL_TYPE(GstUniadPublish, gst_uniad_publish, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE(uniadpublish, "uniadpublish", GST_RANK_NONE, GST_TYPE_UNIAD_PUBLISH)

GType gst_uniad_publish_mode_get_type(void) {
  static const GEnumValue values[] = {
      {GST_UNIAD_PUBLISH_MODE_FRAMES, "One line for each frame with a result", "frames"},
      {GST_UNIAD_PUBLISH_MODE_EVENTS, "One line for each begin, update and end of an event", "events"},
      {0, nullptr, nullptr},
  };
  static const GType type = g_enum_register_static("GstUniadPublishMode", values);
  return type;
}

static const uniad::PropertyTable<uniad::PublishSettings> &table() {
  static const auto properties = uniad::publish_properties();
  return properties;
}

static uniad::PublishSettings current_settings(GstUniadPublish *self) {
  const std::lock_guard lock(self->priv->mutex);
  return self->priv->settings;
}

static void start(GstUniadPublish *self) {
  const uniad::PublishSettings settings = current_settings(self);
  auto sink = uniad::open_sink(settings);
  auto reporter = [self, name = sink->name(), size = settings.queue_size](const auto &what) {
    uniad::post_report(GST_ELEMENT(self), name, size, what);
  };
  auto figures = std::make_shared<uniad::PublisherFigures>();
  auto state = std::make_unique<State>(std::move(sink), settings, figures, std::move(reporter));
  state->snapshots = uniad::open_snapshots(
      settings, [self](const auto &problem) { uniad::post_picture_problem(GST_ELEMENT(self), problem); });
  const std::lock_guard lock(self->priv->mutex);
  self->priv->figures = std::move(figures);
  self->priv->state = std::move(state);
}

static gboolean gst_uniad_publish_start(GstBaseTransform *trans) {
  GstUniadPublish *self = GST_UNIAD_PUBLISH(trans);
  const auto text_of = [self](const std::exception &error) {
    return uniad::redacted(error.what(), current_settings(self).location);
  };
  try {
    start(self);
    return TRUE;
  } catch (const uniad::Error &error) {
    if (error.kind() == uniad::ErrorKind::InvalidArgument)
      GST_ELEMENT_ERROR(self, LIBRARY, SETTINGS, ("%s", text_of(error).c_str()), (nullptr));
    else
      GST_ELEMENT_ERROR(self, RESOURCE, OPEN_WRITE, ("%s", text_of(error).c_str()), (nullptr));
  } catch (const std::exception &error) {
    GST_ELEMENT_ERROR(self, RESOURCE, OPEN_WRITE, ("%s", text_of(error).c_str()), (nullptr));
  }
  return FALSE;
}

static void publish(GstUniadPublish *self, const std::vector<uniad::Event> &events) {
  State &state = *self->priv->state;
  for (const uniad::Event &event : events) {
    std::function<uniad::SnapshotPaths()> snapshot;
    if (state.snapshots) snapshot = state.snapshots->paths_of(event);
    state.publisher.add({[event, snapshot] {
                           return uniad::event_json(event, snapshot ? snapshot() : uniad::SnapshotPaths{});
                         },
                         true, true});
  }
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

// Copies the result without the frame: making JSON of it takes several times as long, which the stream does
// not have to wait for.
static std::function<std::string()> line_maker(const GstAnomalyMeta &meta, GstBuffer *buffer,
                                               GstAnomalyEventState state) {
  const std::shared_ptr<GstBuffer> copy(gst_buffer_new(), gst_buffer_unref);
  GST_BUFFER_PTS(copy.get()) = GST_BUFFER_PTS(buffer);
  GstMetaTransformCopy whole{FALSE, 0, static_cast<gsize>(-1)};
  auto *item = const_cast<GstMeta *>(&meta.meta);
  item->info->transform_func(copy.get(), item, buffer, _gst_meta_transform_copy, &whole);
  GstAnomalyMeta *result = gst_buffer_get_anomaly_meta(copy.get());
  if (result == nullptr) return [line = uniad::anomaly_json(meta, buffer, state)] { return line; };
  if (result->time_source == GST_ANOMALY_TIME_UNKNOWN) {
    const uniad::WallTime camera = uniad::camera_time(buffer);
    gst_anomaly_meta_set_time(result, camera.time, camera.source);
  }
  return [copy, state] {
    return uniad::anomaly_json(*gst_buffer_get_anomaly_meta(copy.get()), copy.get(), state);
  };
}

static void take_snapshot(GstUniadPublish *self, const GstAnomalyMeta &meta, GstBuffer *buffer) {
  const uniad::Ref<GstCaps> caps(gst_pad_get_current_caps(GST_BASE_TRANSFORM_SINK_PAD(self)));
  self->priv->state->snapshots->take(meta, buffer, caps.get());
}

static void publish_results(GstUniadPublish *self, GstBuffer *buffer) {
  State &state = *self->priv->state;
  constexpr guint many = 100;
  const uniad::PublishSettings settings = current_settings(self);
  const bool only_events = settings.mode == GST_UNIAD_PUBLISH_MODE_EVENTS;
  if (gst_buffer_get_meta(buffer, GST_ANOMALY_META_API_TYPE) == nullptr) {
    if (state.without_result && ++*state.without_result == many) look_for_detector(self);
    return;
  }
  state.without_result.reset();
  const bool is_due = !only_events && state.rate.allows(GST_BUFFER_PTS(buffer), settings.max_rate);
  gpointer position = nullptr;
  while (GstMeta *item = gst_buffer_iterate_meta_filtered(buffer, &position, GST_ANOMALY_META_API_TYPE)) {
    const auto &meta = *reinterpret_cast<GstAnomalyMeta *>(item);
    if (state.snapshots) take_snapshot(self, meta, buffer);
    const uniad::FrameEntry entry =
        state.events.take(meta, GST_BUFFER_PTS(buffer), only_events || state.events_apart);
    publish(self, entry.before);
    const bool is_change = !only_events && !state.events_apart &&
                           (entry.state == GST_ANOMALY_EVENT_BEGIN || entry.state == GST_ANOMALY_EVENT_END);
    if (is_due || is_change) state.publisher.add({line_maker(meta, buffer, entry.state), false, is_change});
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
      if (const auto event_state = uniad::event_of(gst_event_get_structure(event))) {
        State &state = *self->priv->state;
        const bool at_once =
            state.events_apart || current_settings(self).mode == GST_UNIAD_PUBLISH_MODE_EVENTS;
        publish(self, state.events.take(*event_state, at_once));
      }
      break;
    case GST_EVENT_EOS:
    case GST_EVENT_SEGMENT_DONE:
      look_for_detector(self);
      close_events(self, "eos");
      self->priv->state->publisher.drain(self->priv->state->drain_time);
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
  std::unique_ptr<State> state;
  {
    const std::lock_guard lock(self->priv->mutex);
    state = std::move(self->priv->state);
  }
  if (state) state->publisher.drain(state->drain_time);
  return TRUE;
}

static void gst_uniad_publish_set_property(GObject *object, guint id, const GValue *value,
                                           GParamSpec *pspec) {
  auto *priv = GST_UNIAD_PUBLISH(object)->priv;
  const std::lock_guard lock(priv->mutex);
  if (!table().set(priv->settings, id, value)) G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void gst_uniad_publish_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) {
  auto *priv = GST_UNIAD_PUBLISH(object)->priv;
  const std::lock_guard lock(priv->mutex);
  if (id == uniad::PROP_LOST)
    g_value_set_uint64(value, priv->figures->lost);
  else if (id == uniad::PROP_QUEUED)
    g_value_set_uint64(value, priv->figures->queued);
  else if (!table().get(priv->settings, id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void gst_uniad_publish_reopen(GstUniadPublish *self) {
  const std::lock_guard lock(self->priv->mutex);
  if (self->priv->state) self->priv->state->publisher.reopen();
}

static void gst_uniad_publish_finalize(GObject *object) {
  delete GST_UNIAD_PUBLISH(object)->priv;
  G_OBJECT_CLASS(gst_uniad_publish_parent_class)->finalize(object);
}

static void gst_uniad_publish_init(GstUniadPublish *self) {
  self->priv = new _GstUniadPublish::Private();
  gst_base_transform_set_passthrough(GST_BASE_TRANSFORM(self), TRUE);
}

static void gst_uniad_publish_class_init(GstUniadPublishClass *klass) {
  GObjectClass *gobject_class = G_OBJECT_CLASS(klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
  GstBaseTransformClass *transform_class = GST_BASE_TRANSFORM_CLASS(klass);

  GST_DEBUG_CATEGORY_INIT(uniad_publish_debug, "uniadpublish", 0, "UniAD publisher");

  gobject_class->set_property = gst_uniad_publish_set_property;
  gobject_class->get_property = gst_uniad_publish_get_property;
  gobject_class->finalize = gst_uniad_publish_finalize;
  table().install(gobject_class);
  uniad::install_publish_figures(gobject_class);
  gst_type_mark_as_plugin_api(GST_TYPE_UNIAD_PUBLISH_MODE, static_cast<GstPluginAPIFlags>(0));
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
                                        "Publishes the results of an anomaly detector as JSON lines",
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
