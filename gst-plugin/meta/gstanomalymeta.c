/* SPDX-License-Identifier: Apache-2.0 */

/**
 * SECTION:gstanomalymeta
 * @title: GstAnomalyMeta
 * @short_description: The result of an anomaly detector for a frame
 *
 * uniaddetect attaches a #GstAnomalyMeta to each frame, uniadoverlay draws it, and uniadpublish writes it as
 * a line of JSON.
 */

#include "gstanomalymeta.h"

#include <math.h>
#include <string.h>

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
                           .picture_w = 1,
                           .picture_h = 1,
                           .time = GST_CLOCK_TIME_NONE,
                           .pts = GST_CLOCK_TIME_NONE,
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

/* A part of a frame, in coordinates from 0 to 1. */
typedef struct {
  gdouble x, y, w, h;
} Part;

/* Maps positions in one frame to positions in another one, both from 0 to 1: on each axis of the new frame,
 * offset + scale * the position on the same axis of the old frame, or on its other axis if the picture was
 * turned. */
typedef struct {
  gdouble offset_x, scale_x;
  gdouble offset_y, scale_y;
  gboolean turned;
} Move;

static const Move no_move = {0, 1, 0, 1, FALSE};

static Part moved(const Move *move, gdouble x, gdouble y, gdouble w, gdouble h) {
  const Part part = move->turned ? (Part){y, x, h, w} : (Part){x, y, w, h};
  const gdouble x0 = move->offset_x + move->scale_x * part.x;
  const gdouble x1 = x0 + move->scale_x * part.w;
  const gdouble y0 = move->offset_y + move->scale_y * part.y;
  const gdouble y1 = y0 + move->scale_y * part.h;
  return (Part){MIN(x0, x1), MIN(y0, y1), fabs(x1 - x0), fabs(y1 - y0)};
}

/* FALSE if no part of it is within the frame. */
static gboolean cut_to_frame(Part *part) {
  const gdouble right = MIN(part->x + part->w, 1);
  const gdouble bottom = MIN(part->y + part->h, 1);
  part->x = MAX(part->x, 0);
  part->y = MAX(part->y, 0);
  part->w = right - part->x;
  part->h = bottom - part->y;
  return part->w > 0 && part->h > 0;
}

/* The effect of videoscale and similar elements on a picture with another aspect ratio: it keeps its aspect
 * ratio and is centered between two borders. This type of transform does not state whether borders were
 * added; all these elements add them by default. */
static Move scale_move(const GstVideoMetaTransform *scale) {
  const gdouble in_shape = (gdouble)scale->in_info->width * scale->in_info->par_n * scale->out_info->par_d;
  const gdouble in_height = (gdouble)scale->in_info->height * scale->in_info->par_d * scale->out_info->par_n;
  const gint width = scale->out_info->width;
  const gint height = scale->out_info->height;
  Move move = no_move;

  if (!(in_shape > 0) || !(in_height > 0) || width <= 0 || height <= 0) return move;
  if (floor(width * in_height / in_shape) <= height)
    move.scale_y = floor(width * in_height / in_shape) / height;
  else
    move.scale_x = floor(height * in_shape / in_height) / width;
  move.offset_x = floor((1 - move.scale_x) * width / 2) / width;
  move.offset_y = floor((1 - move.scale_y) * height / 2) / height;
  return move;
}

#if GST_CHECK_VERSION(1, 28, 0)
/* The new position of the frame's edge on one axis, in pixels. Mirroring maps pixels, not edges. */
static gdouble moved_edge(gdouble scale, gdouble offset, gdouble in, gdouble out) {
  return out + offset - scale * in + (scale < 0 ? 1 : 0);
}

/* FALSE if rectangles do not remain aligned with the axes. */
static gboolean matrix_move(const GstVideoMetaTransformMatrix *matrix, Move *move) {
  const gfloat(*m)[3] = matrix->matrix;
  const GstVideoRectangle *in = &matrix->in_rectangle;
  const GstVideoRectangle *out = &matrix->out_rectangle;
  const gdouble in_w = matrix->in_info->width;
  const gdouble in_h = matrix->in_info->height;
  const gdouble out_w = matrix->out_info->width;
  const gdouble out_h = matrix->out_info->height;

  if (m[2][0] != 0 || m[2][1] != 0 || m[2][2] != 1 || !(out_w > 0) || !(out_h > 0)) return FALSE;
  if (m[0][1] == 0 && m[1][0] == 0 && m[0][0] != 0 && m[1][1] != 0) {
    *move = (Move){moved_edge(m[0][0], m[0][2], in->x, out->x) / out_w, m[0][0] * in_w / out_w,
                   moved_edge(m[1][1], m[1][2], in->y, out->y) / out_h, m[1][1] * in_h / out_h, FALSE};
    return TRUE;
  }
  if (m[0][0] == 0 && m[1][1] == 0 && m[0][1] != 0 && m[1][0] != 0) {
    *move = (Move){moved_edge(m[0][1], m[0][2], in->y, out->x) / out_w, m[0][1] * in_h / out_w,
                   moved_edge(m[1][0], m[1][2], in->x, out->y) / out_h, m[1][0] * in_w / out_h, TRUE};
    return TRUE;
  }
  return FALSE;
}
#endif

/* The index in the old grid of cell (x, y) of the moved grid. */
static guint old_cell(const Move *move, guint width, guint height, guint x, guint y) {
  if (move->turned) {
    const guint column = move->scale_y < 0 ? width - 1 - y : y;
    const guint row = move->scale_x < 0 ? height - 1 - x : x;
    return row * width + column;
  }
  return (move->scale_y < 0 ? height - 1 - y : y) * width + (move->scale_x < 0 ? width - 1 - x : x);
}

static void move_grid(GstAnomalyMeta *copy, const GstAnomalyMeta *self, const Move *move) {
  const guint width = move->turned ? self->grid_height : self->grid_width;
  const guint height = move->turned ? self->grid_width : self->grid_height;
  const Part area = moved(move, self->grid_x, self->grid_y, self->grid_w, self->grid_h);
  gst_anomaly_meta_set_grid(copy, self->grid_width, self->grid_height, self->grid);
  copy->grid_width = width;
  copy->grid_height = height;
  for (guint y = 0; y < height; ++y)
    for (guint x = 0; x < width; ++x)
      copy->grid[y * width + x] = self->grid[old_cell(move, self->grid_width, self->grid_height, x, y)];
  gst_anomaly_meta_set_grid_area(copy, (gfloat)area.x, (gfloat)area.y, (gfloat)area.w, (gfloat)area.h);
}

static void move_regions(GstAnomalyMeta *copy, const GstAnomalyMeta *self, const Move *move) {
  gst_anomaly_meta_set_regions(copy, self->regions, self->n_regions);
  copy->n_regions = 0;
  for (guint i = 0; i < self->n_regions; ++i) {
    const GstAnomalyRegion *region = &self->regions[i];
    Part part = moved(move, region->x, region->y, region->w, region->h);
    if (!cut_to_frame(&part)) continue;
    copy->regions[copy->n_regions++] =
        (GstAnomalyRegion){(gfloat)part.x, (gfloat)part.y, (gfloat)part.w, (gfloat)part.h,
                           region->score,  region->zone,   region->kind};
  }
}

static gboolean is_ours(const GstVideoRegionOfInterestMeta *roi) {
  return roi->roi_type == g_quark_from_static_string("anomaly") ||
         roi->roi_type == g_quark_from_static_string("motion") ||
         roi->roi_type == g_quark_from_static_string("stopped");
}

/* Corrects the regions of interest that belong to this meta and precede it, if the scaler has copied them: it
 * scales them as if there were no borders. */
static void move_regions_of_interest(GstBuffer *dest, const GstAnomalyMeta *copy, const GstVideoInfo *info) {
  const gdouble rounding = 1e-3; /* of floats, in pixels */
  GArray *rois = g_array_new(FALSE, FALSE, sizeof(GstVideoRegionOfInterestMeta *));
  gpointer state = NULL;
  GstMeta *item;

  while ((item = gst_buffer_iterate_meta(dest, &state)) != NULL && item != &copy->meta) {
    if (item->info->api == GST_ANOMALY_META_API_TYPE) g_array_set_size(rois, 0);
    if (item->info->api == GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE &&
        is_ours((const GstVideoRegionOfInterestMeta *)item))
      g_array_append_val(rois, item);
  }
  for (guint i = 0; rois->len == copy->n_regions && i < rois->len; ++i) {
    GstVideoRegionOfInterestMeta *roi = g_array_index(rois, GstVideoRegionOfInterestMeta *, i);
    const GstAnomalyRegion *region = &copy->regions[i];
    const gdouble width = info->width;
    const gdouble height = info->height;
    roi->x = (guint)floor(region->x * width + rounding);
    roi->y = (guint)floor(region->y * height + rounding);
    roi->w = (guint)ceil((region->x + region->w) * width - rounding) - roi->x;
    roi->h = (guint)ceil((region->y + region->h) * height - rounding) - roi->y;
  }
  g_array_unref(rois);
}

static gboolean gst_anomaly_meta_transform(GstBuffer *dest, GstMeta *meta, G_GNUC_UNUSED GstBuffer *buffer,
                                           GQuark type, gpointer data) {
  const GstAnomalyMeta *self = (const GstAnomalyMeta *)meta;
  GstAnomalyMeta *copy;
  Move move = no_move;
  Part picture;

  if (GST_VIDEO_META_TRANSFORM_IS_SCALE(type)) {
    move = scale_move(data);
#if GST_CHECK_VERSION(1, 28, 0)
  } else if (GST_VIDEO_META_TRANSFORM_IS_MATRIX(type)) {
    if (!matrix_move(data, &move)) return FALSE;
#endif
  } else if (!GST_META_TRANSFORM_IS_COPY(type)) {
    return FALSE;
  }
  picture = moved(&move, self->picture_x, self->picture_y, self->picture_w, self->picture_h);
  if (!cut_to_frame(&picture)) return FALSE;

  copy = gst_buffer_add_anomaly_meta(dest, self->source, self->score, self->age);
  if (!copy) return FALSE;
  if (self->has_threshold) gst_anomaly_meta_set_threshold(copy, self->threshold, self->probability);
  copy->unknown_scene = self->unknown_scene;
  copy->anomalous = self->anomalous;
  copy->has_motion = self->has_motion;
  copy->motion_score = self->motion_score;
  copy->motion_threshold = self->motion_threshold;
  copy->has_combined_score = self->has_combined_score;
  copy->combined_score = self->combined_score;
  copy->raised_by = self->raised_by;
  copy->pts = self->pts;
  move_grid(copy, self, &move);
  move_regions(copy, self, &move);
  copy->picture_x = (gfloat)picture.x;
  copy->picture_y = (gfloat)picture.y;
  copy->picture_w = (gfloat)picture.w;
  copy->picture_h = (gfloat)picture.h;
  if (GST_VIDEO_META_TRANSFORM_IS_SCALE(type) && (move.scale_x != 1 || move.scale_y != 1))
    move_regions_of_interest(dest, copy, ((const GstVideoMetaTransform *)data)->out_info);
  gst_anomaly_meta_set_event(copy, self->event_id, self->event_state);
  copy->event_kind = self->event_kind;
  copy->event_zone = self->event_zone;
  gst_anomaly_meta_set_event_course(copy, &self->event_begin, &self->event_moment, &self->event_peak,
                                    self->event_peak_score, self->event_frames);
  gst_anomaly_meta_set_session(copy, self->session);
  gst_anomaly_meta_set_time(copy, self->time, self->time_source);
  return TRUE;
}

GType gst_anomaly_meta_api_get_type(void) {
  static gsize type = 0;
  if (g_once_init_enter(&type)) {
    /* Elements that move the picture either describe the transform or drop the meta. */
    static const gchar *tags[] = {GST_META_TAG_VIDEO_STR, GST_META_TAG_VIDEO_SIZE_STR,
                                  GST_META_TAG_VIDEO_ORIENTATION_STR, NULL};
    g_once_init_leave(&type, gst_meta_api_type_register("GstAnomalyMetaAPI", tags));
  }
  return type;
}

/**
 * gst_anomaly_meta_get_info: (skip)
 *
 * Returns: (transfer none): the #GstMetaInfo of #GstAnomalyMeta
 *
 * Since: 0.1
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
 * @score: how much the frame differs from normal footage
 * @age: nanoseconds since the frame that the result was computed on, 0 for this frame, or
 * %GST_CLOCK_TIME_NONE
 *
 * Attaches a #GstAnomalyMeta without threshold, grid, regions or event to @buffer.
 *
 * Returns: (transfer none): the new meta
 *
 * Since: 0.1
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
  meta->pts = GST_BUFFER_PTS(buffer);
  return meta;
}

/**
 * gst_buffer_get_anomaly_meta:
 * @buffer: (transfer none): a #GstBuffer
 *
 * Gets the first #GstAnomalyMeta of @buffer. If there are several detectors in a pipeline, use
 * gst_buffer_iterate_meta_filtered() with #GST_ANOMALY_META_API_TYPE to get all of them.
 *
 * Returns: (transfer none) (nullable): the first #GstAnomalyMeta of @buffer, or %NULL
 *
 * Since: 0.1
 */
GstAnomalyMeta *gst_buffer_get_anomaly_meta(GstBuffer *buffer) {
  g_return_val_if_fail(GST_IS_BUFFER(buffer), NULL);
  return (GstAnomalyMeta *)gst_buffer_get_meta(buffer, GST_ANOMALY_META_API_TYPE);
}

/**
 * gst_anomaly_meta_set_threshold:
 * @meta: a #GstAnomalyMeta
 * @threshold: scores at or above this value are anomalous
 * @probability: the score mapped to a scale from 0 to 1, with 0.5 at @threshold
 *
 * Sets the threshold and updates #GstAnomalyMeta.anomalous accordingly.
 *
 * Since: 0.1
 */
void gst_anomaly_meta_set_threshold(GstAnomalyMeta *meta, gdouble threshold, gdouble probability) {
  g_return_if_fail(meta != NULL);
  meta->has_threshold = TRUE;
  meta->threshold = threshold;
  meta->probability = probability;
  meta->anomalous = meta->score >= threshold || meta->unknown_scene ||
                    (meta->has_motion && meta->motion_score >= meta->motion_threshold);
}

/**
 * gst_anomaly_meta_set_unknown_scene:
 * @meta: a #GstAnomalyMeta
 *
 * Marks the frame as a whole as unlike everything that was learned. If there is a threshold, this makes the
 * frame anomalous whatever its score.
 *
 * Since: 0.1
 */
void gst_anomaly_meta_set_unknown_scene(GstAnomalyMeta *meta) {
  g_return_if_fail(meta != NULL);
  meta->unknown_scene = TRUE;
  meta->anomalous = meta->has_threshold;
}

/**
 * gst_anomaly_meta_set_motion:
 * @meta: a #GstAnomalyMeta
 * @score: how unusual the motion in the frame is
 * @threshold: scores at or above it are anomalous
 *
 * Sets the judgment of the motion in the frame. If @score reaches @threshold, the frame is anomalous.
 *
 * Since: 0.1
 */
void gst_anomaly_meta_set_motion(GstAnomalyMeta *meta, gdouble score, gdouble threshold) {
  g_return_if_fail(meta != NULL);
  meta->has_motion = TRUE;
  meta->motion_score = score;
  meta->motion_threshold = threshold;
  if (score >= threshold) meta->anomalous = TRUE;
}

/**
 * gst_anomaly_meta_set_combined_score:
 * @meta: a #GstAnomalyMeta
 * @score: one score for what the frame looks like and for how it moves
 *
 * Sets the combined score.
 *
 * Since: 0.2
 */
void gst_anomaly_meta_set_combined_score(GstAnomalyMeta *meta, gdouble score) {
  g_return_if_fail(meta != NULL);
  meta->has_combined_score = TRUE;
  meta->combined_score = score;
}

/**
 * gst_anomaly_meta_set_raised_by:
 * @meta: a #GstAnomalyMeta
 * @raised_by: (nullable): "local", "image" or "both"
 *
 * Sets what raised the score to the threshold.
 *
 * Since: 0.1
 */
void gst_anomaly_meta_set_raised_by(GstAnomalyMeta *meta, const gchar *raised_by) {
  g_return_if_fail(meta != NULL);
  meta->raised_by = g_intern_string(raised_by);
}

/**
 * gst_anomaly_meta_set_grid: (skip)
 * @meta: a #GstAnomalyMeta
 * @width: number of columns
 * @height: number of rows
 * @values: @width x @height values, row-major
 *
 * Replaces the anomaly map with a copy of @values.
 *
 * Since: 0.1
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
 * @y: top edge
 * @w: width, greater than 0
 * @h: height, greater than 0
 *
 * Sets the area that the cells of the anomaly map divide evenly, in coordinates from 0 to 1 relative to the
 * frame. By default, it is the whole frame.
 *
 * Since: 0.1
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
 * @n_values: (out) (optional): number of values, #GstAnomalyMeta.grid_width x #GstAnomalyMeta.grid_height
 *
 * Gets the anomaly map.
 *
 * Returns: (array length=n_values) (transfer none) (nullable): the anomaly map, row-major
 *
 * Since: 0.1
 */
const gfloat *gst_anomaly_meta_get_grid(const GstAnomalyMeta *meta, guint *n_values) {
  g_return_val_if_fail(meta != NULL, NULL);
  if (n_values) *n_values = meta->grid_width * meta->grid_height;
  return meta->grid;
}

/**
 * gst_anomaly_meta_set_regions:
 * @meta: a #GstAnomalyMeta
 * @regions: (array length=n_regions) (nullable): the anomalous regions, strongest first
 * @n_regions: number of @regions
 *
 * Replaces the regions with a copy of @regions.
 *
 * Since: 0.1
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
 * Gets the anomalous regions.
 *
 * Returns: (array length=n_regions) (transfer none) (nullable): the anomalous regions, strongest first
 *
 * Since: 0.1
 */
const GstAnomalyRegion *gst_anomaly_meta_get_regions(const GstAnomalyMeta *meta, guint *n_regions) {
  g_return_val_if_fail(meta != NULL, NULL);
  if (n_regions) *n_regions = meta->n_regions;
  return meta->regions;
}

/**
 * gst_anomaly_meta_set_event:
 * @meta: a #GstAnomalyMeta
 * @id: (nullable): the id of the event, or %NULL
 * @state: position of the frame in the event; %GST_ANOMALY_EVENT_NONE if and only if @id is %NULL
 *
 * Sets the event that the frame belongs to.
 *
 * Since: 0.1
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
 * gst_anomaly_meta_set_event_kind:
 * @meta: a #GstAnomalyMeta
 * @kind: (nullable): the kind of the event, or %NULL
 * @zone: (nullable): the zone of the event, or %NULL for the whole frame
 *
 * Sets the kind and the zone of the event that was set with gst_anomaly_meta_set_event().
 *
 * Since: 0.1
 */
void gst_anomaly_meta_set_event_kind(GstAnomalyMeta *meta, const gchar *kind, const gchar *zone) {
  g_return_if_fail(meta != NULL);
  meta->event_kind = g_intern_string(kind);
  meta->event_zone = g_intern_string(zone);
}

/**
 * gst_anomaly_meta_set_event_course:
 * @meta: a #GstAnomalyMeta
 * @begin: the frame that began the event
 * @moment: the frame that the event's state refers to
 * @peak: the frame with the highest score so far
 * @peak_score: the score of that frame
 * @frames: number of anomalous frames so far
 *
 * Sets the course of the event that was set with gst_anomaly_meta_set_event().
 *
 * Since: 0.1
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
 * @session: (nullable): UUID of the session, or %NULL
 *
 * Sets #GstAnomalyMeta.session.
 *
 * Since: 0.1
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
 * @time: when the frame was captured, in nanoseconds since 1970 in UTC, or %GST_CLOCK_TIME_NONE
 * @source: the source of @time; %GST_ANOMALY_TIME_UNKNOWN if and only if @time is %GST_CLOCK_TIME_NONE
 *
 * Sets the time of the frame.
 *
 * Since: 0.1
 */
void gst_anomaly_meta_set_time(GstAnomalyMeta *meta, GstClockTime time, GstAnomalyTimeSource source) {
  g_return_if_fail(meta != NULL);
  g_return_if_fail(GST_CLOCK_TIME_IS_VALID(time) == (source != GST_ANOMALY_TIME_UNKNOWN));

  meta->time = time;
  meta->time_source = source;
}
