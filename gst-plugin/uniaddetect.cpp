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
 * With #GstUniadDetect:mode=auto every frame of a file waits for its result, as with sync, and no frame of a
 * live stream does, as with async: it passes at once with the newest result and its age. Live is what says so
 * in its answer to a latency query. Where frames of a live stream are made to wait by sync and come faster
 * than the model judges, those that are half a second late pass with the newest result too, and a warning
 * says so.
 *
 * Where the network runs on a GPU, frames in its memory (`memory:CUDAMemory`, as NVIDIA's decoders give them)
 * are judged there; elsewhere such frames are not taken, and a decoder gives others.
 *
 * ## Learning from the running camera
 *
 * With #GstUniadDetect:learn-time, the frames of the next so many nanoseconds of the stream are learned from
 * instead of judged, without a training step; with #GstUniadDetect:learn, the next so many frames; with both,
 * until both are reached. While the pipeline plays, the action signals #GstUniadDetect::learn and
 * #GstUniadDetect::learn-for do the same. Then the statistics of these frames are added to what the model
 * knows, the threshold of the source is drawn from frames that were held back in turn, the model is saved at
 * #GstUniadDetect:model, and detection goes on. Where there is no model file yet, one is begun on
 * #GstUniadDetect:backbone. All that takes time happens beside the stream: frames of a live stream pass
 * meanwhile, unjudged or judged by what was known before, and the stream of a file waits.
 *
 * Learning that the end of the stream or a state change interrupts leaves no model of too few frames. What
 * was learned is kept beside the model, as MODEL.SOURCE.learning, and learning goes on with it when it is
 * asked for again, in this process or another; asked for fewer frames, it takes those as enough. It is
 * written every ten seconds, too (where that takes longer than a second, ten times as long apart), so that a
 * process that is killed or a machine that loses its power costs no more of it than that. A file of that kind
 * that is damaged, more than a week old or of another state of the model is told by a warning; learning
 * starts anew then and overwrites it. Where the model file could not be written, learning is refused before
 * its first frame: by an error at the start, by a warning while the pipeline plays. Where that shows only at
 * the end, as on a full disk, what was learned is in force, also for elements that are started later in this
 * process, and writing is tried again every minute. Elements and processes may learn into one model file at
 * the same time: it gets what each of them learned. With #GstUniadDetect:learn-once, a source that the model
 * knows already is not learned from again when the element starts.
 *
 * Frames that their decoder calls corrupt (%GST_BUFFER_FLAG_CORRUPTED: parts are missing, or they come before
 * the first key frame) or that only fill a gap (%GST_BUFFER_FLAG_GAP) pass without being judged or learned;
 * #GstUniadDetect:skipped counts them. Damage that the decoder hides tells nobody: behind a network that
 * loses packets, let no frame pass that misses others, with `rtph264depay wait-for-keyframe=true`.
 *
 * A frame that as a whole is unlike everything learned is anomalous and marked as an unknown scene.
 *
 * ## Messages
 *
 * An element message "uniad-event" is posted when an anomaly begins, with the first frame at or above the
 * threshold, and when it ends: when no frame has been anomalous for #GstUniadDetect:hold-time, or the stream
 * ends, jumps or stops. Every begin has exactly one end. The same structure goes downstream as a serialized
 * event of type %GST_EVENT_CUSTOM_DOWNSTREAM, ahead of the first frame that carries the state; after a flush
 * and at a stop, where nothing passes, only the message tells. Its fields:
 *
 * * #gchararray `id`: the same at begin and end, unique across streams and restarts
 * * #gchararray `kind`: "anomaly"
 * * #gchararray `state`: "begin" or "end"
 * * #gchararray `reason`: of an end that is not the scene's own: "eos", "flush", "stopped", or "changed" (the
 *   stream, the source, or what is normal)
 * * #gchararray `source`: see #GstUniadDetect:source
 * * #gchararray `session`: a UUID, another one after each start of the element, each seek, each round of a
 *   loop and each new stream: timestamps then start anew
 * * #guint64 `pts`: timestamp of the frame that the state is about, which was judged: of a begin the first
 *   anomalous one, of an end the first after the last anomalous one
 * * #guint64 `time`: when that frame was taken, in nanoseconds since 1970 in UTC
 * * #gchararray `time-source`: "camera" where a #GstReferenceTimestampMeta of the frame told the time, as
 * with rtspsrc's `add-reference-timestamp-meta`; else "arrival", the time at which the frame came here
 * * #guint64 `frame-pts`: timestamp of the first frame that carries the state, in mode async a later one
 * * #gdouble `score`, #gdouble `threshold`
 * * #gboolean `unknown-scene`
 * * #GstValueArray `regions`: of #GstStructure, with #gdouble `x`, `y`, `w`, `h` in 0 to 1 of the frame and
 *   `score`
 * * #guint64 `begin-pts`, `begin-time`: of the first anomalous frame
 * * #gdouble `peak-score`, #guint64 `peak-pts`, `peak-time`, #GstValueArray `peak-regions`: of the frame with
 *   the highest score so far
 * * #guint64 `duration`: from the begin to this state, in nanoseconds
 * * #guint64 `frames`: anomalous frames so far
 *
 * What is not known of a time is %GST_CLOCK_TIME_NONE.
 *
 * "uniad-learn" tells how learning goes, every twentieth of the way and at its end: #gchararray `source`,
 * #gchararray `state`, #guint64 `frames` so far, #guint64 `wanted`, #guint64 `time` of the stream that these
 * frames cover, in nanoseconds, #guint64 `wanted-time`, #gdouble `threshold` once it is done, and #gchararray
 * `remarks`, where there are any. The states are "learning", "done" (frames are judged by it), "saved" (it is
 * in the model file), "unsaved" (it is in force, and could not be written yet), "interrupted" (what was
 * learned is kept for later) and "failed".
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
#include <chrono>
#include <cmath>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "gst-plugin/background_detector.h"
#include "gst-plugin/cuda_frame.h"
#include "gst-plugin/event_tracker.h"
#include "gst-plugin/frame_view.h"
#include "gst-plugin/verdict.h"
#include "gst-plugin/wall_clock.h"
#include "model/engine/detector.h"
#include "model/engine/unknown_source.h"
#include "model/file/interrupted_learning.h"
#include "model/file/writable.h"
#include "model/json_text.h"

GST_DEBUG_CATEGORY_STATIC(uniad_detect_debug);
#define GST_CAT_DEFAULT uniad_detect_debug

namespace {

constexpr double calibrated = -1;  // threshold: the model's own

// What is to be learned from; both where both are given, nothing where neither is.
struct LearnRequest {
  guint frames = 0;
  GstClockTime time = 0;

  explicit operator bool() const { return frames > 0 || time > 0; }
};

std::string new_uuid() {
  gchar *text = g_uuid_string_random();
  std::string uuid = text;
  g_free(text);
  return uuid;
}

struct Settings {
  std::string model;
  std::string source;  // empty: the element's name
  bool source_is_set = false;
  std::string device = "auto";
  std::string precision = "auto";
  guint interval = 1;
  double threshold = calibrated;
  GstUniadDetectMode mode = GST_UNIAD_DETECT_MODE_AUTO;
  bool post_messages = true;
  LearnRequest learn;
  bool learn_once = false;
  std::string backbone = "auto";
  double adapt_rate = 0;
  GstClockTime hold_time = uniad::default_hold_time / std::chrono::nanoseconds(1);
  guint batch_size = 8;
  GstClockTime batch_timeout = 0;
};

// What lives from start to stop. Only the streaming thread touches it.
struct State {
  std::shared_ptr<uniad::Detector> detector;
  bool begins_model = false;  // there was no file
  GstUniadDetectMode mode = GST_UNIAD_DETECT_MODE_AUTO;
  std::optional<bool> live;                               // of the stream, once its first frame has come
  std::unique_ptr<uniad::BackgroundDetector> background;  // where no frame waits
  std::vector<uniad::Detection> detections;               // of one frame; keeps its memory
  GstVideoInfo info{};
  std::shared_ptr<uniad::CudaFrames> in_gpu_memory;  // where the frames lie there
  guint frames_to_next = 0;                          // that pass before one is judged again
  std::optional<uniad::Verdict> verdict;
  GstClockTime judged_at = GST_CLOCK_TIME_NONE;  // running time of the frame that `verdict` is about
  uniad::FrameTime newest;                       // of all frames, judged or not
  std::optional<GstClockTime> arrival;           // of the newest, by the system's clock
  uniad::EventTracker events{new_uuid()};
  bool warned = false;
  bool warned_of_lateness = false;
  bool warned_of_buffers = false;             // that hold no frame
  bool warned_of_shape = false;               // that is not what was learned
  bool warned_of_orientation = false;         // that nothing has applied
  std::set<std::string> compared;             // sources that were looked up among those that the model knows
  std::uint64_t no_numbers = 0;               // frames whose score was none
  std::optional<GstClockTime> mean_duration;  // of one detection
  guint followed = 0;                         // normal frames since the figure of drift was drawn

  void forget() {
    if (background) background->clear();
    frames_to_next = 0;
    verdict.reset();
    events.clear();
  }
};

}  // namespace

struct _GstUniadDetect {
  GstBaseTransform parent;

  struct Private {
    // Guards those below that are not atomic, but for `state`: the application writes and calls while the
    // streaming thread reads.
    std::mutex mutex;
    Settings settings;
    LearnRequest learn_request;                      // the streaming thread begins with its next frame
    bool request_is_of_start = false;                // not of the application while it plays
    LearnRequest interrupted;                        // by the end of the stream, should it go on
    bool learned = false;                            // what the properties ask for at the start
    std::shared_ptr<uniad::Detector> to_save;        // from start to stop, for the signal `save`
    std::shared_ptr<uniad::CudaFrames> cuda_frames;  // from READY to NULL, where the network is for a GPU
    std::optional<std::string> offered_device;       // that `cuda_frames` were made for, or not
    std::atomic<double> drift{0};                    // read by any thread
    std::atomic<guint64> skipped{0};                 // read by any thread
    std::atomic<GstClockTime> latency{0};            // latency queries come from any thread
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
  PROP_LEARN,
  PROP_LEARN_TIME,
  PROP_LEARN_ONCE,
  PROP_BACKBONE,
  PROP_ADAPT_RATE,
  PROP_DRIFT,
  PROP_BATCH_SIZE,
  PROP_BATCH_TIMEOUT,
  PROP_HOLD_TIME,
  PROP_SKIPPED,
};

enum { SIGNAL_LEARN, SIGNAL_LEARN_FOR, SIGNAL_SAVE, N_SIGNALS };
static guint gst_uniad_detect_signals[N_SIGNALS];

GType gst_uniad_detect_mode_get_type(void) {
  static const GEnumValue values[] = {
      {GST_UNIAD_DETECT_MODE_SYNC, "Every frame waits for its own result", "sync"},
      {GST_UNIAD_DETECT_MODE_ASYNC, "No frame waits; each carries the newest result there is", "async"},
      {GST_UNIAD_DETECT_MODE_AUTO, "As async where the stream is live, else as sync", "auto"},
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
  settings.source_is_set = !settings.source.empty();
  if (settings.source.empty()) {
    gchar *name = gst_object_get_name(GST_OBJECT(self));
    settings.source = name;
    g_free(name);
  }
  return settings;
}

static std::shared_ptr<uniad::CudaFrames> cuda_frames(GstUniadDetect *self) {
  const std::lock_guard lock(self->priv->mutex);
  return self->priv->cuda_frames;
}

// Before decoders choose where their frames lie; and again where the device was changed since.
static void offer_gpu_memory(GstUniadDetect *self) {
  try {
    const std::string name = current_settings(self).device;
    {
      const std::lock_guard lock(self->priv->mutex);
      if (std::exchange(self->priv->offered_device, name) == name) return;
      self->priv->cuda_frames.reset();
    }
    const auto device = uniad::Detector::cuda_device(name);
    if (!device) return;
    const std::shared_ptr<uniad::CudaFrames> frames = uniad::CudaFrames::create(GST_ELEMENT(self), *device);
    if (!frames) return;
    {
      const std::lock_guard lock(self->priv->mutex);
      self->priv->cuda_frames = frames;
    }
    frames->announce();
  } catch (const std::exception &error) {  // opening the detector tells the user
    GST_INFO_OBJECT(self, "no GPU memory to share: %s", error.what());
  }
}

// No frame comes for now: no batch waits for one, and a frame that waits in a batch is judged at once, which
// lets go of the streaming thread. Any thread.
static void pause_detection(GstUniadDetect *self) {
  std::shared_ptr<uniad::Detector> detector;
  {
    const std::lock_guard lock(self->priv->mutex);
    detector = self->priv->to_save;
  }
  if (detector) detector->pause();
}

static GstStateChangeReturn gst_uniad_detect_change_state(GstElement *element, GstStateChange transition) {
  GstUniadDetect *self = GST_UNIAD_DETECT(element);
  if (transition == GST_STATE_CHANGE_NULL_TO_READY || transition == GST_STATE_CHANGE_READY_TO_PAUSED)
    offer_gpu_memory(self);
  if (transition == GST_STATE_CHANGE_PLAYING_TO_PAUSED || transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    pause_detection(self);
  const GstStateChangeReturn result =
      GST_ELEMENT_CLASS(gst_uniad_detect_parent_class)->change_state(element, transition);
  if (transition == GST_STATE_CHANGE_READY_TO_NULL) {
    const std::lock_guard lock(self->priv->mutex);
    self->priv->cuda_frames.reset();
    self->priv->offered_device.reset();
  }
  return result;
}

// Tells of the event's state: the application by a message, the elements downstream by an event in the
// stream, which comes before the next frame.
static void tell_event(GstUniadDetect *self, const Settings &settings, GstClockTime frame_pts) {
  uniad::Event event = self->priv->state->events.event();
  event.frame_pts = frame_pts;
  GST_INFO_OBJECT(self, "event %s: %s %s", event.id.c_str(), uniad::name_of(event.state),
                  event.reason.c_str());
  if (settings.post_messages)
    gst_element_post_message(GST_ELEMENT(self),
                             gst_message_new_element(GST_OBJECT(self), uniad::event_structure(event)));
  gst_pad_push_event(GST_BASE_TRANSFORM_SRC_PAD(self),
                     gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM, uniad::event_structure(event)));
}

static std::string interruption_text(const uniad::Learning &learning) {
  if (learning.frames == 0) return "Learning has not begun: no frame came that could be learned from.";
  const std::string kept = learning.kept.empty()
                               ? "What was learned could not be written and is kept until this process ends."
                               : "What was learned is kept in \"" + learning.kept.string() + "\".";
  return "Learning is not finished: the stream ended after " + learning.progress_text() +
         ", and no model was written from them. " + kept +
         " Learning goes on with it when it is asked for again, with more footage; to accept what came, ask "
         "for "
         "as much: learn=" +
         std::to_string(learning.frames) + ".";
}

// Says how learning goes; on the learner's thread.
static void tell_of_learning(GstUniadDetect *self, const uniad::Learning &learning) {
  using State = uniad::Learning::State;
  auto *priv = self->priv;
  switch (learning.state) {
    case State::Learning:
      if (!learning.failure.empty())
        GST_ELEMENT_WARNING(self, RESOURCE, READ, ("%s", learning.failure.c_str()), (nullptr));
      for (const std::string &remark : learning.remarks)  // twice: gst-launch-1.0 prints the details alone
        GST_ELEMENT_INFO(self, STREAM, FAILED, ("%s: %s", learning.source.c_str(), remark.c_str()),
                         ("%s: %s", learning.source.c_str(), remark.c_str()));
      break;
    case State::Done: {
      GST_INFO_OBJECT(self, "learned from %" G_GINT64_FORMAT " frames", learning.frames);
      priv->drift = 0;
      const std::lock_guard lock(priv->mutex);
      priv->learned = true;
      priv->interrupted = {};
      break;
    }
    case State::Failed: {
      GST_ELEMENT_WARNING(self, STREAM, FAILED, ("%s", learning.failure.c_str()), (nullptr));
      const std::lock_guard lock(priv->mutex);
      priv->interrupted = {};
      break;
    }
    case State::Interrupted:
      GST_ELEMENT_WARNING(self, STREAM, FAILED, ("%s", interruption_text(learning).c_str()), (nullptr));
      break;
    case State::Unsaved:
      GST_ELEMENT_WARNING(self, RESOURCE, WRITE,
                          ("What was learned is in use but could not be saved, and will be tried again: %s",
                           learning.failure.c_str()),
                          (nullptr));
      break;
    case State::Saved:
      break;
  }
  if (learning.state == State::Done)
    for (const std::string &remark : learning.remarks)
      GST_ELEMENT_WARNING(self, STREAM, FAILED, ("Learning %s: %s", learning.source.c_str(), remark.c_str()),
                          (nullptr));
  const Settings settings = current_settings(self);
  if (!settings.post_messages) return;
  gst_element_post_message(
      GST_ELEMENT(self),
      gst_message_new_element(GST_OBJECT(self), uniad::learning_structure(learning, settings.source)));
}

// No more frames come for now: what was learned is in force or kept.
static void end_learning(GstUniadDetect *self) {
  State *state = self->priv->state.get();
  if (state == nullptr) return;
  if (state->background) state->background->finish();
  state->detector->end_learning();
  const std::lock_guard lock(self->priv->mutex);
  // Should the stream go on, so does learning.
  if (self->priv->interrupted) self->priv->learn_request = self->priv->interrupted;
}

// The stream stops or jumps: what was seen no longer holds.
static void forget(GstUniadDetect *self, const char *reason) {
  State *state = self->priv->state.get();
  if (state == nullptr) return;
  if (state->events.end(reason)) tell_event(self, current_settings(self), GST_CLOCK_TIME_NONE);
  state->forget();
}

// Timestamps start anew: what follows is another session.
static void begin_session(GstUniadDetect *self) {
  if (self->priv->state) self->priv->state->events = uniad::EventTracker(new_uuid());
}

static uniad::DetectorOptions options_of(GstUniadDetect *self, const Settings &settings) {
  uniad::DetectorOptions options;
  options.device = settings.device;
  options.precision = settings.precision;
  if (settings.learn) options.new_on_backbone = settings.backbone;
  options.adapt_rate = settings.adapt_rate;
  options.tell = [self](const uniad::Learning &learning) { tell_of_learning(self, learning); };
  options.batch_size = settings.batch_size;
  options.batch_timeout = std::chrono::nanoseconds(settings.batch_timeout);
  return options;
}

// Whether what the properties ask to be learned has a place: before the first frame, not after half a minute
// of them. Where the model knows the source already, nothing is learned.
static bool can_save_what_it_learns(GstUniadDetect *self, const Settings &settings, const State &state) {
  {
    const std::lock_guard lock(self->priv->mutex);
    if (!settings.learn || self->priv->learned) return true;
  }
  const bool once = settings.learn_once || state.begins_model;
  if (once && state.detector->calibration()->sources.contains(settings.source)) return true;
  try {
    uniad::check_writable(settings.model, "model");
    return true;
  } catch (const std::exception &error) {
    GST_ELEMENT_ERROR(self, RESOURCE, OPEN_WRITE,
                      ("What is to be learned could not be saved: %s", error.what()), (nullptr));
    return false;
  }
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
  const auto exists = [&](const std::filesystem::path &path) {
    return std::filesystem::exists(path, unreadable);
  };
  if (!settings.learn && !exists(settings.model) && !uniad::Detector::holds_unsaved(settings.model)) {
    const bool interrupted = exists(uniad::interrupted_learning_path(settings.model, settings.source));
    GST_ELEMENT_ERROR(
        self, RESOURCE, NOT_FOUND,
        ("There is no model file \"%s\"%s: give the property 'model' the path of a file that "
         "uniad train or uniad import wrote, or let the element learn one: "
         "learn-time=30000000000 (nanoseconds).",
         settings.model.c_str(), interrupted ? ", learning it was interrupted and can go on" : ""),
        (nullptr));
    return FALSE;
  }

  try {
    auto state = std::make_unique<State>();
    state->begins_model = !exists(settings.model);
    state->detector = uniad::Detector::open(settings.model, options_of(self, settings));
    state->mode = settings.mode;
    GST_INFO_OBJECT(self, "%s: %s", settings.model.c_str(), state->detector->description().c_str());
    if (const std::string remark = state->detector->remark(); !remark.empty())
      GST_ELEMENT_WARNING(self, LIBRARY, SETTINGS, ("%s", remark.c_str()), (nullptr));
    if (!can_save_what_it_learns(self, settings, *state)) return FALSE;
    self->priv->latency = 0;
    self->priv->skipped = 0;
    self->priv->drift = 0;
    const std::lock_guard lock(self->priv->mutex);
    // Once: a camera that was lost and comes back must not teach what is in view by then.
    if (!self->priv->learned) self->priv->learn_request = settings.learn;
    self->priv->request_is_of_start = true;
    self->priv->to_save = state->detector;
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
  end_learning(self);
  forget(self, "stopped");
  {
    const std::lock_guard lock(self->priv->mutex);
    self->priv->to_save.reset();
    self->priv->learn_request = {};
    self->priv->interrupted = {};
  }
  self->priv->state.reset();
  return TRUE;
}

static gboolean has_system_memory(GstCapsFeatures *features, GstStructure * /*structure*/,
                                  gpointer /*nothing*/) {
  return gst_caps_features_contains(features, GST_CAPS_FEATURE_MEMORY_SYSTEM_MEMORY);
}

// What comes goes. Once it is known that the network is not on a GPU, frames in a GPU's memory may not come.
static GstCaps *gst_uniad_detect_transform_caps(GstBaseTransform *trans, GstPadDirection /*direction*/,
                                                GstCaps *caps, GstCaps *filter) {
  auto *priv = GST_UNIAD_DETECT(trans)->priv;
  GstCaps *result = gst_caps_copy(caps);
  {
    const std::lock_guard lock(priv->mutex);
    if (priv->to_save && !priv->cuda_frames)
      gst_caps_filter_and_map_in_place(result, has_system_memory, nullptr);
  }
  if (filter == nullptr) return result;
  GstCaps *filtered = gst_caps_intersect_full(filter, result, GST_CAPS_INTERSECT_FIRST);
  gst_caps_unref(result);
  return filtered;
}

static gboolean gst_uniad_detect_set_caps(GstBaseTransform *trans, GstCaps *incaps, GstCaps * /*outcaps*/) {
  GstUniadDetect *self = GST_UNIAD_DETECT(trans);
  State &state = *self->priv->state;
  if (!gst_video_info_from_caps(&state.info, incaps)) return FALSE;
  state.in_gpu_memory = uniad::in_cuda_memory(incaps) ? cuda_frames(self) : nullptr;
  state.frames_to_next = 0;
  return TRUE;
}

// A picture that lies on its side is another one to the network than the upright one that was learned.
static void look_for_orientation(GstUniadDetect *self, GstEvent *event) {
  State *state = self->priv->state.get();
  GstTagList *tags = nullptr;
  gst_event_parse_tag(event, &tags);
  const gchar *orientation = nullptr;
  if (state == nullptr || !gst_tag_list_peek_string_index(tags, GST_TAG_IMAGE_ORIENTATION, 0, &orientation) ||
      g_str_equal(orientation, "rotate-0") || std::exchange(state->warned_of_orientation, true))
    return;
  GST_ELEMENT_WARNING(
      self, STREAM, FORMAT,
      ("The stream says that its pictures are to be turned (image-orientation: %s). uniad train "
       "learns them turned: put \"videoflip video-direction=auto\" before this element, unless "
       "something else turns them.",
       orientation),
      (nullptr));
}

static gboolean gst_uniad_detect_sink_event(GstBaseTransform *trans, GstEvent *event) {
  GstUniadDetect *self = GST_UNIAD_DETECT(trans);
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_EOS:
      pause_detection(self);
      end_learning(self);
      forget(self, "eos");
      break;
    case GST_EVENT_SEGMENT_DONE:  // of a loop: what follows was filmed at another time
      forget(self, "eos");
      begin_session(self);
      break;
    case GST_EVENT_STREAM_START:
      forget(self, "changed");
      begin_session(self);
      if (self->priv->state) self->priv->state->live.reset();
      break;
    case GST_EVENT_FLUSH_START:
      pause_detection(self);
      break;
    case GST_EVENT_FLUSH_STOP:
      forget(self, "flush");
      begin_session(self);
      break;
    case GST_EVENT_TAG:
      look_for_orientation(self, event);
      break;
    default:
      break;
  }
  return GST_BASE_TRANSFORM_CLASS(gst_uniad_detect_parent_class)->sink_event(trans, event);
}

static gboolean gst_uniad_detect_query(GstBaseTransform *trans, GstPadDirection direction, GstQuery *query) {
  const auto gpu = cuda_frames(GST_UNIAD_DETECT(trans));
  if (gpu && gpu->answer(query)) return TRUE;
  if (direction == GST_PAD_SRC && uniad::asks_for_detector(query)) return TRUE;
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

static std::unique_ptr<uniad::HeldFrame> hold_or_warn(GstUniadDetect *self, GstBuffer *buffer) {
  State &state = *self->priv->state;
  auto frame = state.in_gpu_memory ? state.in_gpu_memory->hold(buffer, state.info)
                                   : uniad::hold_frame(buffer, state.info);
  if (!frame) {
    state.frames_to_next = 0;
    if (!std::exchange(state.warned_of_buffers, true))
      GST_ELEMENT_WARNING(self, STREAM, FORMAT,
                          ("Passed a buffer that does not hold a frame of its caps, unjudged, and will pass "
                           "all such buffers."),
                          ("buffer of %" G_GSIZE_FORMAT " bytes", gst_buffer_get_size(buffer)));
    GST_DEBUG_OBJECT(self, "buffer of %" G_GSIZE_FORMAT " bytes, unjudged", gst_buffer_get_size(buffer));
    return nullptr;
  }
  frame->taken_at(state.newest.elapsed);
  return frame;
}

static std::optional<uniad::TimedDetection> detect(GstUniadDetect *self, GstBuffer *buffer,
                                                   const uniad::FrameTime &time) {
  const auto frame = hold_or_warn(self, buffer);
  if (!frame) return std::nullopt;
  const GstClockTime begin = gst_util_get_timestamp();
  State &state = *self->priv->state;
  state.detector->detect({&frame->view(), 1}, state.detections);
  uniad::Detection &detection = state.detections.front();
  if (!detection.unjudged) update_latency(self, gst_util_get_timestamp() - begin);
  return uniad::TimedDetection{std::move(detection), time};
}

static bool is_due(State &state, guint interval) {
  const guint to_next = std::min(state.frames_to_next, interval - 1);
  state.frames_to_next = to_next == 0 ? interval - 1 : to_next - 1;
  return to_next == 0;
}

// Drift: the figure is drawn once in a while, as it costs as much as a judgement by statistics.
static void follow(GstUniadDetect *self, const uniad::Detection &normal) {
  constexpr guint interval = 50;
  State &state = *self->priv->state;
  state.detector->follow(normal);
  if (++state.followed % interval == 0) self->priv->drift = state.detector->drift();
}

// Takes the verdict into account, which is about the frame of that time.
static void follow_event(GstUniadDetect *self, const Settings &settings, const uniad::FrameTime &frame) {
  State &state = *self->priv->state;
  const GstClockTime frame_pts = state.newest.moment.pts;
  if (state.events.event().source != settings.source && state.events.end("changed"))
    tell_event(self, settings, frame_pts);
  state.events.advance(*state.verdict, frame, settings.source, std::chrono::nanoseconds(settings.hold_time));
  const GstAnomalyEventState event_state = state.events.event().state;
  if (event_state == GST_ANOMALY_EVENT_BEGIN || event_state == GST_ANOMALY_EVENT_END)
    tell_event(self, settings, frame_pts);
}

static void compare_source(GstUniadDetect *self, const Settings &settings,
                           const uniad::Calibration &calibration) {
  State &state = *self->priv->state;
  if (!state.compared.insert(settings.source).second) return;
  const std::string unknown = uniad::unknown_source(calibration, settings.source, settings.source_is_set);
  if (unknown.empty()) return;
  GST_ELEMENT_WARNING(self, LIBRARY, SETTINGS,
                      ("%s: %s. Set the property 'source' to one that is known, or learn this one: "
                       "learn-time=30000000000.",
                       settings.model.c_str(), unknown.c_str()),
                      (nullptr));
}

// To the network all pictures have one shape: those of another one than was learned look distorted.
static void compare_shape(GstUniadDetect *self, const Settings &settings) {
  State &state = *self->priv->state;
  const double learned = state.detector->aspect_ratio(settings.source);
  if (state.warned_of_shape || !(learned > 0)) return;
  const double stored =
      static_cast<double>(GST_VIDEO_INFO_WIDTH(&state.info)) / GST_VIDEO_INFO_HEIGHT(&state.info);
  const double shown = stored * GST_VIDEO_INFO_PAR_N(&state.info) / GST_VIDEO_INFO_PAR_D(&state.info);
  if (uniad::same_aspect_ratio(stored, learned) || uniad::same_aspect_ratio(shown, learned)) return;
  state.warned_of_shape = true;
  GST_ELEMENT_WARNING(
      self, STREAM, FORMAT,
      ("The frames of \"%s\" are %.2f times as wide as high, those that it was learned from %.2f "
       "times: they may look abnormal for that alone. Give the stream the shape that was learned "
       "(videocrop, aspectratiocrop, or no borders), or learn from it as it is.",
       settings.source.c_str(), stored, learned),
      (nullptr));
}

// Whether there is a new verdict.
static bool judge(GstUniadDetect *self, const Settings &settings, uniad::TimedDetection result) {
  State &state = *self->priv->state;
  if (result.detection.unjudged) return false;
  if (!std::isfinite(result.detection.score)) {
    if (state.no_numbers++ == 0)
      GST_ELEMENT_WARNING(
          self, STREAM, FAILED,
          ("The score of a frame is no number: it passes without a verdict. If this happens again, "
           "\"%s\" is damaged.",
           settings.model.c_str()),
          (nullptr));
    GST_DEBUG_OBJECT(self, "frame %" G_GUINT64_FORMAT " without a score", state.no_numbers);
    return false;
  }
  const auto calibration = state.detector->calibration();
  const auto *normal = calibration->find(settings.source);
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
  if (settings.threshold < 0) compare_source(self, settings, *calibration);
  compare_shape(self, settings);
  uniad::Detection seen;
  seen.number = result.detection.number;
  state.verdict = uniad::judge(std::move(result.detection), threshold, normal);
  if (threshold && !state.verdict->anomalous) follow(self, seen);
  state.judged_at = result.frame.running_time;
  follow_event(self, settings, result.frame);
  GST_LOG_OBJECT(self, "score %f", state.verdict->score);
  return true;
}

static void mark(GstUniadDetect *self, const Settings &settings, GstBuffer *buffer, GstClockTime age) {
  const State &state = *self->priv->state;
  GstAnomalyMeta *meta = uniad::mark(buffer, state.info, settings.source, *state.verdict, age);
  gst_anomaly_meta_set_session(meta, state.events.session().c_str());
  gst_anomaly_meta_set_time(meta, state.newest.moment.time, state.newest.time_source);
  uniad::set_event(meta, state.events.event());
}

// 0 where the stream does not say.
static double judged_a_second(const GstVideoInfo &info, guint interval) {
  return static_cast<double>(info.fps_n) / std::max(info.fps_d, 1) / std::max(interval, 1U);
}

// Where the application or the property asks for it.
static void begin_learning(GstUniadDetect *self, const Settings &settings) {
  State &state = *self->priv->state;
  LearnRequest request;
  LearnRequest under_way;
  bool once = false;
  {
    const std::lock_guard lock(self->priv->mutex);
    request = std::exchange(self->priv->learn_request, {});
    if (!request) return;
    under_way = std::exchange(self->priv->interrupted, request);
    once = self->priv->request_is_of_start && (settings.learn_once || state.begins_model);
  }
  forget(self, "changed");
  try {
    const bool begins = state.detector->learn(
        {settings.source, request.frames, std::chrono::nanoseconds(request.time),
         judged_a_second(state.info, settings.interval), once, !state.background && !*state.live});
    if (begins) return;
    GST_INFO_OBJECT(self, "the model has learned from %s before", settings.source.c_str());
    const std::lock_guard lock(self->priv->mutex);
    self->priv->learned = true;
    self->priv->interrupted = {};
  } catch (const std::exception &error) {  // what it does and knows it goes on with
    GST_ELEMENT_WARNING(self, LIBRARY, SETTINGS, ("%s", error.what()), (nullptr));
    const std::lock_guard lock(self->priv->mutex);
    self->priv->interrupted = under_way;
  }
}

// How long after the frame before, where timestamps do not tell: as long as the stream says that a frame
// lasts; where it does not, by the clock if it is live.
static GstClockTime step_without_timestamps(const State &state, GstBuffer *buffer,
                                            GstClockTime since_arrival) {
  const GstVideoInfo &info = state.info;
  if (GST_BUFFER_DURATION_IS_VALID(buffer)) return GST_BUFFER_DURATION(buffer);
  if (info.fps_n > 0 && info.fps_d > 0) return gst_util_uint64_scale_int(GST_SECOND, info.fps_d, info.fps_n);
  return *state.live ? since_arrival : GST_SECOND / uniad::assumed_frame_rate;
}

// Takes the time of the next frame.
static void advance_time(GstUniadDetect *self, GstBuffer *buffer) {
  State &state = *self->priv->state;
  const GstSegment &segment = GST_BASE_TRANSFORM(self)->segment;
  const uniad::WallTime wall = uniad::camera_or_arrival_time(buffer);
  const GstClockTime before = state.newest.running_time;
  const GstClockTime now =
      segment.format == GST_FORMAT_TIME
          ? gst_segment_to_running_time(&segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer))
          : GST_CLOCK_TIME_NONE;
  const bool known = GST_CLOCK_TIME_IS_VALID(now) && GST_CLOCK_TIME_IS_VALID(before) && now > before;
  const GstClockTime arrival = gst_util_get_timestamp();
  const GstClockTime since_arrival = arrival - std::exchange(state.arrival, arrival).value_or(arrival);
  state.newest.elapsed +=
      std::chrono::nanoseconds(known ? now - before : step_without_timestamps(state, buffer, since_arrival));
  state.newest.running_time = now;
  state.newest.moment = {GST_BUFFER_PTS(buffer), wall.time};
  state.newest.time_source = wall.source;
}

struct Upstream {
  bool live = false;
  GstClockTime latency = 0;
};

static Upstream ask_upstream(GstUniadDetect *self) {
  Upstream upstream;
  GstQuery *query = gst_query_new_latency();
  if (gst_pad_peer_query(GST_BASE_TRANSFORM_SINK_PAD(self), query)) {
    gboolean live = FALSE;
    gst_query_parse_latency(query, &live, &upstream.latency, nullptr);
    upstream.live = live != FALSE;
  }
  gst_query_unref(query);
  return upstream;
}

// Whether frames of this stream wait for their results, which its first frame decides.
static void choose_mode(GstUniadDetect *self) {
  State &state = *self->priv->state;
  if (state.live) return;
  state.live = ask_upstream(self).live;
  const bool async =
      state.mode == GST_UNIAD_DETECT_MODE_ASYNC || (state.mode == GST_UNIAD_DETECT_MODE_AUTO && *state.live);
  GST_DEBUG_OBJECT(self, "%s stream: %s", *state.live ? "live" : "recorded", async ? "async" : "sync");
  if (async == (state.background != nullptr)) return;
  state.background = async ? std::make_unique<uniad::BackgroundDetector>(state.detector) : nullptr;
}

// Where frames of a live stream wait for their results, they come later and later if it is faster than the
// network. The ones that are late pass at once, with the newest result, until the others are in time again.
static bool is_late(GstUniadDetect *self) {
  constexpr GstClockTime bearable = GST_SECOND / 2;  // a stall that is made up for
  State &state = *self->priv->state;
  const GstClockTime taken = state.newest.running_time;
  const GstClockTime now = gst_element_get_current_running_time(GST_ELEMENT(self));
  if (!*state.live || !GST_CLOCK_TIME_IS_VALID(taken) || !GST_CLOCK_TIME_IS_VALID(now)) return false;
  if (now < taken + bearable || now < taken + bearable + ask_upstream(self).latency) return false;
  if (!std::exchange(state.warned_of_lateness, true))
    GST_ELEMENT_WARNING(
        self, LIBRARY, SETTINGS,
        ("The stream is live and brings frames faster than they can be judged: those that are late pass with "
         "the newest result and its age. Set mode=auto or mode=async, so that no frame waits; or judge fewer "
         "frames (interval) or faster (precision=bf16, device=cuda)."),
        ("a frame is %" GST_TIME_FORMAT " old, judging one takes %" GST_TIME_FORMAT,
         GST_TIME_ARGS(now - taken), GST_TIME_ARGS(state.mean_duration.value_or(0))));
  return true;
}

static void skip(GstUniadDetect *self) {
  if (self->priv->skipped++ > 0) return;
  GST_ELEMENT_WARNING(self, STREAM, DECODE,
                      ("A frame is corrupt: it is damaged, or comes before the first key frame. It passes "
                       "without being judged or learned, as all that follow it and are corrupt. The property "
                       "'skipped' counts them."),
                      (nullptr));
}

static void process(GstUniadDetect *self, GstBuffer *buffer) {
  State &state = *self->priv->state;
  choose_mode(self);
  const Settings settings = current_settings(self);
  begin_learning(self, settings);
  advance_time(self, buffer);
  if (uniad::has_no_picture(buffer)) return skip(self);
  const GstClockTime now = state.newest.running_time;
  const bool due = is_due(state, settings.interval);

  if (!state.background && due && !is_late(self)) {
    if (auto result = detect(self, buffer, state.newest)) {
      if (judge(self, settings, std::move(*result))) mark(self, settings, buffer, 0);
    }
    return;
  }
  bool is_new = false;
  if (state.background) {
    while (auto result = state.background->take())
      is_new = judge(self, settings, std::move(*result)) || is_new;
  }
  if (!is_new) state.events.repeat();
  if (state.verdict) {
    const bool known =
        GST_CLOCK_TIME_IS_VALID(now) && GST_CLOCK_TIME_IS_VALID(state.judged_at) && now > state.judged_at;
    mark(self, settings, buffer, known ? now - state.judged_at : GST_CLOCK_TIME_NONE);
  }
  // Last, since a buffer that somebody else reads takes no more metadata.
  if (state.background && due) {
    if (auto frame = hold_or_warn(self, buffer)) state.background->offer(std::move(frame), state.newest);
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

// Under the mutex. What is set before the start counts from there.
static void ask_to_learn(_GstUniadDetect::Private *priv, const LearnRequest &request) {
  if (!priv->to_save) return;
  priv->learn_request = request;
  priv->request_is_of_start = false;
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
      settings.source = uniad::valid_utf8(string_of(value));  // as the model's calibration has it
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
    case PROP_LEARN:
      settings.learn.frames = g_value_get_uint(value);
      priv->learned = false;
      ask_to_learn(priv, settings.learn);
      break;
    case PROP_LEARN_TIME:
      settings.learn.time = g_value_get_uint64(value);
      priv->learned = false;
      ask_to_learn(priv, settings.learn);
      break;
    case PROP_LEARN_ONCE:
      settings.learn_once = g_value_get_boolean(value) != FALSE;
      break;
    case PROP_BACKBONE:
      settings.backbone = string_of(value);
      break;
    case PROP_ADAPT_RATE:
      settings.adapt_rate = g_value_get_double(value);
      break;
    case PROP_BATCH_SIZE:
      settings.batch_size = g_value_get_uint(value);
      break;
    case PROP_BATCH_TIMEOUT:
      settings.batch_timeout = g_value_get_uint64(value);
      break;
    case PROP_HOLD_TIME:
      settings.hold_time = g_value_get_uint64(value);
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
    case PROP_LEARN:
      g_value_set_uint(value, settings.learn.frames);
      break;
    case PROP_LEARN_TIME:
      g_value_set_uint64(value, settings.learn.time);
      break;
    case PROP_LEARN_ONCE:
      g_value_set_boolean(value, settings.learn_once);
      break;
    case PROP_BACKBONE:
      g_value_set_string(value, settings.backbone.c_str());
      break;
    case PROP_ADAPT_RATE:
      g_value_set_double(value, settings.adapt_rate);
      break;
    case PROP_DRIFT:
      g_value_set_double(value, priv->drift);
      break;
    case PROP_BATCH_SIZE:
      g_value_set_uint(value, settings.batch_size);
      break;
    case PROP_BATCH_TIMEOUT:
      g_value_set_uint64(value, settings.batch_timeout);
      break;
    case PROP_HOLD_TIME:
      g_value_set_uint64(value, settings.hold_time);
      break;
    case PROP_SKIPPED:
      g_value_set_uint64(value, priv->skipped);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
      break;
  }
}

static void gst_uniad_detect_learn_for(GstUniadDetect *self, guint frames, guint64 time) {
  const std::lock_guard lock(self->priv->mutex);
  ask_to_learn(self->priv, {frames, time});
}

static void gst_uniad_detect_learn(GstUniadDetect *self, guint frames) {
  gst_uniad_detect_learn_for(self, frames, 0);
}

static gboolean gst_uniad_detect_save(GstUniadDetect *self) {
  std::shared_ptr<uniad::Detector> detector;
  {
    const std::lock_guard lock(self->priv->mutex);
    detector = self->priv->to_save;
  }
  if (!detector) return FALSE;
  try {
    detector->save();
    return TRUE;
  } catch (const std::exception &error) {
    GST_ELEMENT_WARNING(self, RESOURCE, WRITE, ("%s", error.what()), (nullptr));
    return FALSE;
  }
}

static void install_signals(GObjectClass *klass) {
  const GType type = G_TYPE_FROM_CLASS(klass);
  constexpr auto flags = static_cast<GSignalFlags>(G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION);
  /**
   * GstUniadDetect::learn:
   * @self: the element
   * @frames: how many
   *
   * Learns from the next @frames frames and adds them to the model, as the property does at the start.
   */
  gst_uniad_detect_signals[SIGNAL_LEARN] =
      g_signal_new_class_handler("learn", type, flags, G_CALLBACK(gst_uniad_detect_learn), nullptr, nullptr,
                                 nullptr, G_TYPE_NONE, 1, G_TYPE_UINT);
  /**
   * GstUniadDetect::learn-for:
   * @self: the element
   * @frames: how many, or 0
   * @time: nanoseconds of the stream, or 0
   *
   * Learns from the next frames until there are @frames of them and they cover @time, and adds them to the
   * model.
   */
  gst_uniad_detect_signals[SIGNAL_LEARN_FOR] =
      g_signal_new_class_handler("learn-for", type, flags, G_CALLBACK(gst_uniad_detect_learn_for), nullptr,
                                 nullptr, nullptr, G_TYPE_NONE, 2, G_TYPE_UINT, G_TYPE_UINT64);
  /**
   * GstUniadDetect::save:
   * @self: the element
   *
   * Writes the model as it is now, with what it has adapted to, to #GstUniadDetect:model.
   *
   * Returns: whether it was written
   */
  gst_uniad_detect_signals[SIGNAL_SAVE] = g_signal_new_class_handler(
      "save", type, flags, G_CALLBACK(gst_uniad_detect_save), nullptr, nullptr, nullptr, G_TYPE_BOOLEAN, 0);
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
      g_param_spec_string(
          "precision", "Precision",
          "Number format of the network: auto (fp32 on the CPU, bf16 or fp16 on a GPU), fp32, bf16, fp16 "
          "(GPU) or int8 (CPU); the shorter ones are faster where the processor has arithmetic for them",
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
  g_object_class_install_property(
      klass, PROP_LEARN,
      g_param_spec_uint(
          "learn", "Learn",
          "Learn what is normal from the first so many frames, add it to the model and save that; "
          "set while playing: from the next so many",
          0, G_MAXUINT, defaults.learn.frames, in_playing));
  g_object_class_install_property(
      klass, PROP_LEARN_TIME,
      g_param_spec_uint64(
          "learn-time", "Learn time",
          "Learn what is normal from the first so many nanoseconds of the stream, add it to the model and "
          "save that; with learn, until both are reached; set while playing: from the next so many",
          0, G_MAXINT64, defaults.learn.time, in_playing));
  g_object_class_install_property(klass, PROP_LEARN_ONCE,
                                  g_param_spec_boolean("learn-once", "Learn once",
                                                       "What learn and learn-time ask for at the start is "
                                                       "for a source that the model has not learned from "
                                                       "yet; learning that was interrupted goes on",
                                                       defaults.learn_once ? TRUE : FALSE, in_ready));
  g_object_class_install_property(
      klass, PROP_BACKBONE,
      g_param_spec_string(
          "backbone", "Backbone",
          "Pretrained network of a model that learning begins; auto: efficientnet-b4 where its "
          "weights are found, else efficientnet-lite2",
          defaults.backbone.c_str(), in_ready));
  g_object_class_install_property(
      klass, PROP_ADAPT_RATE,
      g_param_spec_double(
          "adapt-rate", "Adapt rate",
          "Share of the way that what is normal moves towards each frame judged normal (0 = it "
          "stays as it was learned); kept in the file only by the signal save",
          0, 0.01, defaults.adapt_rate, in_ready));
  g_object_class_install_property(
      klass, PROP_DRIFT,
      g_param_spec_double("drift", "Drift",
                          "How far normal frames have moved from what was learned, in standard deviations of "
                          "normal features; below 0.2 is noise",
                          0, G_MAXDOUBLE, 0,
                          static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
  g_object_class_install_property(
      klass, PROP_BATCH_SIZE,
      g_param_spec_uint(
          "batch-size", "Batch size",
          "Frames that the network takes at a time, from all elements of the same model, device and "
          "precision",
          1, 1024, defaults.batch_size, in_ready));
  g_object_class_install_property(
      klass, PROP_BATCH_TIMEOUT,
      g_param_spec_uint64(
          "batch-timeout", "Batch timeout",
          "How long a frame waits for others to fill a batch, in nanoseconds (0 = not at all: only "
          "frames that come while the network is busy share a batch)",
          0, GST_SECOND, defaults.batch_timeout, in_ready));
  g_object_class_install_property(
      klass, PROP_HOLD_TIME,
      g_param_spec_uint64("hold-time", "Hold time",
                          "An event ends when no frame was anomalous for so long, in nanoseconds; shorter "
                          "pauses belong to it (0 = it ends with the first frame that is not anomalous)",
                          0, G_MAXINT64, defaults.hold_time, in_playing));
  g_object_class_install_property(
      klass, PROP_SKIPPED,
      g_param_spec_uint64("skipped", "Skipped",
                          "Frames since the start that were neither judged nor learned, as they are corrupt "
                          "or only fill a gap",
                          0, G_MAXUINT64, 0,
                          static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
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
  install_signals(gobject_class);

  gst_element_class_set_static_metadata(element_class, "UniAD anomaly detector", "Filter/Analyzer/Video",
                                        "Marks video frames that do not look normal", "uniad-gst");
  GstCaps *caps = uniad::viewable_caps();
  gst_caps_append(caps, uniad::cuda_viewable_caps());
  gst_element_class_add_pad_template(element_class,
                                     gst_pad_template_new("sink", GST_PAD_SINK, GST_PAD_ALWAYS, caps));
  gst_element_class_add_pad_template(element_class,
                                     gst_pad_template_new("src", GST_PAD_SRC, GST_PAD_ALWAYS, caps));
  gst_caps_unref(caps);

  element_class->change_state = gst_uniad_detect_change_state;

  transform_class->start = gst_uniad_detect_start;
  transform_class->stop = gst_uniad_detect_stop;
  transform_class->transform_caps = gst_uniad_detect_transform_caps;
  transform_class->set_caps = gst_uniad_detect_set_caps;
  transform_class->sink_event = gst_uniad_detect_sink_event;
  transform_class->query = gst_uniad_detect_query;
  transform_class->transform_ip = gst_uniad_detect_transform_ip;
}
