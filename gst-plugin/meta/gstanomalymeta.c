/* SPDX-License-Identifier: Apache-2.0 */

/**
 * SECTION:gstanomalymeta
 * @title: GstAnomalyMeta
 * @short_description: What an anomaly detector found on a frame
 *
 * uniaddetect adds one to every frame that passes; uniadoverlay draws it and uniadpublish writes it down.
 */

#include "gstanomalymeta.h"

#include <math.h>

#include <gst/video/gstvideometa.h>

GType gst_anomaly_event_state_get_type(void) {
  static gsize type = 0;
  if (g_once_init_enter(&type)) {
    static const GEnumValue values[] = {
        {GST_ANOMALY_EVENT_NONE, "GST_ANOMALY_EVENT_NONE", "none"},
        {GST_ANOMALY_EVENT_BEGIN, "GST_ANOMALY_EVENT_BEGIN", "begin"},
        {GST_ANOMALY_EVENT_ONGOING, "GST_ANOMALY_EVENT_ONGOING", "ongoing"},
        {GST_ANOMALY_EVENT_END, "GST_ANOMALY_EVENT_END", "end"},
        {0, NULL, NULL},
    };
    g_once_init_leave(&type, g_enum_register_static("GstAnomalyEventState", values));
  }
  return type;
}

GType gst_anomaly_time_source_get_type(void) {
  static gsize type = 0;
  if (g_once_init_enter(&type)) {
    static const GEnumValue values[] = {
        {GST_ANOMALY_TIME_UNKNOWN, "GST_ANOMALY_TIME_UNKNOWN", "unknown"},
        {GST_ANOMALY_TIME_CAMERA, "GST_ANOMALY_TIME_CAMERA", "camera"},
        {GST_ANOMALY_TIME_ARRIVAL, "GST_ANOMALY_TIME_ARRIVAL", "arrival"},
        {0, NULL, NULL},
    };
    g_once_init_leave(&type, g_enum_register_static("GstAnomalyTimeSource", values));
  }
  return type;
}

static gboolean gst_anomaly_meta_init(GstMeta *meta, G_GNUC_UNUSED gpointer params,
                                      G_GNUC_UNUSED GstBuffer *buffer) {
  GstAnomalyMeta *self = (GstAnomalyMeta *)meta;
  const GstAnomalyMoment unknown = {GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE};
  *self = (GstAnomalyMeta){.meta = *meta,
                           .grid_w = 1,
                           .grid_h = 1,
                           .time = GST_CLOCK_TIME_NONE,
                           .event_begin = unknown,
                           .event_moment = unknown,
                           .event_peak = unknown};
  return TRUE;
}

static void gst_anomaly_meta_free(GstMeta *meta, G_GNUC_UNUSED GstBuffer *buffer) {
  GstAnomalyMeta *self = (GstAnomalyMeta *)meta;
  g_free(self->source);
  g_free(self->grid);
  g_free(self->regions);
  g_free(self->event_id);
  g_free(self->session);
}

/* Everything is relative to the frame, so a copy and a scaled frame carry the same values. */
static gboolean gst_anomaly_meta_transform(GstBuffer *dest, GstMeta *meta, G_GNUC_UNUSED GstBuffer *buffer,
                                           GQuark type, G_GNUC_UNUSED gpointer data) {
  const GstAnomalyMeta *self = (const GstAnomalyMeta *)meta;
  GstAnomalyMeta *copy;

  if (!GST_META_TRANSFORM_IS_COPY(type) && !GST_VIDEO_META_TRANSFORM_IS_SCALE(type)) return FALSE;

  copy = gst_buffer_add_anomaly_meta(dest, self->source, self->score, self->age);
  if (!copy) return FALSE;
  if (self->has_threshold) gst_anomaly_meta_set_threshold(copy, self->threshold, self->probability);
  copy->unknown_scene = self->unknown_scene;
  copy->anomalous = self->anomalous;
  gst_anomaly_meta_set_grid(copy, self->grid_width, self->grid_height, self->grid);
  gst_anomaly_meta_set_grid_area(copy, self->grid_x, self->grid_y, self->grid_w, self->grid_h);
  gst_anomaly_meta_set_regions(copy, self->regions, self->n_regions);
  gst_anomaly_meta_set_event(copy, self->event_id, self->event_state);
  gst_anomaly_meta_set_event_course(copy, &self->event_begin, &self->event_moment, &self->event_peak,
                                    self->event_peak_score, self->event_frames);
  gst_anomaly_meta_set_session(copy, self->session);
  gst_anomaly_meta_set_time(copy, self->time, self->time_source);
  return TRUE;
}

GType gst_anomaly_meta_api_get_type(void) {
  static gsize type = 0;
  if (g_once_init_enter(&type)) {
    static const gchar *no_tags[] = {NULL};
    g_once_init_leave(&type, gst_meta_api_type_register("GstAnomalyMetaAPI", no_tags));
  }
  return type;
}

/**
 * gst_anomaly_meta_get_info: (skip)
 *
 * Returns: (transfer none): the #GstMetaInfo of #GstAnomalyMeta
 */
const GstMetaInfo *gst_anomaly_meta_get_info(void) {
  static gsize info = 0;
  if (g_once_init_enter(&info)) {
    g_once_init_leave(&info, (gsize)gst_meta_register(GST_ANOMALY_META_API_TYPE, "GstAnomalyMeta",
                                                      sizeof(GstAnomalyMeta), gst_anomaly_meta_init,
                                                      gst_anomaly_meta_free, gst_anomaly_meta_transform));
  }
  return (const GstMetaInfo *)info;
}

/**
 * gst_buffer_add_anomaly_meta:
 * @buffer: (transfer none): a writable #GstBuffer
 * @source: name of the camera or product line
 * @score: how unlike normal footage the frame is
 * @age: nanoseconds since the frame that the result comes from; 0: this one; or %GST_CLOCK_TIME_NONE
 *
 * Attaches a #GstAnomalyMeta without threshold, grid, regions or event to @buffer.
 *
 * Returns: (transfer none): the new meta
 */
GstAnomalyMeta *gst_buffer_add_anomaly_meta(GstBuffer *buffer, const gchar *source, gdouble score,
                                            GstClockTime age) {
  GstAnomalyMeta *meta;

  g_return_val_if_fail(GST_IS_BUFFER(buffer), NULL);
  g_return_val_if_fail(source != NULL, NULL);

  meta = (GstAnomalyMeta *)gst_buffer_add_meta(buffer, GST_ANOMALY_META_INFO, NULL);
  if (!meta) return NULL;
  meta->source = g_strdup(source);
  meta->score = score;
  meta->age = age;
  return meta;
}

/**
 * gst_buffer_get_anomaly_meta:
 * @buffer: (transfer none): a #GstBuffer
 *
 * With several detectors in a pipeline, gst_buffer_iterate_meta_filtered() with #GST_ANOMALY_META_API_TYPE
 * gives all.
 *
 * Returns: (transfer none) (nullable): the first #GstAnomalyMeta of @buffer, or %NULL
 */
GstAnomalyMeta *gst_buffer_get_anomaly_meta(GstBuffer *buffer) {
  g_return_val_if_fail(GST_IS_BUFFER(buffer), NULL);
  return (GstAnomalyMeta *)gst_buffer_get_meta(buffer, GST_ANOMALY_META_API_TYPE);
}

/**
 * gst_anomaly_meta_set_threshold:
 * @meta: a #GstAnomalyMeta
 * @threshold: a score at or above it is anomalous
 * @probability: the score on a scale of 0 to 1, 0.5 at @threshold
 *
 * Sets the threshold, and with it #GstAnomalyMeta.anomalous.
 */
void gst_anomaly_meta_set_threshold(GstAnomalyMeta *meta, gdouble threshold, gdouble probability) {
  g_return_if_fail(meta != NULL);
  meta->has_threshold = TRUE;
  meta->threshold = threshold;
  meta->probability = probability;
  meta->anomalous = meta->score >= threshold || meta->unknown_scene;
}

/**
 * gst_anomaly_meta_set_unknown_scene:
 * @meta: a #GstAnomalyMeta
 *
 * Says that the frame as a whole is unlike everything that was learned; where there is a threshold, the frame
 * is anomalous with it, whatever its score.
 */
void gst_anomaly_meta_set_unknown_scene(GstAnomalyMeta *meta) {
  g_return_if_fail(meta != NULL);
  meta->unknown_scene = TRUE;
  meta->anomalous = meta->has_threshold;
}

/**
 * gst_anomaly_meta_set_grid: (skip)
 * @meta: a #GstAnomalyMeta
 * @width: columns
 * @height: rows
 * @values: width x height values, row-major
 *
 * Replaces the anomaly map; @values are copied.
 */
void gst_anomaly_meta_set_grid(GstAnomalyMeta *meta, guint width, guint height, const gfloat *values) {
  gfloat *copy;

  g_return_if_fail(meta != NULL);
  g_return_if_fail(width == 0 || height <= G_MAXUINT / width);
  g_return_if_fail(values != NULL || width == 0 || height == 0);

  copy = g_memdup2(values, (gsize)width * height * sizeof(gfloat));
  g_free(meta->grid);
  meta->grid = copy;
  meta->grid_width = width;
  meta->grid_height = height;
}

/**
 * gst_anomaly_meta_set_grid_area:
 * @meta: a #GstAnomalyMeta
 * @x: left edge
 * @y: upper edge
 * @w: width, above 0
 * @h: height, above 0
 *
 * Says where the cells of the anomaly map lie, in 0 to 1 of the frame, where they do not just share it
 * evenly.
 */
void gst_anomaly_meta_set_grid_area(GstAnomalyMeta *meta, gfloat x, gfloat y, gfloat w, gfloat h) {
  g_return_if_fail(meta != NULL);
  g_return_if_fail(isfinite(x) && isfinite(y));
  g_return_if_fail(isfinite(w) && w > 0 && isfinite(h) && h > 0);

  meta->grid_x = x;
  meta->grid_y = y;
  meta->grid_w = w;
  meta->grid_h = h;
}

/**
 * gst_anomaly_meta_get_grid:
 * @meta: a #GstAnomalyMeta
 * @n_values: (out) (optional): grid_width x grid_height
 *
 * Returns: (array length=n_values) (transfer none) (nullable): the anomaly map, row-major
 */
const gfloat *gst_anomaly_meta_get_grid(const GstAnomalyMeta *meta, guint *n_values) {
  g_return_val_if_fail(meta != NULL, NULL);
  if (n_values) *n_values = meta->grid_width * meta->grid_height;
  return meta->grid;
}

/**
 * gst_anomaly_meta_set_regions:
 * @meta: a #GstAnomalyMeta
 * @regions: (array length=n_regions) (nullable): the anomalous parts, strongest first
 * @n_regions: number of @regions
 *
 * Replaces the regions; @regions are copied.
 */
void gst_anomaly_meta_set_regions(GstAnomalyMeta *meta, const GstAnomalyRegion *regions, guint n_regions) {
  GstAnomalyRegion *copy;

  g_return_if_fail(meta != NULL);
  g_return_if_fail(regions != NULL || n_regions == 0);

  copy = g_memdup2(regions, n_regions * sizeof(GstAnomalyRegion));
  g_free(meta->regions);
  meta->regions = copy;
  meta->n_regions = n_regions;
}

/**
 * gst_anomaly_meta_get_regions:
 * @meta: a #GstAnomalyMeta
 * @n_regions: (out) (optional): number of regions
 *
 * Returns: (array length=n_regions) (transfer none) (nullable): the anomalous parts, strongest first
 */
const GstAnomalyRegion *gst_anomaly_meta_get_regions(const GstAnomalyMeta *meta, guint *n_regions) {
  g_return_val_if_fail(meta != NULL, NULL);
  if (n_regions) *n_regions = meta->n_regions;
  return meta->regions;
}

/**
 * gst_anomaly_meta_set_event:
 * @meta: a #GstAnomalyMeta
 * @id: (nullable): the event's id, or %NULL
 * @state: where in the event the frame stands; %GST_ANOMALY_EVENT_NONE if and only if @id is %NULL
 */
void gst_anomaly_meta_set_event(GstAnomalyMeta *meta, const gchar *id, GstAnomalyEventState state) {
  gchar *copy;

  g_return_if_fail(meta != NULL);
  g_return_if_fail((id == NULL) == (state == GST_ANOMALY_EVENT_NONE));

  copy = g_strdup(id);
  g_free(meta->event_id);
  meta->event_id = copy;
  meta->event_state = state;
}

/**
 * gst_anomaly_meta_set_event_course:
 * @meta: a #GstAnomalyMeta
 * @begin: the frame that began the event
 * @moment: the frame that the event's state is about
 * @peak: the frame of the highest score so far
 * @peak_score: that score
 * @frames: anomalous frames so far
 *
 * Says what is known of the event that gst_anomaly_meta_set_event() names.
 */
void gst_anomaly_meta_set_event_course(GstAnomalyMeta *meta, const GstAnomalyMoment *begin,
                                       const GstAnomalyMoment *moment, const GstAnomalyMoment *peak,
                                       gdouble peak_score, guint64 frames) {
  g_return_if_fail(meta != NULL);
  g_return_if_fail(begin != NULL && moment != NULL && peak != NULL);

  meta->event_begin = *begin;
  meta->event_moment = *moment;
  meta->event_peak = *peak;
  meta->event_peak_score = peak_score;
  meta->event_frames = frames;
}

/**
 * gst_anomaly_meta_set_session:
 * @meta: a #GstAnomalyMeta
 * @session: (nullable): one run of the detector, as a UUID
 */
void gst_anomaly_meta_set_session(GstAnomalyMeta *meta, const gchar *session) {
  gchar *copy;

  g_return_if_fail(meta != NULL);

  copy = g_strdup(session);
  g_free(meta->session);
  meta->session = copy;
}

/**
 * gst_anomaly_meta_set_time:
 * @meta: a #GstAnomalyMeta
 * @time: when the frame was taken, in nanoseconds since 1970 in UTC, or %GST_CLOCK_TIME_NONE
 * @source: who knew it; %GST_ANOMALY_TIME_UNKNOWN if and only if there is no @time
 */
void gst_anomaly_meta_set_time(GstAnomalyMeta *meta, GstClockTime time, GstAnomalyTimeSource source) {
  g_return_if_fail(meta != NULL);
  g_return_if_fail(GST_CLOCK_TIME_IS_VALID(time) == (source != GST_ANOMALY_TIME_UNKNOWN));

  meta->time = time;
  meta->time_source = source;
}
