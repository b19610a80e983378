// SPDX-License-Identifier: Apache-2.0

/**
 * SECTION:element-uniaddetect
 * @title: uniaddetect
 * @short_description: Marks video frames that do not look normal
 * @see_also: uniadoverlay, uniadpublish
 *
 * uniaddetect compares raw video frames of any format with what a model has learned from normal footage, and
 * adds a #GstAnomalyMeta to each buffer. For each anomalous region it also adds a
 * #GstVideoRegionOfInterestMeta of type "anomaly". The picture itself is neither modified nor copied.
 *
 * A frame is anomalous if its score reaches the threshold. The threshold is #GstUniadDetect:threshold if it
 * is set, otherwise that of the model's calibration for #GstUniadDetect:source, otherwise that of its
 * calibration for all sources together. If there is none, no frame is anomalous, and the element posts one
 * warning. A frame that as a whole is unlike everything that was learned is anomalous, too, and is marked as
 * an unknown scene.
 *
 * With #GstUniadDetect:mode=auto, each frame of a file waits for its result, as with sync. Frames of a live
 * stream do not wait, as with async: they pass at once with the newest result and its age. A stream is live
 * if upstream says so in its answer to a latency query. With sync, a live stream may be faster than the
 * model. Frames that are half a second late then pass with the newest result, and the element posts one
 * warning.
 *
 * If the network runs on a GPU, the element also accepts frames in GPU memory (`memory:CUDAMemory`), as
 * decoders from NVIDIA produce them.
 *
 * Frames that the decoder marks as corrupt (%GST_BUFFER_FLAG_CORRUPTED: parts are missing, or they precede
 * the first key frame) or that only fill a gap (%GST_BUFFER_FLAG_GAP) are neither judged nor learned from,
 * and #GstUniadDetect:skipped counts them. The element cannot detect damage that the decoder conceals. If
 * your network loses packets, use `rtph264depay wait-for-keyframe=true`.
 *
 * ## Learning from the running camera
 *
 * With #GstUniadDetect:learn-time, the element learns from the frames of this part of the stream instead of
 * judging them; with #GstUniadDetect:learn, from this number of frames; with both, until both are reached.
 * The action signals #GstUniadDetect::learn and #GstUniadDetect::learn-for do the same while the pipeline
 * plays. There are no training steps: the statistics of the frames are added to those of the model, the
 * threshold of the source is computed from held-out frames, the model is saved at #GstUniadDetect:model, and
 * detection resumes. If the model file does not exist, the element creates a model with
 * #GstUniadDetect:backbone. The computation does not block a live stream: its frames pass unjudged, or judged
 * by what was known before. The stream of a file waits.
 *
 * If the end of the stream or a state change interrupts learning, no model of too few frames is written. What
 * was learned is kept next to the model, as MODEL.SOURCE.learning. The next request to learn resumes from it,
 * also in another process; a request for fewer frames counts those that it has. This file is also written
 * every ten seconds (less often if writing takes longer than a second), so that a crash loses no more than
 * that. If it is damaged, more than a week old, or from another state of the model, the element posts a
 * warning, starts over and replaces it.
 *
 * If the model file cannot be written, learning is refused before its first frame, with an error at the start
 * or a warning while the pipeline plays. If this only shows at the end, for example because the disk is full,
 * what was learned is in force anyway, also for elements of this process that are started later, and writing
 * is retried every minute. Several elements and processes can learn into the same model file at the same
 * time; it receives what each of them has learned. With #GstUniadDetect:learn-once, the element does not
 * learn at the start if the model already knows the source.
 *
 * ## Zones
 *
 * With #GstUniadDetect:zones, the element ignores parts of the frame, such as a burnt-in clock, or watches
 * only some parts. Each watch zone has a name and can have a threshold or a sensitivity of its own. What is
 * ignored is neither judged nor learned. If there are watch zones, only these raise alarms, and each region
 * and event has the name of its zone. The score and the threshold of a frame are those of the zone whose
 * score is the largest multiple of its threshold. The property can be set while the pipeline plays and takes
 * effect with the next frame. If the new zones are not valid, the element posts a warning, and the previous
 * ones stay in force.
 *
 * ## Camera health
 *
 * The element also reports what is wrong with the camera itself. Each kind in #GstUniadDetect:health is a
 * kind of event that concerns the whole frame: "black", "frozen" (for #GstUniadDetect:freeze-time),
 * "covered", "moved", "blurred" and "light-change". "covered", "moved" and "blurred" need a reference, which
 * learning stores in the model. The score of "moved" is the shift of the scene in pixels of the frame. While
 * a camera is or seems to be black, frozen, covered or moved, no other event begins; after a change of light,
 * none begins for #GstUniadDetect:settle-time.
 *
 * ## Motion
 *
 * If the model has learned the motion of the source, each frame also has a motion score, which says how
 * unusual the speeds in it are for the row of the picture that they occur in. A motion score that reaches
 * #GstUniadDetect:motion-threshold makes the frame anomalous and begins an event of the kind "motion". Motion
 * is measured in every frame in system memory, also in those that #GstUniadDetect:interval and
 * #GstUniadDetect:max-rate leave out; its events follow the judged frames. With #GstUniadDetect:motion=auto,
 * it is judged if at least a minute of it was learned and most of the scene usually stands still. Zones hold
 * for it; the sensitivity of a zone divides its threshold. With #GstUniadDetect:stopped, an event of the kind
 * "stopped" is reported while something that always moves stands still for three times as long as it did
 * while the scene was learned.
 *
 * ## Messages
 *
 * An element message "uniad-event" is posted when an event begins, while it lasts whenever its peak has
 * risen, at most once a second, and when it ends. Every begin has exactly one end. The same structure goes
 * downstream as a serialized event of type %GST_EVENT_CUSTOM_DOWNSTREAM, ahead of the first frame that
 * carries the state; after a flush and at a stop, where nothing passes, only the message is sent.
 *
 * An event begins when #GstUniadDetect:event-confirm of the newest judged frames are at or above the
 * threshold and it has lasted for #GstUniadDetect:event-min-duration, counted from the first of them. It ends
 * when the score has been below #GstUniadDetect:event-release of the threshold for
 * #GstUniadDetect:event-hold, or when the stream ends, jumps or stops. For #GstUniadDetect:event-cooldown
 * after its end no other event of its kind begins. The fields of the structure:
 *
 * * #gchararray `id`: the same from begin to end, unique across streams and restarts
 * * #gchararray `kind`: "anomaly", or "unknown-scene" if the frame as a whole is unlike everything that was
 *   learned, or "motion", or "stopped", or a kind of camera health, see above; events of different kinds can
 *   overlap
 * * #gchararray `zone`: the zone of the event; absent if it is about the whole frame
 * * #gchararray `state`: "begin", "update" or "end"
 * * #gchararray `reason`: why the event ended, if the scene did not end it: "eos", "flush", "stopped", or
 *   "changed" (the stream, the source, a property, or what is normal)
 * * #gchararray `source`: see #GstUniadDetect:source
 * * #gchararray `session`: a UUID, another one after each start of the element, each seek, each round of a
 *   loop and each new stream: timestamps then start anew
 * * #guint64 `pts`: timestamp of the frame that the state is about, which was judged: of a begin the frame
 *   that confirmed the event, of an end the first after the last that was not below the release threshold
 * * #guint64 `time`: when that frame was taken, in nanoseconds since 1970 in UTC
 * * #gchararray `time-source`: "camera" where a #GstReferenceTimestampMeta of the frame told the time, as
 * with rtspsrc's `add-reference-timestamp-meta`; else "arrival": for a live stream when
 *   its source captured the frame by the clock of the pipeline, otherwise when the frame came here
 * * #gboolean `on-frame`: whether the metadata of a frame carries this state, too. Frames carry the states of
 *   one event at a time: of several, the one that has been open for the longest time
 * * #guint64 `frame-pts`: timestamp of the first frame that carries the state, in mode async a later one
 * * #gdouble `score`, #gdouble `threshold`
 * * #gboolean `unknown-scene`
 * * #GstValueArray `regions`: of #GstStructure, with #gdouble `x`, `y`, `w`, `h` in 0 to 1 of the frame and
 *   `score`, in a watch zone its name, #gchararray `zone`, and #gchararray `kind` "motion" or "stopped" if
 *   that raised it
 * * #guint64 `begin-pts`, `begin-time`: of the first anomalous frame
 * * #gdouble `peak-score`, #guint64 `peak-pts`, `peak-time`, #GstValueArray `peak-regions`: of the frame with
 *   the highest score so far
 * * #guint64 `duration`: from the begin to this state, in nanoseconds
 * * #guint64 `frames`: anomalous frames so far
 *
 * What is not known of a time is %GST_CLOCK_TIME_NONE.
 *
 * "uniad-learn" reports the progress of learning, every twentieth of the way and at its end: #gchararray
 * `source`, #gchararray `state`, #guint64 `frames` so far, #guint64 `wanted`, #guint64 `time` of the stream
 * that these frames cover, in nanoseconds, #guint64 `wanted-time`, once it is done #gdouble `threshold` and
 * `frame-rate` (of the frames as they came, by which false alarms per hour are counted), and #gchararray
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

#include "gst-plugin/detect/uniaddetect.h"

#include <gst/video/video.h>

#include <chrono>
#include <exception>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "gst-plugin/detect/debug.h"
#include "gst-plugin/detect/learning_session.h"
#include "gst-plugin/detect/properties.h"
#include "gst-plugin/detect/settings.h"
#include "gst-plugin/detect/stream_detector.h"
#include "gst-plugin/events/event.h"
#include "gst-plugin/video/cuda_frame.h"
#include "gst-plugin/video/mapped_frame.h"
#include "model/base/error.h"
#include "model/base/json_text.h"
#include "model/base/log.h"
#include "model/engine/detector.h"
#include "model/file/interrupted_learning.h"
#include "model/file/writable.h"
#include "model/scoring/zone_file.h"

GST_DEBUG_CATEGORY(uniad_detect_debug);
GST_DEBUG_CATEGORY_STATIC(uniad_debug);

using uniad::DetectSettings;

struct _GstUniadDetect {
  GstBaseTransform parent;

  struct Private {
    // Guards the next four: the application writes and calls while the streaming thread reads.
    std::mutex mutex;
    DetectSettings settings;
    std::shared_ptr<uniad::Detector> detector;       // from start to stop, for whoever calls
    std::shared_ptr<uniad::CudaFrames> cuda_frames;  // from READY to NULL, where the network is for a GPU
    std::optional<std::string> offered_device;       // that `cuda_frames` were made for, or not
    std::mutex zones_mutex;                          // one change of zones at a time
    uniad::LearningSession learning;
    uniad::DetectFigures figures;
    std::unique_ptr<uniad::StreamDetector> stream;  // from start to stop; the streaming thread's
  } * priv;
};

G_DEFINE_FINAL_TYPE(GstUniadDetect, gst_uniad_detect, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE(uniaddetect, "uniaddetect", GST_RANK_NONE, GST_TYPE_UNIAD_DETECT)

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

GType gst_uniad_detect_motion_get_type(void) {
  static const GEnumValue values[] = {
      {GST_UNIAD_DETECT_MOTION_AUTO,
       "If the model has learned enough of it, and most of the scene stands still", "auto"},
      {GST_UNIAD_DETECT_MOTION_ON, "If the model has learned any", "on"},
      {GST_UNIAD_DETECT_MOTION_OFF, "Neither learned nor judged", "off"},
      {0, nullptr, nullptr},
  };
  static const GType type = g_enum_register_static("GstUniadDetectMotion", values);
  return type;
}

// A copy, with the source named.
static DetectSettings current_settings(GstUniadDetect *self) {
  DetectSettings settings;
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
    detector = self->priv->detector;
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

// No more frames come for now: what was learned is in force or kept.
static void end_learning(GstUniadDetect *self) {
  if (!self->priv->stream) return;
  self->priv->stream->finish();
  self->priv->learning.pause();
}

// The stream stops or jumps: what was seen no longer holds.
static void forget(GstUniadDetect *self, const char *reason) {
  if (self->priv->stream) self->priv->stream->forget(reason, current_settings(self));
}

static uniad::DetectorOptions options_of(GstUniadDetect *self, const DetectSettings &settings) {
  uniad::DetectorOptions options;
  options.device = settings.device;
  options.precision = settings.precision;
  if (settings.learn_request()) options.new_on_backbone = settings.backbone;
  options.adapt_rate = settings.adapt_rate;
  options.tell = [self](const uniad::LearningProgress &progress) {  // on the learner's thread
    if (progress.state == uniad::LearningProgress::State::Done) self->priv->figures.drift = 0;
    self->priv->learning.update(progress);
    const DetectSettings now = current_settings(self);
    uniad::report_learning(GST_ELEMENT(self), progress, now.post_messages, now.source);
  };
  options.batch_size = settings.batch_size;
  options.batch_timeout = std::chrono::nanoseconds(settings.batch_timeout);
  return options;
}

// Whether what the properties ask to be learned has a place: before the first frame, not after half a minute
// of them. Where the model knows the source already, nothing is learned.
static bool can_save_what_it_learns(GstUniadDetect *self, const DetectSettings &settings,
                                    const uniad::Detector &detector, bool begins_model) {
  if (!settings.learn_request() || self->priv->learning.learned()) return true;
  const bool once = settings.learn_once || begins_model;
  if (once && detector.calibration()->sources.contains(settings.source)) return true;
  try {
    uniad::check_writable(settings.model, "model");
    return true;
  } catch (const std::exception &error) {
    GST_ELEMENT_ERROR(self, RESOURCE, OPEN_WRITE,
                      ("What is to be learned could not be saved: %s", error.what()), (nullptr));
    return false;
  }
}

// Puts these zones in force. Throws Error where they are not valid.
static void apply_zones(GstUniadDetect *self, const std::string &text, uniad::Detector &detector) {
  uniad::ZoneFile file = uniad::read_zones(text);
  std::vector<std::string> warnings = std::move(file.warnings);
  for (std::string &doubt : detector.set_zones(std::move(file.zones))) warnings.push_back(std::move(doubt));
  for (const std::string &warning : warnings)
    GST_ELEMENT_WARNING(self, LIBRARY, SETTINGS, ("%s", warning.c_str()), (nullptr));
}

// At the start, zones that are not valid are an error.
static bool begin_with_zones(GstUniadDetect *self, std::shared_ptr<uniad::Detector> detector) {
  auto *priv = self->priv;
  const std::lock_guard one_change_at_a_time(priv->zones_mutex);
  try {
    if (const std::string zones = current_settings(self).zones; !zones.empty())
      apply_zones(self, zones, *detector);
  } catch (const std::exception &error) {
    GST_ELEMENT_ERROR(self, RESOURCE, SETTINGS, ("The zones are not valid: %s", error.what()), (nullptr));
    return false;
  }
  const std::lock_guard lock(priv->mutex);
  priv->detector = std::move(detector);
  return true;
}

// On the application's thread, which reads the files, so that no frame waits for them. Zones that are not
// valid leave those in force that are.
static void change_zones(GstUniadDetect *self, const GValue *value) {
  auto *priv = self->priv;
  const gchar *given = g_value_get_string(value);
  const std::string zones = given != nullptr ? given : "";
  const std::lock_guard one_change_at_a_time(priv->zones_mutex);
  std::shared_ptr<uniad::Detector> detector;
  {
    const std::lock_guard lock(priv->mutex);
    detector = priv->detector;
  }
  try {
    if (detector) apply_zones(self, zones, *detector);
  } catch (const std::exception &error) {
    GST_ELEMENT_WARNING(self, RESOURCE, SETTINGS,
                        ("The zones are not valid, those before stay in force: %s", error.what()), (nullptr));
    return;
  }
  const std::lock_guard lock(priv->mutex);
  priv->settings.zones = zones;
}

static gboolean gst_uniad_detect_start(GstBaseTransform *trans) {
  GstUniadDetect *self = GST_UNIAD_DETECT(trans);
  const DetectSettings settings = current_settings(self);

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
  if (!settings.learn_request() && !exists(settings.model) &&
      !uniad::Detector::holds_unsaved(settings.model)) {
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
    settings.check();
    const bool begins_model = !exists(settings.model);
    const std::shared_ptr<uniad::Detector> detector =
        uniad::Detector::open(settings.model, options_of(self, settings));
    GST_INFO_OBJECT(self, "%s: %s", settings.model.c_str(), detector->description().c_str());
    if (const std::string warning = detector->warning(); !warning.empty())
      GST_ELEMENT_WARNING(self, LIBRARY, SETTINGS, ("%s", warning.c_str()), (nullptr));
    if (!can_save_what_it_learns(self, settings, *detector, begins_model)) return FALSE;
    auto *priv = self->priv;
    priv->figures.latency = 0;
    priv->figures.skipped = 0;
    priv->figures.drift = 0;
    priv->figures.scene_shift = -1;
    priv->learning.start(settings.learn_request());
    priv->stream =
        std::make_unique<uniad::StreamDetector>(trans, detector, settings.mode, begins_model, priv->figures);
    if (begin_with_zones(self, detector)) return TRUE;
    priv->learning.stop();
    priv->stream.reset();
    return FALSE;
  } catch (const std::exception &error) {
    // The others are about the device or precision asked for.
    const auto *own = dynamic_cast<const uniad::Error *>(&error);
    if (own != nullptr && own->where() == settings.model)
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
  auto *priv = self->priv;
  end_learning(self);
  forget(self, "stopped");
  priv->learning.stop();
  {
    const std::lock_guard lock(priv->mutex);
    priv->detector.reset();
  }
  priv->stream.reset();
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
    if (priv->detector && !priv->cuda_frames)
      gst_caps_filter_and_map_in_place(result, has_system_memory, nullptr);
  }
  if (filter == nullptr) return result;
  GstCaps *filtered = gst_caps_intersect_full(filter, result, GST_CAPS_INTERSECT_FIRST);
  gst_caps_unref(result);
  return filtered;
}

static gboolean gst_uniad_detect_set_caps(GstBaseTransform *trans, GstCaps *incaps, GstCaps * /*outcaps*/) {
  GstUniadDetect *self = GST_UNIAD_DETECT(trans);
  GstVideoInfo info;
  if (!gst_video_info_from_caps(&info, incaps)) return FALSE;
  self->priv->stream->set_info(info, uniad::in_cuda_memory(incaps) ? cuda_frames(self) : nullptr);
  return TRUE;
}

static gboolean gst_uniad_detect_sink_event(GstBaseTransform *trans, GstEvent *event) {
  GstUniadDetect *self = GST_UNIAD_DETECT(trans);
  uniad::StreamDetector *stream = self->priv->stream.get();
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_EOS:
      pause_detection(self);
      end_learning(self);
      forget(self, "eos");
      break;
    case GST_EVENT_SEGMENT_DONE:  // of a loop: what follows was filmed at another time
      forget(self, "eos");
      if (stream) stream->begin_session();
      break;
    case GST_EVENT_STREAM_START:
      forget(self, "changed");
      if (stream) stream->begin_stream();
      break;
    case GST_EVENT_FLUSH_START:
      pause_detection(self);
      break;
    case GST_EVENT_FLUSH_STOP:
      forget(self, "flush");
      if (stream) stream->begin_session();
      break;
    case GST_EVENT_TAG:
      if (stream) stream->warn_about_orientation(event);
      break;
    default:
      break;
  }
  return GST_BASE_TRANSFORM_CLASS(gst_uniad_detect_parent_class)->sink_event(trans, event);
}

static gboolean gst_uniad_detect_query(GstBaseTransform *trans, GstPadDirection direction, GstQuery *query) {
  if (direction == GST_PAD_SRC && uniad::asks_for_detector(query)) return TRUE;
  const auto gpu = cuda_frames(GST_UNIAD_DETECT(trans));
  if (gpu && gpu->answer(query)) return TRUE;
  if (!GST_BASE_TRANSFORM_CLASS(gst_uniad_detect_parent_class)->query(trans, direction, query)) return FALSE;
  if (direction != GST_PAD_SRC || GST_QUERY_TYPE(query) != GST_QUERY_LATENCY) return TRUE;

  const GstClockTime own = GST_UNIAD_DETECT(trans)->priv->figures.latency;
  gboolean live = FALSE;
  GstClockTime min = 0;
  GstClockTime max = 0;
  gst_query_parse_latency(query, &live, &min, &max);
  gst_query_set_latency(query, live, min + own, GST_CLOCK_TIME_IS_VALID(max) ? max + own : max);
  return TRUE;
}

static GstFlowReturn gst_uniad_detect_transform_ip(GstBaseTransform *trans, GstBuffer *buffer) {
  GstUniadDetect *self = GST_UNIAD_DETECT(trans);
  try {
    self->priv->stream->process(buffer, current_settings(self), self->priv->learning);
    return GST_FLOW_OK;
  } catch (const std::exception &error) {
    GST_ELEMENT_ERROR(self, STREAM, FAILED, ("%s", error.what()), (nullptr));
    return GST_FLOW_ERROR;
  }
}

static void gst_uniad_detect_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) {
  GstUniadDetect *self = GST_UNIAD_DETECT(object);
  auto *priv = self->priv;
  if (id == uniad::PROP_ZONES) {
    change_zones(self, value);
    return;
  }
  uniad::LearnRequest wanted;
  try {
    const std::lock_guard lock(priv->mutex);
    DetectSettings settings = priv->settings;
    if (!uniad::detect_properties().set(settings, id, value)) {
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
      return;
    }
    if (priv->detector) settings.check();  // before the start, anything can be set: the start checks it
    settings.source = uniad::valid_utf8(settings.source);  // as the model's calibration has it
    wanted = settings.learn_request();
    priv->settings = std::move(settings);
  } catch (const std::exception &error) {
    GST_ELEMENT_WARNING(self, LIBRARY, SETTINGS,
                        ("The property '%s' keeps its value: %s", pspec->name, error.what()), (nullptr));
    return;
  }
  if (id == uniad::PROP_LEARN || id == uniad::PROP_LEARN_TIME) priv->learning.set_wanted(wanted);
}

static void gst_uniad_detect_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) {
  auto *priv = GST_UNIAD_DETECT(object)->priv;
  if (id == uniad::PROP_DRIFT) {
    g_value_set_double(value, priv->figures.drift);
  } else if (id == uniad::PROP_SKIPPED) {
    g_value_set_uint64(value, priv->figures.skipped);
  } else if (id == uniad::PROP_SCENE_SHIFT) {
    g_value_set_double(value, priv->figures.scene_shift);
  } else {
    const std::lock_guard lock(priv->mutex);
    if (!uniad::detect_properties().get(priv->settings, id, value))
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
}

static void gst_uniad_detect_learn_for(GstUniadDetect *self, guint frames, guint64 time) {
  self->priv->learning.ask({frames, time});
}

static void gst_uniad_detect_learn(GstUniadDetect *self, guint frames) {
  gst_uniad_detect_learn_for(self, frames, 0);
}

static gboolean gst_uniad_detect_save(GstUniadDetect *self) {
  std::shared_ptr<uniad::Detector> detector;
  {
    const std::lock_guard lock(self->priv->mutex);
    detector = self->priv->detector;
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

static void log_of_library(uniad::LogLevel level, const std::string &message) {
  switch (level) {
    case uniad::LogLevel::Debug:
      GST_CAT_DEBUG(uniad_debug, "%s", message.c_str());
      break;
    case uniad::LogLevel::Info:
      GST_CAT_INFO(uniad_debug, "%s", message.c_str());
      break;
    case uniad::LogLevel::Warning:
      GST_CAT_WARNING(uniad_debug, "%s", message.c_str());
      break;
  }
}

static void install_properties(GObjectClass *klass) {
  uniad::detect_properties().install(klass);
  g_object_class_install_property(
      klass, uniad::PROP_DRIFT,
      g_param_spec_double("drift", "Drift",
                          "How far normal frames have drifted from what was learned, in standard deviations "
                          "of normal features; values below 0.2 are noise",
                          0, G_MAXDOUBLE, 0,
                          static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
  g_object_class_install_property(
      klass, uniad::PROP_SCENE_SHIFT,
      g_param_spec_double(
          "scene-shift", "Scene shift",
          "How far the scene lies from where it was learned, in pixels of the frame (-1 = not "
          "known); from 2 % of the frame on, an event of the kind moved reports it",
          -1, G_MAXDOUBLE, -1, static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
  g_object_class_install_property(
      klass, uniad::PROP_SKIPPED,
      g_param_spec_uint64("skipped", "Skipped",
                          "Number of frames since the start that were neither judged nor learned because "
                          "they are corrupt or only fill a gap",
                          0, G_MAXUINT64, 0,
                          static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
  gst_type_mark_as_plugin_api(GST_TYPE_UNIAD_DETECT_MODE, static_cast<GstPluginAPIFlags>(0));
  gst_type_mark_as_plugin_api(GST_TYPE_UNIAD_DETECT_MOTION, static_cast<GstPluginAPIFlags>(0));
}

static void gst_uniad_detect_class_init(GstUniadDetectClass *klass) {
  GObjectClass *gobject_class = G_OBJECT_CLASS(klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
  GstBaseTransformClass *transform_class = GST_BASE_TRANSFORM_CLASS(klass);

  GST_DEBUG_CATEGORY_INIT(uniad_detect_debug, "uniaddetect", 0, "UniAD anomaly detection");
  GST_DEBUG_CATEGORY_INIT(uniad_debug, "uniad", 0, "libuniad, the library behind uniaddetect");
  uniad::set_log_sink(log_of_library);

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
