// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/record/properties.h"

namespace uniad {

namespace {

constexpr auto before_start =
    static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);

GParamSpec *number(const char *name, const char *nick, const char *blurb, guint64 value, guint64 least = 0) {
  return g_param_spec_uint64(name, nick, blurb, least, G_MAXINT64, value, before_start);
}

void add_folder(PropertyTable<RecordSettings> &table) {
  const RecordSettings defaults;
  table.add(PROP_RECORD_LOCATION, &RecordSettings::location,
            g_param_spec_string("location", "Location", "Folder for the files; created if it does not exist",
                                nullptr, before_start));
  table.add(PROP_RECORD_MAX_SIZE, &RecordSettings::max_size,
            number("max-size", "Maximum size",
                   "Maximum size in bytes of all files in the folder; the oldest are removed (0 = no limit)",
                   defaults.max_size));
  table.add(PROP_RECORD_MAX_AGE, &RecordSettings::max_age,
            number("max-age", "Maximum age",
                   "Files that are older, in nanoseconds, are removed from the folder (0 = no limit)",
                   defaults.max_age));
  table.add(PROP_RECORD_MAX_FILES, &RecordSettings::max_files,
            g_param_spec_uint("max-files", "Maximum files",
                              "Maximum number of files in the folder; the oldest are removed (0 = no limit)",
                              0, G_MAXUINT, defaults.max_files, before_start));
}

GParamSpec *flag(const char *name, const char *nick, const char *blurb, bool value) {
  return g_param_spec_boolean(name, nick, blurb, value ? TRUE : FALSE, before_start);
}

void add_modes(PropertyTable<RecordSettings> &table) {
  const RecordSettings defaults;
  table.add(PROP_RECORD_CLIPS, &RecordSettings::clips,
            flag("clips", "Clips", "Record a clip of each event", defaults.clips));
  table.add(PROP_RECORD_CONTINUOUS, &RecordSettings::continuous,
            flag("continuous", "Continuous", "Record everything, in segments", defaults.continuous));
  table.add(PROP_RECORD_SEGMENT_TIME, &RecordSettings::segment_time,
            number("segment-time", "Segment time",
                   "Duration in nanoseconds after which the next key frame begins another segment",
                   defaults.segment_time, GST_SECOND));
  table.add(
      PROP_RECORD_EMBED_RESULTS, &RecordSettings::embed_results,
      flag("embed-results", "Embed results",
           "Record the results of a detector with the frames: as SEI in H.264 and H.265, otherwise in a "
           "file beside the recording",
           defaults.embed_results));
  table.add(PROP_RECORD_SOURCE, &RecordSettings::source,
            g_param_spec_string("source", "Source",
                                "Name of the camera in the names of segments, until results of a detector "
                                "tell it",
                                defaults.source.c_str(), before_start));
}

}  // namespace

PropertyTable<RecordSettings> record_properties() {
  const RecordSettings defaults;
  PropertyTable<RecordSettings> table;
  add_folder(table);
  add_modes(table);
  table.add(PROP_RECORD_PRE_ROLL, &RecordSettings::pre_roll,
            number("pre-roll", "Pre-roll",
                   "A clip begins with the last key frame that is so many nanoseconds older than the report "
                   "of the event",
                   defaults.pre_roll));
  table.add(
      PROP_RECORD_POST_ROLL, &RecordSettings::post_roll,
      number("post-roll", "Post-roll",
             "Time in nanoseconds from the report that the last event of a clip has ended to the end of "
             "the clip",
             defaults.post_roll));
  table.add(
      PROP_RECORD_MAX_DURATION, &RecordSettings::max_duration,
      number("max-duration", "Maximum duration",
             "Maximum duration of a clip in nanoseconds; what comes later of its events is not recorded",
             defaults.max_duration, GST_SECOND));
  table.add(PROP_RECORD_PRE_ROLL_SIZE, &RecordSettings::pre_roll_size,
            number("pre-roll-size", "Pre-roll size",
                   "Maximum size in bytes of the frames that are kept in memory for the pre-roll",
                   defaults.pre_roll_size));
  table.add(
      PROP_RECORD_QUEUE_SIZE, &RecordSettings::queue_size,
      number("queue-size", "Queue size",
             "Maximum size in bytes of the frames that wait for the disk, beyond pre-roll-size; more are "
             "lost",
             defaults.queue_size));
  table.add(PROP_RECORD_DRAIN_TIME, &RecordSettings::drain_time,
            number("drain-time", "Drain time",
                   "Maximum time in nanoseconds to wait at the stop until everything is written",
                   defaults.drain_time));
  return table;
}

void install_record_figures(GObjectClass *klass) {
  g_object_class_install_property(
      klass, PROP_RECORD_LOST,
      g_param_spec_uint64("lost", "Lost", "Number of frames since the start that were not written", 0,
                          G_MAXUINT64, 0,
                          static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
}

}  // namespace uniad
