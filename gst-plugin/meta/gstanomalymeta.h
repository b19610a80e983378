/* SPDX-License-Identifier: Apache-2.0 */
/* GstAnomalyMeta: the result of anomaly detection on a frame. */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#ifndef GST_UNIAD_META_API
#define GST_UNIAD_META_API __attribute__((visibility("default")))
#endif

typedef struct _GstAnomalyRegion GstAnomalyRegion;
typedef struct _GstAnomalyMoment GstAnomalyMoment;
typedef struct _GstAnomalyMeta GstAnomalyMeta;

/**
 * GstAnomalyEventState:
 * @GST_ANOMALY_EVENT_NONE: the frame does not belong to an event
 * @GST_ANOMALY_EVENT_BEGIN: the frame whose result confirmed the event; it is at or above the threshold
 * @GST_ANOMALY_EVENT_ONGOING: any other frame of the event. The frame is not anomalous if its result is below
 *   the threshold and the event only continues because of the release threshold or the hold time
 * @GST_ANOMALY_EVENT_END: the frame whose result ended the event; it is not anomalous
 *
 * The position of a frame in an event. An event joins anomalous results that are close enough in time. If
 * several events are open, for example in different zones, the frame has the oldest of them. Each
 * event that frames have from its begin on has one frame with the state BEGIN and, unless the stream stops
 * during the event, one with the state END: the first frames that carry the results which began and ended it.
 * Frames that repeat such a result are ONGOING or NONE. Elements that drop or duplicate frames drop or
 * duplicate these states; uniaddetect additionally sends each of them exactly once, as an event in the
 * stream.
 *
 * Since: 0.1
 */
typedef enum {
  GST_ANOMALY_EVENT_NONE,
  GST_ANOMALY_EVENT_BEGIN,
  GST_ANOMALY_EVENT_ONGOING,
  GST_ANOMALY_EVENT_END,
} GstAnomalyEventState;

/**
 * GstAnomalyTimeSource:
 * @GST_ANOMALY_TIME_UNKNOWN: the time is not known
 * @GST_ANOMALY_TIME_CAMERA: a #GstReferenceTimestampMeta of the frame, which comes from the camera
 * @GST_ANOMALY_TIME_ARRIVAL: the clock of this machine when the frame arrived at the detector
 *
 * The source of the time of a frame.
 *
 * Since: 0.1
 */
typedef enum {
  GST_ANOMALY_TIME_UNKNOWN,
  GST_ANOMALY_TIME_CAMERA,
  GST_ANOMALY_TIME_ARRIVAL,
} GstAnomalyTimeSource;

/**
 * GstAnomalyMoment:
 * @pts: timestamp of a frame in nanoseconds, or %GST_CLOCK_TIME_NONE. It starts over with each run of the
 *   pipeline
 * @time: nanoseconds since 1970 in UTC, or %GST_CLOCK_TIME_NONE
 *
 * When a frame was captured, in stream time and in UTC.
 *
 * Since: 0.1
 */
struct _GstAnomalyMoment {
  GstClockTime pts;
  GstClockTime time;
};

/**
 * GstAnomalyRegion:
 * @x: left edge, 0 to 1 of the frame's width
 * @y: top edge, 0 to 1 of the frame's height
 * @w: width, 0 to 1 of the frame's width
 * @h: height, 0 to 1 of the frame's height
 * @score: the highest anomaly score in the region, at or above the threshold
 * @zone: (nullable): the watch zone that the region lies in, an interned string, or %NULL
 * @kind: (nullable): what raised the region, an interned string: "motion", with @score in the unit of
 *   #GstAnomalyMeta.motion_score; "stopped" for something that always moves and stands still, with @score as
 *   a multiple of the longest normal stop; or %NULL for what the region looks like
 *
 * A connected anomalous region of the frame.
 *
 * Since: 0.1
 */
struct _GstAnomalyRegion {
  gfloat x;
  gfloat y;
  gfloat w;
  gfloat h;
  gfloat score;
  const gchar *zone;
  const gchar *kind;
};

/**
 * GstAnomalyMeta:
 * @meta: parent #GstMeta
 * @source: name of the camera or product line that the frame shows
 * @score: how much the frame differs from normal footage; the unit depends on the model
 * @has_threshold: whether @threshold, @probability and @anomalous are valid; %FALSE without a calibration
 * @threshold: scores at or above this value are anomalous
 * @probability: the score mapped to a scale from 0 to 1, with 0.5 at the threshold
 * @anomalous: whether @score reached @threshold, the scene is unknown, @motion_score reached
 *   @motion_threshold, or a region is of the kind "stopped"
 * @grid_width: number of columns of @grid
 * @grid_height: number of rows of @grid
 * @grid: (array): the anomaly map, row-major, in the unit of @score; its cells divide the grid's area evenly.
 *   Bindings should use gst_anomaly_meta_get_grid()
 * @n_regions: number of @regions
 * @regions: (array length=n_regions): the anomalous regions, strongest first; never empty if @anomalous is
 *   %TRUE, unless all regions were cropped away
 * @event_id: (nullable): the event that the frame belongs to, unique across streams and restarts, or %NULL
 * @event_state: position of the frame in the event
 * @unknown_scene: whether the frame as a whole is unlike everything that was learned, for example because of
 *   another product, a camera that was turned or a covered lens
 * @grid_x: left edge of the grid's area, 0 to 1 of the frame's width. The area may extend beyond the frame
 * @grid_y: top edge of the grid's area, 0 to 1 of the frame's height
 * @grid_w: width of the grid's area, 1 if it is as wide as the frame
 * @grid_h: height of the grid's area, 1 if it is as high as the frame
 * @age: nanoseconds of running time since the frame that the result was computed on; 0 for this frame;
 *   %GST_CLOCK_TIME_NONE for an earlier frame of a stream without timestamps
 * @session: (nullable): a UUID, which changes with each start, seek, loop and change of the stream, or %NULL
 * @time: when this frame was captured, in nanoseconds since 1970 in UTC, or %GST_CLOCK_TIME_NONE
 * @time_source: the source of @time
 * @event_begin: the frame that began the event. This and the following fields refer to judged frames and are
 *   only valid within an event
 * @event_moment: the frame that @event_state refers to: for BEGIN the frame that confirmed the event, for
 *   ONGOING the most recently judged frame, for END the first normal frame after the last that was not
 * @event_peak: the frame with the highest score of the event so far
 * @event_peak_score: the score of that frame
 * @event_frames: number of anomalous frames of the event so far
 * @event_kind: (nullable): the kind of the event, for example "anomaly" or "unknown-scene", or %NULL; an
 *   interned string
 * @event_zone: (nullable): the zone of the event, or %NULL for the whole frame; an interned string
 * @picture_x: left edge of the judged area, 0 to 1 of the frame's width; borders are outside this area
 * @picture_y: top edge of the judged area, 0 to 1 of the frame's height
 * @picture_w: width of the judged area, 1 if it is as wide as the frame
 * @picture_h: height of the judged area, 1 if it is as high as the frame
 * @has_motion: whether motion is judged, and @motion_score and @motion_threshold are valid
 * @motion_score: how unusual the motion in the frame is
 * @motion_threshold: motion scores at or above this value are anomalous
 * @has_combined_score: whether @combined_score is valid
 * @combined_score: one score for what the frame looks like and for how it moves: @motion_score plus a tenth
 *   of how rarely @score is reached, on the same logarithmic scale; no threshold belongs to it
 * @raised_by: (nullable): what raised @score to @threshold, an interned string: "local" for a place of the
 *   frame, "image" for the frame as a whole, which no map can show, "both", or %NULL if it was not reached
 * @pts: timestamp of the frame when this meta was attached, or %GST_CLOCK_TIME_NONE. Encoders may shift the
 *   timestamps of buffers, but not this one
 *
 * The result of an anomaly detector for one frame. All coordinates are relative. The meta has the API tags
 * for data that depends on the size and orientation of a frame. Scaling, with or without borders, conversion
 * and encoding keep it. With GStreamer 1.28 and later, cropping, flipping and rotation by multiples of 90
 * degrees also transform @grid and @regions; in earlier versions, elements that do this drop the meta, so
 * draw and publish before them.
 *
 * Since: 0.1
 */
struct _GstAnomalyMeta {
  GstMeta meta;

  gchar *source;
  gdouble score;
  gboolean has_threshold;
  gdouble threshold;
  gdouble probability;
  gboolean anomalous;

  guint grid_width;
  guint grid_height;
  gfloat *grid;

  guint n_regions;
  GstAnomalyRegion *regions;

  gchar *event_id;
  GstAnomalyEventState event_state;

  GstClockTime age;

  gboolean unknown_scene;

  gfloat grid_x;
  gfloat grid_y;
  gfloat grid_w;
  gfloat grid_h;

  gchar *session;
  GstClockTime time;
  GstAnomalyTimeSource time_source;

  GstAnomalyMoment event_begin;
  GstAnomalyMoment event_moment;
  GstAnomalyMoment event_peak;
  gdouble event_peak_score;
  guint64 event_frames;
  const gchar *event_kind;
  const gchar *event_zone;

  gfloat picture_x;
  gfloat picture_y;
  gfloat picture_w;
  gfloat picture_h;

  gboolean has_motion;
  gdouble motion_score;
  gdouble motion_threshold;
  gboolean has_combined_score;
  gdouble combined_score;

  const gchar *raised_by;

  GstClockTime pts;

  /*< private >*/
  gpointer _gst_reserved[GST_PADDING_LARGE];
};

#define GST_TYPE_ANOMALY_EVENT_STATE (gst_anomaly_event_state_get_type())
#define GST_TYPE_ANOMALY_TIME_SOURCE (gst_anomaly_time_source_get_type())
#define GST_ANOMALY_META_API_TYPE (gst_anomaly_meta_api_get_type())
#define GST_ANOMALY_META_INFO (gst_anomaly_meta_get_info())

GST_UNIAD_META_API GType gst_anomaly_event_state_get_type(void);

GST_UNIAD_META_API GType gst_anomaly_time_source_get_type(void);

GST_UNIAD_META_API GType gst_anomaly_meta_api_get_type(void);

GST_UNIAD_META_API const GstMetaInfo *gst_anomaly_meta_get_info(void);

GST_UNIAD_META_API GstAnomalyMeta *gst_buffer_add_anomaly_meta(GstBuffer *buffer, const gchar *source,
                                                               gdouble score, GstClockTime age);

GST_UNIAD_META_API GstAnomalyMeta *gst_buffer_get_anomaly_meta(GstBuffer *buffer);

GST_UNIAD_META_API void gst_anomaly_meta_set_threshold(GstAnomalyMeta *meta, gdouble threshold,
                                                       gdouble probability);

GST_UNIAD_META_API void gst_anomaly_meta_set_unknown_scene(GstAnomalyMeta *meta);

GST_UNIAD_META_API void gst_anomaly_meta_set_motion(GstAnomalyMeta *meta, gdouble score, gdouble threshold);

GST_UNIAD_META_API void gst_anomaly_meta_set_combined_score(GstAnomalyMeta *meta, gdouble score);

GST_UNIAD_META_API void gst_anomaly_meta_set_raised_by(GstAnomalyMeta *meta, const gchar *raised_by);

GST_UNIAD_META_API void gst_anomaly_meta_set_grid(GstAnomalyMeta *meta, guint width, guint height,
                                                  const gfloat *values);

GST_UNIAD_META_API void gst_anomaly_meta_set_grid_area(GstAnomalyMeta *meta, gfloat x, gfloat y, gfloat w,
                                                       gfloat h);

GST_UNIAD_META_API const gfloat *gst_anomaly_meta_get_grid(const GstAnomalyMeta *meta, guint *n_values);

GST_UNIAD_META_API void gst_anomaly_meta_set_regions(GstAnomalyMeta *meta, const GstAnomalyRegion *regions,
                                                     guint n_regions);

GST_UNIAD_META_API const GstAnomalyRegion *gst_anomaly_meta_get_regions(const GstAnomalyMeta *meta,
                                                                        guint *n_regions);

GST_UNIAD_META_API void gst_anomaly_meta_set_event(GstAnomalyMeta *meta, const gchar *id,
                                                   GstAnomalyEventState state);

GST_UNIAD_META_API void gst_anomaly_meta_set_event_kind(GstAnomalyMeta *meta, const gchar *kind,
                                                        const gchar *zone);

GST_UNIAD_META_API void gst_anomaly_meta_set_event_course(GstAnomalyMeta *meta, const GstAnomalyMoment *begin,
                                                          const GstAnomalyMoment *moment,
                                                          const GstAnomalyMoment *peak, gdouble peak_score,
                                                          guint64 frames);

GST_UNIAD_META_API void gst_anomaly_meta_set_session(GstAnomalyMeta *meta, const gchar *session);

GST_UNIAD_META_API void gst_anomaly_meta_set_time(GstAnomalyMeta *meta, GstClockTime time,
                                                  GstAnomalyTimeSource source);

G_END_DECLS
