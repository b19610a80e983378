// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/detect/properties.h"

namespace uniad {
namespace {

constexpr auto common = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
constexpr auto in_ready = static_cast<GParamFlags>(common | GST_PARAM_MUTABLE_READY);
constexpr auto in_playing = static_cast<GParamFlags>(common | GST_PARAM_MUTABLE_PLAYING);

void add_event_rules(PropertyTable<DetectSettings> &table) {
  const DetectSettings defaults;
  table.add(PROP_EVENT_CONFIRM, &DetectSettings::event_confirm,
            g_param_spec_string("event-confirm", "Event confirm",
                                "Number of judged frames that must be anomalous before an event begins, out "
                                "of so many: N/M (auto = 2/3 for live streams, otherwise 1/1)",
                                defaults.event_confirm.c_str(), in_playing));
  table.add(PROP_EVENT_HOLD, &DetectSettings::event_hold,
            g_param_spec_int64("event-hold", "Event hold",
                               "Time below the release threshold after which an event ends, in nanoseconds; "
                               "shorter pauses are part of the event (0 = the first normal frame ends it, "
                               "-1 = one second, but 0 for pictures without timestamps and frame rate)",
                               automatic_hold, G_MAXINT64, defaults.event_hold, in_playing));
  table.add(
      PROP_HOLD_TIME, &DetectSettings::event_hold,
      g_param_spec_int64("hold-time", "Hold time", "Former name of event-hold", automatic_hold, G_MAXINT64,
                         defaults.event_hold, static_cast<GParamFlags>(in_playing | G_PARAM_DEPRECATED)));
  table.add(PROP_EVENT_RELEASE, &DetectSettings::event_release,
            g_param_spec_double("event-release", "Event release",
                                "Release threshold as a share of the threshold: an event only ends once the "
                                "score is below it",
                                0, 1, defaults.event_release, in_playing));
  table.add(PROP_EVENT_COOLDOWN, &DetectSettings::event_cooldown,
            g_param_spec_uint64("event-cooldown", "Event cool-down",
                                "Time after the end of an event before the next one of its kind and zone can "
                                "begin, in nanoseconds",
                                0, G_MAXINT64, defaults.event_cooldown, in_playing));
  table.add(PROP_EVENT_MIN_DURATION, &DetectSettings::event_min_duration,
            g_param_spec_uint64("event-min-duration", "Event minimum duration",
                                "Time that an event must last before it is reported, in nanoseconds; shorter "
                                "ones are not reported",
                                0, G_MAXINT64, defaults.event_min_duration, in_playing));
}

void add_motion(PropertyTable<DetectSettings> &table) {
  const DetectSettings defaults;
  table.add(PROP_MOTION, &DetectSettings::motion,
            g_param_spec_enum("motion", "Motion", "Whether the motion in the stream is judged, too",
                              GST_TYPE_UNIAD_DETECT_MOTION, defaults.motion, in_playing));
  table.add(
      PROP_MOTION_THRESHOLD, &DetectSettings::motion_threshold,
      g_param_spec_double("motion-threshold", "Motion threshold",
                          "Motion score from which the motion in a frame is anomalous (-1 = the threshold "
                          "of the model)",
                          calibrated_threshold, G_MAXDOUBLE, defaults.motion_threshold, in_playing));
  table.add(PROP_STOPPED, &DetectSettings::stopped,
            g_param_spec_boolean("stopped", "Stopped",
                                 "Whether an event is reported when something that always moves, or moves at "
                                 "regular intervals, has stopped",
                                 defaults.stopped, in_playing));
}

void add_health(PropertyTable<DetectSettings> &table) {
  const DetectSettings defaults;
  table.add(
      PROP_HEALTH, &DetectSettings::health,
      g_param_spec_string("health", "Health",
                          "Kinds of camera health to report: all, none, or some of black, frozen, covered, "
                          "moved, blurred, light-change, separated by commas",
                          defaults.health.c_str(), in_playing));
  table.add(
      PROP_FREEZE_TIME, &DetectSettings::freeze_time,
      g_param_spec_uint64("freeze-time", "Freeze time",
                          "Time without any change of the picture after which it is frozen, in nanoseconds",
                          GST_MSECOND, G_MAXINT64, defaults.freeze_time, in_playing));
  table.add(PROP_SETTLE_TIME, &DetectSettings::settle_time,
            g_param_spec_uint64("settle-time", "Settle time",
                                "Time after a change of the light of the whole picture in which no anomaly "
                                "begins, in nanoseconds",
                                0, G_MAXINT64, defaults.settle_time, in_playing));
}

PropertyTable<DetectSettings> make_table() {
  const DetectSettings defaults;
  PropertyTable<DetectSettings> table;

  table.add(PROP_MODEL, &DetectSettings::model,
            g_param_spec_string("model", "Model",
                                "Path of the model file, written by uniad train, uniad import or learning",
                                nullptr, in_ready));
  table.add(PROP_SOURCE, &DetectSettings::source,
            g_param_spec_string("source", "Source",
                                "Name of the camera or product line, which selects the calibration and "
                                "labels the results (unset = name of the element)",
                                nullptr, in_playing));
  table.add(PROP_DEVICE, &DetectSettings::device,
            g_param_spec_string("device", "Device", "Device that runs the network: auto, cpu, cuda or cuda:N",
                                defaults.device.c_str(), in_ready));
  table.add(PROP_PRECISION, &DetectSettings::precision,
            g_param_spec_string(
                "precision", "Precision",
                "Number format of the network: auto (fp32 on the CPU, bf16 or fp16 on a GPU), fp32, bf16, "
                "fp16 (GPU) or int8 (CPU); the shorter formats are faster if the processor supports them",
                defaults.precision.c_str(), in_ready));
  table.add(
      PROP_INTERVAL, &DetectSettings::interval,
      g_param_spec_uint("interval", "Interval",
                        "Judge every Nth frame; the frames in between carry the newest result and its age", 1,
                        G_MAXUINT, defaults.interval, in_playing));
  table.add(
      PROP_MAX_RATE, &DetectSettings::max_rate,
      g_param_spec_double("max-rate", "Maximum rate",
                          "Maximum number of frames to judge per second of the stream, for cameras with "
                          "a variable rate; of the frames that interval leaves (0 = no limit)",
                          0, G_MAXDOUBLE, defaults.max_rate, in_playing));
  table.add(PROP_THRESHOLD, &DetectSettings::threshold,
            g_param_spec_double(
                "threshold", "Threshold",
                "Score from which a frame is anomalous (-1 = the threshold of the model's calibration)",
                calibrated_threshold, G_MAXDOUBLE, defaults.threshold, in_playing));
  table.add(PROP_MODE, &DetectSettings::mode,
            g_param_spec_enum("mode", "Mode", "Whether frames wait for their result",
                              GST_TYPE_UNIAD_DETECT_MODE, defaults.mode, in_ready));
  table.add(
      PROP_POST_MESSAGES, &DetectSettings::post_messages,
      g_param_spec_boolean("post-messages", "Post messages",
                           "Post an element message 'uniad-event' when an event begins and when it ends",
                           defaults.post_messages ? TRUE : FALSE, in_playing));
  table.add(PROP_LEARN, &DetectSettings::learn,
            g_param_spec_uint("learn", "Learn",
                              "Number of initial frames to learn as normal, or, if set while playing, of the "
                              "next frames; the result is added to the model and saved",
                              0, G_MAXUINT, defaults.learn, in_playing));
  table.add(PROP_LEARN_TIME, &DetectSettings::learn_time,
            g_param_spec_uint64(
                "learn-time", "Learn time",
                "Duration of the initial part of the stream to learn as normal, or, if set while playing, of "
                "the next part, in nanoseconds; together with learn, learning ends when both are reached",
                0, G_MAXINT64, defaults.learn_time, in_playing));
  table.add(PROP_LEARN_ONCE, &DetectSettings::learn_once,
            g_param_spec_boolean("learn-once", "Learn once",
                                 "At the start, learn only if the model has not learned from this source "
                                 "yet; interrupted learning is resumed",
                                 defaults.learn_once ? TRUE : FALSE, in_ready));
  table.add(PROP_BACKBONE, &DetectSettings::backbone,
            g_param_spec_string("backbone", "Backbone",
                                "Pretrained network of a new model; auto: efficientnet-b4 if its weights are "
                                "found, otherwise efficientnet-lite2",
                                defaults.backbone.c_str(), in_ready));
  table.add(
      PROP_ADAPT_RATE, &DetectSettings::adapt_rate,
      g_param_spec_double("adapt-rate", "Adapt rate",
                          "Rate at which the means follow frames judged normal (exponential moving average); "
                          "0 disables it. Only the signal save writes the result to the model file",
                          0, 0.01, defaults.adapt_rate, in_ready));
  table.add(
      PROP_BATCH_SIZE, &DetectSettings::batch_size,
      g_param_spec_uint(
          "batch-size", "Batch size",
          "Maximum number of frames per batch, from all elements that share a model, device and precision", 1,
          1024, defaults.batch_size, in_ready));
  table.add(PROP_BATCH_TIMEOUT, &DetectSettings::batch_timeout,
            g_param_spec_uint64("batch-timeout", "Batch timeout",
                                "Time that a frame waits for a batch to fill, in nanoseconds (0 = no "
                                "waiting: only frames that arrive while the network is busy share a batch)",
                                0, GST_SECOND, defaults.batch_timeout, in_ready));
  table.add(PROP_ZONES, &DetectSettings::zones,
            g_param_spec_string("zones", "Zones",
                                "Parts of the frame to ignore or to watch: a JSON file, or JSON that begins "
                                "with {; while playing, zones that are not valid leave the old ones in force",
                                nullptr, in_playing));
  add_motion(table);
  add_event_rules(table);
  add_health(table);
  return table;
}

}  // namespace

const PropertyTable<DetectSettings> &detect_properties() {
  static const PropertyTable<DetectSettings> table = make_table();
  return table;
}

}  // namespace uniad
