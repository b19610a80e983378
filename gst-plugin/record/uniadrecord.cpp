// SPDX-License-Identifier: Apache-2.0

/**
 * SECTION:element-uniadrecord
 * @title: uniadrecord
 * @short_description: Records an encoded stream: a clip of each event, or everything
 * @see_also: uniaddetect, uniadpublish
 *
 * uniadrecord writes a fragmented MP4 file for each event that a detector upstream reports, from before the
 * event until after it. It stands behind the encoder, passes the stream through unchanged, and does not
 * encode anything again: the file contains the very frames of the stream.
 *
 * ## What a clip contains
 *
 * The newest frames are kept in memory, in whole groups of pictures: #GstUniadRecord:pre-roll before the
 * newest frame, but at most #GstUniadRecord:pre-roll-size bytes. When an event begins, they become the
 * beginning of the clip. The clip ends #GstUniadRecord:post-roll after the event has ended. Another event
 * that begins before that belongs to the same clip, which then ends after the last of its events. A clip that
 * reaches #GstUniadRecord:max-duration ends there, and nothing more of its events is recorded.
 *
 * If there is no key frame in memory, the element asks the encoder for one, and the clip begins with it. When
 * caps or timestamps change in a way that one file cannot contain, the clip goes on in another file.
 *
 * ## Recording everything
 *
 * With #GstUniadRecord:continuous, each frame from the first key frame on is in exactly one segment. A
 * segment begins with a key frame and ends with the first one that is #GstUniadRecord:segment-time later. The
 * file index.jsonl in the folder says what each segment contains, and in which one each event begins and
 * ends. #GstUniadRecord:clips says whether events have clips as well.
 *
 * ## Results
 *
 * With #GstUniadRecord:embed-results, the results of the detector are recorded with the frames that they
 * belong to: in H.264 and H.265 as SEI (user data unregistered), with other codecs as JSON lines in a file
 * beside the recording. `uniad extract` prints them. The stream behind the element has no such data.
 *
 * ## Files
 *
 * Files are named SOURCE-TIME-ID.mp4, with the UTC time at which the event began and the first characters of
 * its id, or "segment". Each fragment of half a second can be played as soon as it is written, even if the
 * process is killed. #GstUniadRecord:max-size, #GstUniadRecord:max-age and #GstUniadRecord:max-files limit
 * the folder: the oldest files with such names are removed.
 *
 * Files are written on threads of their own. While the disk is slow, full or missing, the stream goes on:
 * #GstUniadRecord:queue-size bytes wait, more frames are lost, and #GstUniadRecord:lost counts them.
 *
 * ## Messages
 *
 * For each clip, the element posts the message `uniad-clip` twice, with the `state` "begin" and "end". It has
 * the fields `location`, `source`, `events` (their ids, a GStrv), `time` (UTC, in nanoseconds since 1970),
 * and at the end `duration`, `frames` and `bytes`. For each segment, it posts `uniad-segment` with the same
 * fields, but without `events`.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 rtspsrc location=rtsp://camera/ ! decodebin ! uniaddetect model=gate.safetensors source=gate
 * ! videoconvert ! x264enc tune=zerolatency ! h264parse ! uniadrecord location=clips max-size=10000000000 !
 * fakesink
 * ]| Keep the newest 10 GB of clips of a camera.
 */

#include "gst-plugin/record/uniadrecord.h"

#include <gst/video/video.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "gst-plugin/events/event.h"
#include "gst-plugin/record/clip_writer.h"
#include "gst-plugin/record/mp4_file.h"
#include "gst-plugin/record/properties.h"
#include "gst-plugin/record/recorder.h"
#include "gst-plugin/record/segment_cutter.h"
#include "gst-plugin/record/settings.h"
#include "gst-plugin/record/track.h"
#include "model/base/error.h"

GST_DEBUG_CATEGORY_STATIC(uniad_record_debug);
#define GST_CAT_DEFAULT uniad_record_debug

namespace {

// State from start to stop, which only the streaming thread uses.
struct RecordState {
  uniad::Recorder recorder;
  GstSegment segment{};
};

constexpr const char *accepted_caps =
    "video/x-h264, stream-format={avc,avc3}, alignment=au; video/x-h265, stream-format={hvc1,hev1}, "
    "alignment=au; "
    "video/x-av1, stream-format=obu-stream, alignment=tu; video/x-vp9; "
    "video/mpeg, mpegversion=4, systemstream=false";

}  // namespace

struct _GstUniadRecord {
  GstBaseTransform parent;

  struct Private {
    std::mutex mutex;  // guards the following members, which the application uses while the stream runs
    uniad::RecordSettings settings;
    uniad::Track::Counter lost = std::make_shared<std::atomic<std::uint64_t>>(0);
    std::unique_ptr<RecordState> state;  // start and stop replace it
  } * priv;
};

G_DEFINE_FINAL_TYPE(GstUniadRecord, gst_uniad_record, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE(uniadrecord, "uniadrecord", GST_RANK_NONE, GST_TYPE_UNIAD_RECORD)

static const uniad::PropertyTable<uniad::RecordSettings> &record_table() {
  static const auto properties = uniad::record_properties();
  return properties;
}

static void post_clip(GstUniadRecord *self, const uniad::ClipReport &report) {
  const uniad::Clip &clip = report.clip;
  const bool is_end = report.kind == uniad::ClipReport::Kind::finished;
  GstStructure *structure =
      gst_structure_new(clip.is_segment() ? "uniad-segment" : "uniad-clip", "state", G_TYPE_STRING,
                        is_end ? "end" : "begin", "location", G_TYPE_STRING, clip.path.c_str(), "source",
                        G_TYPE_STRING, clip.source.c_str(), "time", G_TYPE_UINT64, clip.time, nullptr);
  if (is_end)
    gst_structure_set(structure, "duration", G_TYPE_UINT64, clip.duration, "frames", G_TYPE_UINT64,
                      guint64{clip.frames}, "bytes", G_TYPE_UINT64, guint64{clip.bytes}, nullptr);
  if (!clip.is_segment()) {
    std::vector<const gchar *> ids;
    ids.reserve(clip.events.size() + 1);
    for (const std::string &id : clip.events) ids.push_back(id.c_str());
    ids.push_back(nullptr);
    gst_structure_set(structure, "events", G_TYPE_STRV, ids.data(), nullptr);
  }
  gst_element_post_message(GST_ELEMENT(self), gst_message_new_element(GST_OBJECT(self), structure));
}

static void report_clip(GstUniadRecord *self, const uniad::ClipReport &report) {
  using Kind = uniad::ClipReport::Kind;
  switch (report.kind) {
    case Kind::opened:
    case Kind::finished:
      post_clip(self, report);
      break;
    case Kind::failing:
      GST_ELEMENT_WARNING(
          self, RESOURCE, WRITE,
          ("Cannot record: %s. The stream continues, and recording is tried again.", report.reason.c_str()),
          (nullptr));
      break;
    case Kind::index_failing:
      GST_ELEMENT_WARNING(
          self, RESOURCE, WRITE,
          ("Cannot write the index of the segments: %s. Its lines are kept and written later.",
           report.reason.c_str()),
          (nullptr));
      break;
    case Kind::too_slow:
      GST_ELEMENT_WARNING(self, RESOURCE, WRITE,
                          ("Frames are lost while the stream continues: the disk takes them more slowly than "
                           "they come. Use a faster disk, or raise queue-size."),
                          (nullptr));
      break;
    case Kind::empty:
      GST_ELEMENT_WARNING(
          self, STREAM, FAILED,
          ("An event was not recorded, because no key frame came before its end. Set a shorter "
           "interval of key frames in the encoder or the camera."),
          (nullptr));
      break;
    case Kind::stopped:
      GST_ELEMENT_WARNING(
          self, RESOURCE, WRITE,
          ("A recording is incomplete, because the disk did not take it before the stop. Raise drain-time."),
          (nullptr));
      break;
  }
}

static void start_recorder(GstUniadRecord *self) {
  auto *priv = self->priv;
  uniad::RecordSettings settings;
  {
    const std::lock_guard lock(priv->mutex);
    settings = priv->settings;
  }
  if (settings.location.empty())
    throw uniad::Error(uniad::ErrorKind::InvalidArgument, "location", "is not set",
                       "set the property 'location' to a folder for the files");
  if (!settings.clips && !settings.continuous)
    throw uniad::Error(uniad::ErrorKind::InvalidArgument, "clips=false", "nothing would be recorded",
                       "set continuous=true, or clips=true");
  uniad::Mp4File::check_elements();
  const uniad::BoundedFolder folder(settings.location, ".mp4",
                                    {settings.max_size, settings.max_age, settings.max_files}, ".jsonl");
  folder.create();
  auto lost = std::make_shared<std::atomic<std::uint64_t>>(0);
  const auto writer = [&](std::uint64_t bytes) {
    auto track = std::make_unique<uniad::Track>(
        folder, settings.embed_results, lost,
        [self](const uniad::ClipReport &report) { report_clip(self, report); });
    return std::make_unique<uniad::ClipWriter>(std::move(track), bytes);
  };
  std::unique_ptr<uniad::ClipWriter> clips;
  std::unique_ptr<uniad::SegmentCutter> segments;
  if (settings.clips) clips = writer(settings.queue_size + settings.pre_roll_size);
  if (settings.continuous)
    segments = std::make_unique<uniad::SegmentCutter>(settings.segment_time, settings.source,
                                                      writer(settings.queue_size));
  auto state = std::make_unique<RecordState>(
      RecordState{uniad::Recorder(settings, std::move(clips), std::move(segments))});
  gst_segment_init(&state->segment, GST_FORMAT_UNDEFINED);
  const std::lock_guard lock(priv->mutex);
  priv->lost = std::move(lost);
  priv->state = std::move(state);
}

static gboolean gst_uniad_record_start(GstBaseTransform *trans) {
  GstUniadRecord *self = GST_UNIAD_RECORD(trans);
  try {
    start_recorder(self);
    return TRUE;
  } catch (const uniad::Error &error) {
    if (error.kind() == uniad::ErrorKind::InvalidArgument)
      GST_ELEMENT_ERROR(self, LIBRARY, SETTINGS, ("%s", error.what()), (nullptr));
    else if (error.kind() == uniad::ErrorKind::NotFound)
      GST_ELEMENT_ERROR(self, CORE, MISSING_PLUGIN, ("%s", error.what()), (nullptr));
    else
      GST_ELEMENT_ERROR(self, RESOURCE, OPEN_WRITE, ("%s", error.what()), (nullptr));
  } catch (const std::exception &error) {
    GST_ELEMENT_ERROR(self, RESOURCE, OPEN_WRITE, ("%s", error.what()), (nullptr));
  }
  return FALSE;
}

static gboolean gst_uniad_record_stop(GstBaseTransform *trans) {
  GstUniadRecord *self = GST_UNIAD_RECORD(trans);
  std::unique_ptr<RecordState> state;
  {
    const std::lock_guard lock(self->priv->mutex);
    state = std::move(self->priv->state);
  }
  try {
    if (state) state->recorder.close("stopped");
  } catch (const std::exception &error) {
    GST_ELEMENT_WARNING(self, STREAM, FAILED, ("%s", error.what()), (nullptr));
  }
  return TRUE;
}

static gboolean gst_uniad_record_set_caps(GstBaseTransform *trans, GstCaps *caps, GstCaps * /*out*/) {
  GstUniadRecord *self = GST_UNIAD_RECORD(trans);
  try {
    self->priv->state->recorder.change_to(caps);
    return TRUE;
  } catch (const std::exception &error) {
    GST_ELEMENT_ERROR(self, STREAM, FAILED, ("%s", error.what()), (nullptr));
    return FALSE;
  }
}

static void ask_for_key_frame(GstUniadRecord *self) {
  gst_pad_push_event(GST_BASE_TRANSFORM_SINK_PAD(self),
                     gst_video_event_new_upstream_force_key_unit(GST_CLOCK_TIME_NONE, TRUE, 0));
}

static GstFlowReturn gst_uniad_record_transform_ip(GstBaseTransform *trans, GstBuffer *buffer) {
  GstUniadRecord *self = GST_UNIAD_RECORD(trans);
  try {
    uniad::Recorder &recorder = self->priv->state->recorder;
    recorder.take(buffer);
    if (recorder.segment_needs_key_frame()) ask_for_key_frame(self);
  } catch (const std::exception &error) {
    GST_ELEMENT_WARNING(self, STREAM, FAILED, ("%s", error.what()), (nullptr));
  }
  return GST_FLOW_OK;
}

static void take_uniad_event(GstUniadRecord *self, const uniad::Event &event) {
  uniad::Recorder &recorder = self->priv->state->recorder;
  recorder.take(event);
  if (event.state != GST_ANOMALY_EVENT_BEGIN || !recorder.needs_key_frame()) return;
  ask_for_key_frame(self);
}

static void take_stream_event(GstUniadRecord *self, GstEvent *event) {
  RecordState *state = self->priv->state.get();
  if (state == nullptr) return;
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_CUSTOM_DOWNSTREAM:
      if (const auto its_event = uniad::event_of(gst_event_get_structure(event)))
        take_uniad_event(self, *its_event);
      break;
    case GST_EVENT_SEGMENT: {
      const GstSegment *segment = nullptr;
      gst_event_parse_segment(event, &segment);
      if (gst_segment_is_equal(segment, &state->segment) == FALSE) state->recorder.interrupt();
      state->segment = *segment;
      break;
    }
    case GST_EVENT_FLUSH_STOP:
    case GST_EVENT_STREAM_START:
      state->recorder.interrupt();
      break;
    case GST_EVENT_EOS:
      state->recorder.close("eos");
      break;
    default:
      break;
  }
}

static gboolean gst_uniad_record_sink_event(GstBaseTransform *trans, GstEvent *event) {
  GstUniadRecord *self = GST_UNIAD_RECORD(trans);
  try {
    take_stream_event(self, event);
  } catch (const std::exception &error) {
    GST_ELEMENT_WARNING(self, STREAM, FAILED, ("%s", error.what()), (nullptr));
  }
  return GST_BASE_TRANSFORM_CLASS(gst_uniad_record_parent_class)->sink_event(trans, event);
}

static void gst_uniad_record_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) {
  auto *priv = GST_UNIAD_RECORD(object)->priv;
  const std::lock_guard lock(priv->mutex);
  if (!record_table().set(priv->settings, id, value)) G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void gst_uniad_record_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) {
  auto *priv = GST_UNIAD_RECORD(object)->priv;
  const std::lock_guard lock(priv->mutex);
  if (id == uniad::PROP_RECORD_LOST)
    g_value_set_uint64(value, *priv->lost);
  else if (!record_table().get(priv->settings, id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void gst_uniad_record_finalize(GObject *object) {
  delete GST_UNIAD_RECORD(object)->priv;
  G_OBJECT_CLASS(gst_uniad_record_parent_class)->finalize(object);
}

static void gst_uniad_record_init(GstUniadRecord *self) {
  self->priv = new _GstUniadRecord::Private();
  gst_base_transform_set_passthrough(GST_BASE_TRANSFORM(self), TRUE);
}

static void gst_uniad_record_class_init(GstUniadRecordClass *klass) {
  GObjectClass *gobject_class = G_OBJECT_CLASS(klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
  GstBaseTransformClass *transform_class = GST_BASE_TRANSFORM_CLASS(klass);

  GST_DEBUG_CATEGORY_INIT(uniad_record_debug, "uniadrecord", 0, "UniAD recorder");

  gobject_class->set_property = gst_uniad_record_set_property;
  gobject_class->get_property = gst_uniad_record_get_property;
  gobject_class->finalize = gst_uniad_record_finalize;
  record_table().install(gobject_class);
  uniad::install_record_figures(gobject_class);

  gst_element_class_set_static_metadata(element_class, "UniAD recorder", "Filter/Video",
                                        "Records an encoded stream: a clip of each event, or everything",
                                        "uniad-gst");
  GstCaps *caps = gst_caps_from_string(accepted_caps);
  for (const auto &[name, direction] : {std::pair{"sink", GST_PAD_SINK}, {"src", GST_PAD_SRC}})
    gst_element_class_add_pad_template(element_class,
                                       gst_pad_template_new(name, direction, GST_PAD_ALWAYS, caps));
  gst_caps_unref(caps);

  transform_class->start = gst_uniad_record_start;
  transform_class->stop = gst_uniad_record_stop;
  transform_class->set_caps = gst_uniad_record_set_caps;
  transform_class->sink_event = gst_uniad_record_sink_event;
  transform_class->transform_ip = gst_uniad_record_transform_ip;
}
