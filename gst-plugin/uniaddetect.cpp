// SPDX-License-Identifier: Apache-2.0

/**
 * SECTION:element-uniaddetect
 * @title: uniaddetect
 * @short_description: Marks video frames that do not look normal
 * @see_also: uniadoverlay, uniadpublish
 *
 * uniaddetect judges raw video frames of any format with a UniAD model, which `uniad train` learned from
 * normal footage, and adds a #GstAnomalyMeta and, for each anomalous region, a #GstVideoRegionOfInterestMeta
 * of type "anomaly". The picture itself passes untouched and uncopied.
 *
 * A frame is anomalous when its score reaches the threshold: that of #GstUniadDetect:threshold, else of the
 * model's calibration for #GstUniadDetect:source, else of its calibration for all sources together. Without
 * any, no frame is anomalous and one warning says so.
 *
 * With #GstUniadDetect:mode=sync every frame waits for its result. A live source that is faster than the
 * model needs #GstUniadDetect:mode=async, where frames pass at once with the newest result and its age, or a
 * greater #GstUniadDetect:interval.
 *
 * ## Messages
 *
 * An element message "uniad-event" is posted when an anomaly begins, at the first frame at or above the
 * threshold, and when it ends, at the first below or at the end of the stream. Its fields:
 *
 * * #gchararray `id`: the same at begin and end, unique across streams and restarts
 * * #gchararray `kind`: "anomaly"
 * * #gchararray `state`: "begin" or "end"
 * * #gchararray `source`: see #GstUniadDetect:source
 * * #guint64 `pts`: timestamp of the frame
 * * #gdouble `score`, #gdouble `threshold`
 * * #GstValueArray `regions`: of #GstStructure, with #gdouble `x`, `y`, `w`, `h` in 0 to 1 of the frame and
 *   `score`
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 -m filesrc location=cam0.mp4 ! decodebin ! uniaddetect model=cam0.safetensors source=cam0 !
 * uniadoverlay ! videoconvert ! autovideosink
 * ]| Draws what is not normal on a recorded camera and prints where it begins and ends.
 */

#include "gst-plugin/uniaddetect.h"

#include <gst/video/video.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "gst-plugin/background_detector.h"
#include "gst-plugin/frame_view.h"
#include "gst-plugin/verdict.h"
#include "model/engine/detector.h"

GST_DEBUG_CATEGORY_STATIC(uniad_detect_debug);
#define GST_CAT_DEFAULT uniad_detect_debug

namespace {

constexpr double calibrated = -1;  // threshold: the model's own

struct Settings {
  std::string model;
  std::string source;  // empty: the element's name
  std::string device = "auto";
  std::string precision = "auto";
  guint interval = 1;
  double threshold = calibrated;
  GstUniadDetectMode mode = GST_UNIAD_DETECT_MODE_SYNC;
  bool post_messages = true;
};

// What lives from start to stop. Only the streaming thread touches it.
struct State {
  std::shared_ptr<uniad::Detector> detector;
  std::unique_ptr<uniad::BackgroundDetector> background;  // mode=async
  GstVideoInfo info{};
  guint frames_to_next = 0;  // that pass before one is judged again
  std::optional<uniad::Verdict> verdict;
  GstClockTime judged_at = GST_CLOCK_TIME_NONE;  // running time of the frame that `verdict` is about
  GstClockTime pts = GST_CLOCK_TIME_NONE;        // of the newest frame
  uniad::Event event;
  bool warned = false;
  std::optional<GstClockTime> mean_duration;  // of one detection

  void forget() {
    if (background) background->clear();
    frames_to_next = 0;
    verdict.reset();
    event = {};
  }
};

}  // namespace

struct _GstUniadDetect {
  GstBaseTransform parent;

  struct Private {
    std::mutex mutex;  // guards settings: the application writes them while the streaming thread reads
    Settings settings;
    std::atomic<GstClockTime> latency{0};  // latency queries come from any thread
    std::unique_ptr<State> state;
  } * priv;
};

G_DEFINE_FINAL_TYPE(GstUniadDetect, gst_uniad_detect, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE(uniaddetect, "uniaddetect", GST_RANK_NONE, GST_TYPE_UNIAD_DETECT)

enum {
  PROP_0,
  PROP_MODEL,
  PROP_SOURCE,
  PROP_DEVICE,
  PROP_PRECISION,
  PROP_INTERVAL,
  PROP_THRESHOLD,
  PROP_MODE,
  PROP_POST_MESSAGES,
};

GType gst_uniad_detect_mode_get_type(void) {
  static const GEnumValue values[] = {
      {GST_UNIAD_DETECT_MODE_SYNC, "Every frame waits for its own result", "sync"},
      {GST_UNIAD_DETECT_MODE_ASYNC, "No frame waits; each carries the newest result there is", "async"},
      {0, nullptr, nullptr},
  };
  static const GType type = g_enum_register_static("GstUniadDetectMode", values);
  return type;
}

// A copy, with the source named.
static Settings current_settings(GstUniadDetect *self) {
  Settings settings;
  {
    const std::lock_guard lock(self->priv->mutex);
    settings = self->priv->settings;
  }
  if (settings.source.empty()) {
    gchar *name = gst_object_get_name(GST_OBJECT(self));
    settings.source = name;
    g_free(name);
  }
  return settings;
}

static void post_event(GstUniadDetect *self, const char *state_name) {
  const State &state = *self->priv->state;
  GST_INFO_OBJECT(self, "event %s: %s", state.event.id.c_str(), state_name);
  gst_element_post_message(
      GST_ELEMENT(self),
      gst_message_new_element(GST_OBJECT(self),
                              uniad::event_structure(state.event, *state.verdict, state.pts, state_name)));
}

// The stream stops or jumps: what was seen no longer holds.
static void forget(GstUniadDetect *self) {
  State *state = self->priv->state.get();
  if (state == nullptr) return;
  if (state->event.open() && current_settings(self).post_messages) post_event(self, "end");
  state->forget();
}

static gboolean gst_uniad_detect_start(GstBaseTransform *trans) {
  GstUniadDetect *self = GST_UNIAD_DETECT(trans);
  const Settings settings = current_settings(self);

  if (settings.model.empty()) {
    GST_ELEMENT_ERROR(
        self, LIBRARY, SETTINGS,
        ("No model given: set the property 'model' to a file that uniad train or uniad import wrote."),
        (nullptr));
    return FALSE;
  }
  std::error_code unreadable;
  if (!std::filesystem::exists(settings.model, unreadable)) {
    GST_ELEMENT_ERROR(
        self, RESOURCE, NOT_FOUND,
        ("There is no model file \"%s\": give the property 'model' the path of a file that uniad train "
         "or uniad import wrote.",
         settings.model.c_str()),
        (nullptr));
    return FALSE;
  }

  try {
    auto state = std::make_unique<State>();
    state->detector = uniad::Detector::open(settings.model, {settings.device, settings.precision});
    if (settings.mode == GST_UNIAD_DETECT_MODE_ASYNC)
      state->background = std::make_unique<uniad::BackgroundDetector>(state->detector);
    GST_INFO_OBJECT(self, "%s: %s", settings.model.c_str(), state->detector->description().c_str());
    self->priv->latency = 0;
    self->priv->state = std::move(state);
    return TRUE;
  } catch (const std::exception &error) {
    // An error of the file begins with its name; the others are about the device or precision asked for.
    if (std::string_view(error.what()).starts_with(settings.model))
      GST_ELEMENT_ERROR(self, RESOURCE, OPEN_READ, ("%s", error.what()), (nullptr));
    else
      GST_ELEMENT_ERROR(self, LIBRARY, SETTINGS, ("%s", error.what()),
                        ("model %s, device %s, precision %s", settings.model.c_str(), settings.device.c_str(),
                         settings.precision.c_str()));
    return FALSE;
  }
}

static gboolean gst_uniad_detect_stop(GstBaseTransform *trans) {
  GstUniadDetect *self = GST_UNIAD_DETECT(trans);
  forget(self);
  self->priv->state.reset();
  return TRUE;
}

static gboolean gst_uniad_detect_set_caps(GstBaseTransform *trans, GstCaps *incaps, GstCaps * /*outcaps*/) {
  State &state = *GST_UNIAD_DETECT(trans)->priv->state;
  if (!gst_video_info_from_caps(&state.info, incaps)) return FALSE;
  state.frames_to_next = 0;
  return TRUE;
}

static gboolean gst_uniad_detect_sink_event(GstBaseTransform *trans, GstEvent *event) {
  if (GST_EVENT_TYPE(event) == GST_EVENT_EOS || GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP)
    forget(GST_UNIAD_DETECT(trans));
  return GST_BASE_TRANSFORM_CLASS(gst_uniad_detect_parent_class)->sink_event(trans, event);
}

static gboolean gst_uniad_detect_query(GstBaseTransform *trans, GstPadDirection direction, GstQuery *query) {
  if (!GST_BASE_TRANSFORM_CLASS(gst_uniad_detect_parent_class)->query(trans, direction, query)) return FALSE;
  if (direction != GST_PAD_SRC || GST_QUERY_TYPE(query) != GST_QUERY_LATENCY) return TRUE;

  const GstClockTime own = GST_UNIAD_DETECT(trans)->priv->latency;
  gboolean live = FALSE;
  GstClockTime min = 0;
  GstClockTime max = 0;
  gst_query_parse_latency(query, &live, &min, &max);
  gst_query_set_latency(query, live, min + own, GST_CLOCK_TIME_IS_VALID(max) ? max + own : max);
  return TRUE;
}

// Keeps the latency that the pipeline knows of near the time that a detection takes.
static void update_latency(GstUniadDetect *self, GstClockTime duration) {
  State &state = *self->priv->state;
  state.mean_duration = state.mean_duration ? (*state.mean_duration * 7 + duration) / 8 : duration;
  const GstClockTime reported = self->priv->latency;
  if (*state.mean_duration <= reported && *state.mean_duration >= reported / 2) return;
  self->priv->latency = *state.mean_duration + *state.mean_duration / 4;
  GST_DEBUG_OBJECT(self, "latency %" GST_TIME_FORMAT, GST_TIME_ARGS(self->priv->latency.load()));
  gst_element_post_message(GST_ELEMENT(self), gst_message_new_latency(GST_OBJECT(self)));
}

static uniad::MappedFrame map_or_warn(GstUniadDetect *self, GstBuffer *buffer) {
  State &state = *self->priv->state;
  auto frame = uniad::map_frame(buffer, state.info);
  if (!frame) {
    state.frames_to_next = 0;
    GST_ELEMENT_WARNING(self, STREAM, FORMAT,
                        ("Passed a buffer that does not hold a frame of its caps, unjudged."),
                        ("buffer of %" G_GSIZE_FORMAT " bytes", gst_buffer_get_size(buffer)));
  }
  return frame;
}

static std::optional<uniad::TimedDetection> detect(GstUniadDetect *self, GstBuffer *buffer,
                                                   GstClockTime running_time) {
  const auto frame = map_or_warn(self, buffer);
  if (!frame) return std::nullopt;
  const GstClockTime begin = gst_util_get_timestamp();
  const uniad::FrameView view = uniad::view_of(*frame);
  auto detection = self->priv->state->detector->detect({&view, 1}).front();
  update_latency(self, gst_util_get_timestamp() - begin);
  return uniad::TimedDetection{std::move(detection), running_time};
}

static bool is_due(State &state, guint interval) {
  const guint to_next = std::min(state.frames_to_next, interval - 1);
  state.frames_to_next = to_next == 0 ? interval - 1 : to_next - 1;
  return to_next == 0;
}

static void judge(GstUniadDetect *self, const Settings &settings, uniad::TimedDetection result) {
  State &state = *self->priv->state;
  const auto *normal = state.detector->calibration().find(settings.source);
  std::optional<double> threshold;
  if (settings.threshold >= 0)
    threshold = settings.threshold;
  else if (normal != nullptr)
    threshold = normal->threshold;

  if (!threshold && !std::exchange(state.warned, true)) {
    GST_ELEMENT_WARNING(self, LIBRARY, SETTINGS,
                        ("\"%s\" has no calibration: no frame will be anomalous. Train with enough normal "
                         "footage to hold some back, or set the property 'threshold'.",
                         settings.model.c_str()),
                        (nullptr));
  }
  state.verdict = uniad::judge(std::move(result.detection), threshold, normal);
  state.judged_at = result.running_time;
  GST_LOG_OBJECT(self, "score %f", state.verdict->score);
}

static void mark(GstUniadDetect *self, const Settings &settings, GstBuffer *buffer, GstClockTime age) {
  State &state = *self->priv->state;
  state.event = uniad::next(std::move(state.event), state.verdict->anomalous, settings.source);
  if (settings.post_messages && state.event.state == GST_ANOMALY_EVENT_BEGIN) post_event(self, "begin");
  if (settings.post_messages && state.event.state == GST_ANOMALY_EVENT_END) post_event(self, "end");
  uniad::mark(buffer, state.info, settings.source, *state.verdict, state.event, age);
}

static void process(GstUniadDetect *self, GstBuffer *buffer) {
  State &state = *self->priv->state;
  const Settings settings = current_settings(self);
  const GstSegment &segment = GST_BASE_TRANSFORM(self)->segment;
  const GstClockTime now =
      segment.format == GST_FORMAT_TIME
          ? gst_segment_to_running_time(&segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer))
          : GST_CLOCK_TIME_NONE;
  state.pts = GST_BUFFER_PTS(buffer);
  const bool due = is_due(state, settings.interval);

  if (!state.background && due) {
    if (auto result = detect(self, buffer, now)) {
      judge(self, settings, std::move(*result));
      mark(self, settings, buffer, 0);
    }
    return;
  }
  if (state.background) {
    if (auto result = state.background->take()) judge(self, settings, std::move(*result));
  }
  if (state.verdict) {
    const bool known =
        GST_CLOCK_TIME_IS_VALID(now) && GST_CLOCK_TIME_IS_VALID(state.judged_at) && now > state.judged_at;
    mark(self, settings, buffer, known ? now - state.judged_at : GST_CLOCK_TIME_NONE);
  }
  // Last, since a buffer that somebody else reads takes no more metadata.
  if (state.background && due) {
    if (auto frame = map_or_warn(self, buffer)) state.background->offer(std::move(frame), now);
  }
}

static GstFlowReturn gst_uniad_detect_transform_ip(GstBaseTransform *trans, GstBuffer *buffer) {
  GstUniadDetect *self = GST_UNIAD_DETECT(trans);
  try {
    process(self, buffer);
    return GST_FLOW_OK;
  } catch (const std::exception &error) {
    GST_ELEMENT_ERROR(self, STREAM, FAILED, ("%s", error.what()), (nullptr));
    return GST_FLOW_ERROR;
  }
}

static std::string string_of(const GValue *value) {
  const gchar *text = g_value_get_string(value);
  return text != nullptr ? text : "";
}

static void gst_uniad_detect_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) {
  auto *priv = GST_UNIAD_DETECT(object)->priv;
  const std::lock_guard lock(priv->mutex);
  Settings &settings = priv->settings;
  switch (id) {
    case PROP_MODEL:
      settings.model = string_of(value);
      break;
    case PROP_SOURCE:
      settings.source = string_of(value);
      break;
    case PROP_DEVICE:
      settings.device = string_of(value);
      break;
    case PROP_PRECISION:
      settings.precision = string_of(value);
      break;
    case PROP_INTERVAL:
      settings.interval = g_value_get_uint(value);
      break;
    case PROP_THRESHOLD:
      settings.threshold = g_value_get_double(value);
      break;
    case PROP_MODE:
      settings.mode = static_cast<GstUniadDetectMode>(g_value_get_enum(value));
      break;
    case PROP_POST_MESSAGES:
      settings.post_messages = g_value_get_boolean(value) != FALSE;
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
      break;
  }
}

static void gst_uniad_detect_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) {
  auto *priv = GST_UNIAD_DETECT(object)->priv;
  const std::lock_guard lock(priv->mutex);
  const Settings &settings = priv->settings;
  switch (id) {
    case PROP_MODEL:
      g_value_set_string(value, settings.model.empty() ? nullptr : settings.model.c_str());
      break;
    case PROP_SOURCE:
      g_value_set_string(value, settings.source.empty() ? nullptr : settings.source.c_str());
      break;
    case PROP_DEVICE:
      g_value_set_string(value, settings.device.c_str());
      break;
    case PROP_PRECISION:
      g_value_set_string(value, settings.precision.c_str());
      break;
    case PROP_INTERVAL:
      g_value_set_uint(value, settings.interval);
      break;
    case PROP_THRESHOLD:
      g_value_set_double(value, settings.threshold);
      break;
    case PROP_MODE:
      g_value_set_enum(value, settings.mode);
      break;
    case PROP_POST_MESSAGES:
      g_value_set_boolean(value, settings.post_messages);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
      break;
  }
}

static void gst_uniad_detect_finalize(GObject *object) {
  delete GST_UNIAD_DETECT(object)->priv;
  G_OBJECT_CLASS(gst_uniad_detect_parent_class)->finalize(object);
}

static void gst_uniad_detect_init(GstUniadDetect *self) {
  self->priv = new _GstUniadDetect::Private();
  gst_base_transform_set_in_place(GST_BASE_TRANSFORM(self), TRUE);
}

static void install_properties(GObjectClass *klass) {
  constexpr auto common = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
  constexpr auto in_ready = static_cast<GParamFlags>(common | GST_PARAM_MUTABLE_READY);
  constexpr auto in_playing = static_cast<GParamFlags>(common | GST_PARAM_MUTABLE_PLAYING);
  const Settings defaults;

  g_object_class_install_property(
      klass, PROP_MODEL,
      g_param_spec_string("model", "Model", "Path of the model file, as uniad train or uniad import wrote it",
                          nullptr, in_ready));
  g_object_class_install_property(
      klass, PROP_SOURCE,
      g_param_spec_string(
          "source", "Source",
          "Name of the camera or product line, which selects the calibration and marks results "
          "(unset = the element's name)",
          nullptr, in_playing));
  g_object_class_install_property(
      klass, PROP_DEVICE,
      g_param_spec_string("device", "Device", "Where the network runs: auto, cpu, cuda or cuda:N",
                          defaults.device.c_str(), in_ready));
  g_object_class_install_property(
      klass, PROP_PRECISION,
      g_param_spec_string("precision", "Precision", "Number format of the network: auto, fp32 or bf16",
                          defaults.precision.c_str(), in_ready));
  g_object_class_install_property(
      klass, PROP_INTERVAL,
      g_param_spec_uint("interval", "Interval",
                        "Judge every Nth frame; those between carry the newest result and its age", 1,
                        G_MAXUINT, defaults.interval, in_playing));
  g_object_class_install_property(
      klass, PROP_THRESHOLD,
      g_param_spec_double("threshold", "Threshold",
                          "A score at or above it is anomalous (-1 = from the model's calibration)",
                          calibrated, G_MAXDOUBLE, defaults.threshold, in_playing));
  g_object_class_install_property(klass, PROP_MODE,
                                  g_param_spec_enum("mode", "Mode", "Whether frames wait for their result",
                                                    GST_TYPE_UNIAD_DETECT_MODE, defaults.mode, in_ready));
  g_object_class_install_property(
      klass, PROP_POST_MESSAGES,
      g_param_spec_boolean("post-messages", "Post messages",
                           "Post a 'uniad-event' element message when an anomaly begins or ends",
                           defaults.post_messages ? TRUE : FALSE, in_playing));
  gst_type_mark_as_plugin_api(GST_TYPE_UNIAD_DETECT_MODE, static_cast<GstPluginAPIFlags>(0));
}

static void gst_uniad_detect_class_init(GstUniadDetectClass *klass) {
  GObjectClass *gobject_class = G_OBJECT_CLASS(klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
  GstBaseTransformClass *transform_class = GST_BASE_TRANSFORM_CLASS(klass);

  GST_DEBUG_CATEGORY_INIT(uniad_detect_debug, "uniaddetect", 0, "UniAD anomaly detection");

  gobject_class->set_property = gst_uniad_detect_set_property;
  gobject_class->get_property = gst_uniad_detect_get_property;
  gobject_class->finalize = gst_uniad_detect_finalize;
  install_properties(gobject_class);

  gst_element_class_set_static_metadata(element_class, "UniAD anomaly detector", "Filter/Analyzer/Video",
                                        "Marks video frames that do not look normal", "uniad-gst");
  GstCaps *caps = uniad::viewable_caps();
  gst_element_class_add_pad_template(element_class,
                                     gst_pad_template_new("sink", GST_PAD_SINK, GST_PAD_ALWAYS, caps));
  gst_element_class_add_pad_template(element_class,
                                     gst_pad_template_new("src", GST_PAD_SRC, GST_PAD_ALWAYS, caps));
  gst_caps_unref(caps);

  transform_class->start = gst_uniad_detect_start;
  transform_class->stop = gst_uniad_detect_stop;
  transform_class->set_caps = gst_uniad_detect_set_caps;
  transform_class->sink_event = gst_uniad_detect_sink_event;
  transform_class->query = gst_uniad_detect_query;
  transform_class->transform_ip = gst_uniad_detect_transform_ip;
}
