/* SPDX-License-Identifier: Apache-2.0 */
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
 * @GST_ANOMALY_EVENT_NONE: the frame belongs to no event
 * @GST_ANOMALY_EVENT_BEGIN: the first frame of the event; its result is at or above the threshold
 * @GST_ANOMALY_EVENT_ONGOING: any further frame of the event. It is not anomalous where it repeats no
 *   anomalous result and the event is only held open
 * @GST_ANOMALY_EVENT_END: the frame whose result ended the event; it is not anomalous
 *
 * Where a frame stands in an event: anomalous results that follow each other closely enough. Every event has
 * one frame of state BEGIN and, unless the stream stops within it, one of state END: the first that carries
 * the result which began or ended it. Frames that repeat that result are ONGOING or NONE. Elements that drop
 * or double frames drop or double these states; uniaddetect also sends each of them once, as an event in the
 * stream.
 */
typedef enum {
  GST_ANOMALY_EVENT_NONE,
  GST_ANOMALY_EVENT_BEGIN,
  GST_ANOMALY_EVENT_ONGOING,
  GST_ANOMALY_EVENT_END,
} GstAnomalyEventState;

/**
 * GstAnomalyTimeSource:
 * @GST_ANOMALY_TIME_UNKNOWN: there is no time
 * @GST_ANOMALY_TIME_CAMERA: a #GstReferenceTimestampMeta of the frame: whoever captured it knew
 * @GST_ANOMALY_TIME_ARRIVAL: the clock of this machine when the frame came to the detector
 *
 * Who knew the time of day of a frame.
 */
typedef enum {
  GST_ANOMALY_TIME_UNKNOWN,
  GST_ANOMALY_TIME_CAMERA,
  GST_ANOMALY_TIME_ARRIVAL,
} GstAnomalyTimeSource;

/**
 * GstAnomalyMoment:
 * @pts: timestamp of a frame in nanoseconds, or %GST_CLOCK_TIME_NONE. It starts anew with each run of the
 *   pipeline
 * @time: nanoseconds since 1970 in UTC, or %GST_CLOCK_TIME_NONE
 *
 * When a frame was taken: in its stream and in the world.
 */
struct _GstAnomalyMoment {
  GstClockTime pts;
  GstClockTime time;
};

/**
 * GstAnomalyRegion:
 * @x: left edge, 0 to 1 of the frame's width
 * @y: upper edge, 0 to 1 of the frame's height
 * @w: width, 0 to 1 of the frame's width
 * @h: height, 0 to 1 of the frame's height
 * @score: the largest anomaly score inside, at or above the threshold
 *
 * A connected part of the frame that looks anomalous.
 */
struct _GstAnomalyRegion {
  gfloat x;
  gfloat y;
  gfloat w;
  gfloat h;
  gfloat score;
};

/**
 * GstAnomalyMeta:
 * @meta: parent #GstMeta
 * @source: name of the camera or product line that the frame shows
 * @score: how unlike normal footage the frame is; its unit is the model's
 * @has_threshold: whether @threshold, @probability and @anomalous mean anything: %FALSE without a calibration
 * @threshold: a score at or above it is anomalous
 * @probability: the score on a scale of 0 to 1, 0.5 at the threshold
 * @anomalous: whether @score reached @threshold, or the scene is unknown
 * @grid_width: columns of @grid
 * @grid_height: rows of @grid
 * @grid: (array): the anomaly map, row-major, in the unit of @score; its cells share the grid's area evenly.
 *   Bindings use gst_anomaly_meta_get_grid()
 * @n_regions: number of @regions
 * @regions: (array length=n_regions): the anomalous parts, strongest first; never empty when anomalous,
 *   unless they were cropped away
 * @event_id: (nullable): the event that the frame belongs to, unique across streams and restarts, or %NULL
 * @event_state: where in the event the frame stands
 * @unknown_scene: whether the frame as a whole is unlike everything that was learned: another product, a
 *   camera that was turned, a covered lens
 * @grid_x: left edge of the grid's area, in 0 to 1 of the frame's width. The area may reach beyond the frame
 * @grid_y: upper edge, in 0 to 1 of the frame's height
 * @grid_w: width of the grid's area, 1 where it is as wide as the frame
 * @grid_h: height, 1 where it is as high as the frame
 * @age: nanoseconds of running time since the frame that the result comes from; 0: judged on this frame;
 *   %GST_CLOCK_TIME_NONE: judged on an earlier one, of a stream without timestamps
 * @session: (nullable): a UUID, another one after each start, seek, loop and change of the stream, or %NULL
 * @time: when this frame was taken, in nanoseconds since 1970 in UTC, or %GST_CLOCK_TIME_NONE
 * @time_source: who knew @time
 * @event_begin: the frame that began the event. This and the following are of judged frames, and mean nothing
 *   without an event
 * @event_moment: the frame that @event_state is about: at BEGIN the first anomalous one, at ONGOING the
 * newest that was judged, at END the first after the last anomalous one
 * @event_peak: the frame of the event's highest score so far
 * @event_peak_score: that score
 * @event_frames: anomalous frames of the event so far
 * @picture_x: left edge of what was judged, in 0 to 1 of the frame's width: beyond it lie borders
 * @picture_y: upper edge, in 0 to 1 of the frame's height
 * @picture_w: width of what was judged, 1 where it fills the frame
 * @picture_h: height, 1 where it fills the frame
 *
 * An anomaly detector's word on one frame. All coordinates are relative. The meta has the API tags of what
 * depends on a frame's size and orientation: scaling, with or without borders, conversion and encoding keep
 * it. From GStreamer 1.28 on, cropping, flipping and turning by quarters move @grid and @regions, too; before
 * that, elements that do so drop the meta. Draw and publish before them.
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

  gfloat picture_x;
  gfloat picture_y;
  gfloat picture_w;
  gfloat picture_h;
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

GST_UNIAD_META_API void gst_anomaly_meta_set_event_course(GstAnomalyMeta *meta, const GstAnomalyMoment *begin,
                                                          const GstAnomalyMoment *moment,
                                                          const GstAnomalyMoment *peak, gdouble peak_score,
                                                          guint64 frames);

GST_UNIAD_META_API void gst_anomaly_meta_set_session(GstAnomalyMeta *meta, const gchar *session);

GST_UNIAD_META_API void gst_anomaly_meta_set_time(GstAnomalyMeta *meta, GstClockTime time,
                                                  GstAnomalyTimeSource source);

G_END_DECLS
