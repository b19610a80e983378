// SPDX-License-Identifier: Apache-2.0

/**
 * SECTION:element-uniadoverlay
 * @title: uniadoverlay
 * @short_description: Draws the results of an anomaly detector on video frames
 * @see_also: uniaddetect, uniadpublish
 *
 * uniadoverlay draws the #GstAnomalyMeta of each frame: the anomaly map as a translucent heatmap, contours or
 * boxes around anomalous regions, and the name of the source with its score, in green or red. It supports
 * all raw video formats and draws directly on the frame without converting it. Frames without a
 * #GstAnomalyMeta, and frames with nothing to draw, are passed through without being modified or copied.
 *
 * By default, the heatmap covers values from slightly below the threshold, so that it does not cover normal
 * frames, to the score of the strongest region, so that a strong anomaly stands out from its surroundings.
 * To change this range, or to draw the heatmap without a threshold, set #GstUniadOverlay:heatmap-low and
 * #GstUniadOverlay:heatmap-high.
 *
 * Lines and text scale with the frame.
 *
 * Frames in the memory of an NVIDIA GPU (`memory:CUDAMemory`) remain there. The element draws on them on the
 * GPU if uniaddetect runs on the same GPU and the format is NV12, I420, YUY2, RGB, BGR, RGBx or BGRx.
 * Otherwise, it downloads frames with something to draw, and the next element that accesses them on the GPU
 * uploads them again.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 filesrc location=cam0.mp4 ! decodebin ! uniaddetect model=cam0.safetensors source=cam0 !
 * uniadoverlay boxes=true color-map=inferno ! videoconvert ! autovideosink
 * ]| Play a recording of a camera and mark anomalies.
 */

#include "gst-plugin/overlay/uniadoverlay.h"

#include <gst/video/video.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gst-plugin/drawing/drawing.h"
#include "gst-plugin/drawing/frame_drawing.h"
#include "gst-plugin/drawing/painter.h"
#include "gst-plugin/meta/gstanomalymeta.h"
#include "gst-plugin/overlay/gpu_drawing.h"

GST_DEBUG_CATEGORY_STATIC(uniad_overlay_debug);
#define GST_CAT_DEFAULT uniad_overlay_debug

namespace {

constexpr double automatic = -1;  // heatmap-low and -high: from the threshold

// State from start to stop. Accessed only by the streaming thread.
struct State {
  GstVideoInfo info{};
  std::unique_ptr<uniad::FrameDrawing> drawing;  // null if frames of this format cannot be drawn on
  std::unique_ptr<uniad::GpuDrawing> gpu;        // null if the CPU draws
  bool visible = false;                          // whether the current frame has something to draw
  bool warned = false;
};

}  // namespace

struct _GstUniadOverlay {
  GstBaseTransform parent;

  struct Private {
    std::mutex mutex;  // guards style: the application writes it while the streaming thread reads
    uniad::Style style;
    std::unique_ptr<State> state;
  } * priv;
};

G_DEFINE_FINAL_TYPE(GstUniadOverlay, gst_uniad_overlay, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE(uniadoverlay, "uniadoverlay", GST_RANK_NONE, GST_TYPE_UNIAD_OVERLAY)

enum {
  PROP_0,
  PROP_HEATMAP,
  PROP_CONTOURS,
  PROP_BOXES,
  PROP_SCORE,
  PROP_HEATMAP_OPACITY,
  PROP_HEATMAP_LOW,
  PROP_HEATMAP_HIGH,
  PROP_COLOR_MAP,
  PROP_COLOR,
  PROP_LINE_WIDTH,
  PROP_FONT_DESC,
};

GType gst_uniad_overlay_color_map_get_type(void) {
  static const GEnumValue values[] = {
      {GST_UNIAD_OVERLAY_COLOR_MAP_TURBO, "Blue, green, yellow, red", "turbo"},
      {GST_UNIAD_OVERLAY_COLOR_MAP_JET, "Blue, cyan, yellow, red", "jet"},
      {GST_UNIAD_OVERLAY_COLOR_MAP_INFERNO, "Black, violet, orange, yellow", "inferno"},
      {GST_UNIAD_OVERLAY_COLOR_MAP_VIRIDIS, "Violet, teal, yellow", "viridis"},
      {GST_UNIAD_OVERLAY_COLOR_MAP_RED, "Shades of red", "red"},
      {0, nullptr, nullptr},
  };
  static const GType type = g_enum_register_static("GstUniadOverlayColorMap", values);
  return type;
}

static uniad::ColorMap color_map_of(int value) {
  switch (value) {
    case GST_UNIAD_OVERLAY_COLOR_MAP_JET:
      return uniad::ColorMap::Jet;
    case GST_UNIAD_OVERLAY_COLOR_MAP_INFERNO:
      return uniad::ColorMap::Inferno;
    case GST_UNIAD_OVERLAY_COLOR_MAP_VIRIDIS:
      return uniad::ColorMap::Viridis;
    case GST_UNIAD_OVERLAY_COLOR_MAP_RED:
      return uniad::ColorMap::Red;
    default:
      return uniad::ColorMap::Turbo;
  }
}

static gboolean gst_uniad_overlay_start(GstBaseTransform *trans) {
  GstUniadOverlay *self = GST_UNIAD_OVERLAY(trans);
  try {
    self->priv->state = std::make_unique<State>();
    return TRUE;
  } catch (const std::exception &error) {
    GST_ELEMENT_ERROR(self, LIBRARY, INIT, ("Cannot draw: %s", error.what()), (nullptr));
    return FALSE;
  }
}

static gboolean gst_uniad_overlay_stop(GstBaseTransform *trans) {
  GST_UNIAD_OVERLAY(trans)->priv->state.reset();
  return TRUE;
}

static gboolean gst_uniad_overlay_set_caps(GstBaseTransform *trans, GstCaps *incaps, GstCaps * /*outcaps*/) {
  GstUniadOverlay *self = GST_UNIAD_OVERLAY(trans);
  State &state = *self->priv->state;
  if (!gst_video_info_from_caps(&state.info, incaps)) return FALSE;
  state.drawing.reset();
  state.gpu.reset();
  state.warned = false;
  if (uniad::Painter::can_paint(state.info)) {
    try {
      state.drawing = std::make_unique<uniad::FrameDrawing>(state.info);
      state.gpu = uniad::GpuDrawing::create(GST_ELEMENT(self), incaps, state.info);
      return TRUE;
    } catch (const std::exception &error) {
      GST_ELEMENT_ERROR(self, STREAM, FAILED, ("Cannot draw: %s", error.what()), (nullptr));
      return FALSE;
    }
  }
  GST_ELEMENT_WARNING(self, STREAM, FORMAT,
                      ("Cannot draw on frames of format %s, which are passed through unchanged: put "
                       "videoconvert before the element.",
                       GST_VIDEO_INFO_NAME(&state.info)),
                      (nullptr));
  return TRUE;
}

// Returns whether there is anything to draw on the buffer.
static bool prepare(GstUniadOverlay *self, GstBuffer *buffer) {
  State &state = *self->priv->state;
  if (!state.drawing) return false;
  std::vector<uniad::Result> results = uniad::results_of(buffer);
  uniad::Style style;
  {
    const std::lock_guard lock(self->priv->mutex);
    style = self->priv->style;
  }
  return state.drawing->prepare(std::move(results), style);
}

// Only frames with something to draw have to be writable.
static GstFlowReturn gst_uniad_overlay_prepare_output_buffer(GstBaseTransform *trans, GstBuffer *input,
                                                             GstBuffer **output) {
  GstUniadOverlay *self = GST_UNIAD_OVERLAY(trans);
  try {
    State &state = *self->priv->state;
    state.visible = prepare(self, input);
    if (state.visible)
      return GST_BASE_TRANSFORM_CLASS(gst_uniad_overlay_parent_class)
          ->prepare_output_buffer(trans, input, output);
    *output = input;
    return GST_FLOW_OK;
  } catch (const std::exception &error) {
    GST_ELEMENT_ERROR(self, STREAM, FAILED, ("Cannot draw: %s", error.what()), (nullptr));
    return GST_FLOW_ERROR;
  }
}

static void draw(GstUniadOverlay *self, GstBuffer *buffer) {
  State &state = *self->priv->state;
  uniad::FrameDrawing &drawing = *state.drawing;
  if (state.gpu && state.gpu->paint(buffer, drawing.painter(), drawing.heats(), drawing.canvas())) return;
  const auto frame = uniad::map_frame_to_draw(buffer, state.info);
  if (!frame) {
    if (!std::exchange(state.warned, true))
      GST_ELEMENT_WARNING(self, STREAM, FORMAT,
                          ("Passed through a buffer without drawing, because it does not contain a frame "
                           "that matches its caps."),
                          ("buffer of %" G_GSIZE_FORMAT " bytes", gst_buffer_get_size(buffer)));
    return;
  }
  drawing.paint(*frame);
}

static GstFlowReturn gst_uniad_overlay_transform_ip(GstBaseTransform *trans, GstBuffer *buffer) {
  GstUniadOverlay *self = GST_UNIAD_OVERLAY(trans);
  if (!self->priv->state->visible) return GST_FLOW_OK;
  try {
    draw(self, buffer);
    return GST_FLOW_OK;
  } catch (const std::exception &error) {
    GST_ELEMENT_ERROR(self, STREAM, FAILED, ("Cannot draw: %s", error.what()), (nullptr));
    return GST_FLOW_ERROR;
  }
}

static std::optional<double> explicit_value(const GValue *value) {
  const double number = g_value_get_double(value);
  return number == automatic ? std::nullopt : std::optional(number);
}

static void gst_uniad_overlay_set_property(GObject *object, guint id, const GValue *value,
                                           GParamSpec *pspec) {
  auto *priv = GST_UNIAD_OVERLAY(object)->priv;
  const std::lock_guard lock(priv->mutex);
  uniad::Style &style = priv->style;
  switch (id) {
    case PROP_HEATMAP:
      style.heatmap = g_value_get_boolean(value) != FALSE;
      break;
    case PROP_CONTOURS:
      style.contours = g_value_get_boolean(value) != FALSE;
      break;
    case PROP_BOXES:
      style.boxes = g_value_get_boolean(value) != FALSE;
      break;
    case PROP_SCORE:
      style.score = g_value_get_boolean(value) != FALSE;
      break;
    case PROP_HEATMAP_OPACITY:
      style.opacity = g_value_get_double(value);
      break;
    case PROP_HEATMAP_LOW:
      style.low = explicit_value(value);
      break;
    case PROP_HEATMAP_HIGH:
      style.high = explicit_value(value);
      break;
    case PROP_COLOR_MAP:
      style.color_map = color_map_of(g_value_get_enum(value));
      break;
    case PROP_COLOR:
      style.line_color = g_value_get_uint(value);
      break;
    case PROP_LINE_WIDTH:
      style.line_width = g_value_get_double(value);
      break;
    case PROP_FONT_DESC:
      style.font = g_value_get_string(value) != nullptr ? g_value_get_string(value) : uniad::Style().font;
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
      break;
  }
}

static void gst_uniad_overlay_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) {
  auto *priv = GST_UNIAD_OVERLAY(object)->priv;
  const std::lock_guard lock(priv->mutex);
  const uniad::Style &style = priv->style;
  switch (id) {
    case PROP_HEATMAP:
      g_value_set_boolean(value, style.heatmap ? TRUE : FALSE);
      break;
    case PROP_CONTOURS:
      g_value_set_boolean(value, style.contours ? TRUE : FALSE);
      break;
    case PROP_BOXES:
      g_value_set_boolean(value, style.boxes ? TRUE : FALSE);
      break;
    case PROP_SCORE:
      g_value_set_boolean(value, style.score ? TRUE : FALSE);
      break;
    case PROP_HEATMAP_OPACITY:
      g_value_set_double(value, style.opacity);
      break;
    case PROP_HEATMAP_LOW:
      g_value_set_double(value, style.low.value_or(automatic));
      break;
    case PROP_HEATMAP_HIGH:
      g_value_set_double(value, style.high.value_or(automatic));
      break;
    case PROP_COLOR_MAP:
      g_value_set_enum(value, static_cast<int>(style.color_map));
      break;
    case PROP_COLOR:
      g_value_set_uint(value, style.line_color);
      break;
    case PROP_LINE_WIDTH:
      g_value_set_double(value, style.line_width);
      break;
    case PROP_FONT_DESC:
      g_value_set_string(value, style.font.c_str());
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
      break;
  }
}

static void gst_uniad_overlay_finalize(GObject *object) {
  delete GST_UNIAD_OVERLAY(object)->priv;
  G_OBJECT_CLASS(gst_uniad_overlay_parent_class)->finalize(object);
}

static void gst_uniad_overlay_init(GstUniadOverlay *self) {
  self->priv = new _GstUniadOverlay::Private();
  gst_base_transform_set_in_place(GST_BASE_TRANSFORM(self), TRUE);
}

static void install_properties(GObjectClass *klass) {
  constexpr auto flags =
      static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
  const uniad::Style defaults;
  const auto install_switch = [klass](guint id, const char *name, const char *nick, const char *blurb,
                                      bool value) {
    g_object_class_install_property(klass, id,
                                    g_param_spec_boolean(name, nick, blurb, value ? TRUE : FALSE, flags));
  };
  install_switch(PROP_HEATMAP, "heatmap", "Heatmap",
                 "Draw a heatmap on areas that are close to or above the threshold", defaults.heatmap);
  install_switch(PROP_CONTOURS, "contours", "Contours",
                 "Draw the outline that each anomalous region has in the anomaly map", defaults.contours);
  install_switch(PROP_BOXES, "boxes", "Boxes", "Draw a box around each anomalous region", defaults.boxes);
  install_switch(PROP_SCORE, "score", "Score",
                 "Draw the name of the source, its score and threshold, and the age of outdated results",
                 defaults.score);
  g_object_class_install_property(
      klass, PROP_HEATMAP_OPACITY,
      g_param_spec_double("heatmap-opacity", "Heatmap opacity",
                          "Opacity of the heatmap at its highest values", 0, 1, defaults.opacity, flags));
  g_object_class_install_property(
      klass, PROP_HEATMAP_LOW,
      g_param_spec_double("heatmap-low", "Heatmap low",
                          "Lowest value of the anomaly map that the heatmap shows (-1 = 0.8 times the "
                          "threshold, or 0 without a threshold)",
                          automatic, G_MAXDOUBLE, automatic, flags));
  g_object_class_install_property(
      klass, PROP_HEATMAP_HIGH,
      g_param_spec_double(
          "heatmap-high", "Heatmap high",
          "Value of the anomaly map at which the heatmap's color scale ends (-1 = the score of the strongest "
          "region of the frame, at least 1.2 times the threshold; without a threshold, there is no heatmap)",
          automatic, G_MAXDOUBLE, automatic, flags));
  g_object_class_install_property(
      klass, PROP_COLOR_MAP,
      g_param_spec_enum("color-map", "Color map", "Colors of the heatmap", GST_TYPE_UNIAD_OVERLAY_COLOR_MAP,
                        static_cast<int>(defaults.color_map), flags));
  g_object_class_install_property(
      klass, PROP_COLOR,
      g_param_spec_uint("color", "Color", "Color of contours and boxes (big-endian ARGB)", 0, G_MAXUINT32,
                        defaults.line_color, flags));
  g_object_class_install_property(
      klass, PROP_LINE_WIDTH,
      g_param_spec_double(
          "line-width", "Line width",
          "Width of contours and boxes in pixels, for a frame height of 1080; scales with the frame", 0.5,
          100, defaults.line_width, flags));
  g_object_class_install_property(
      klass, PROP_FONT_DESC,
      g_param_spec_string("font-desc", "Font description",
                          "Pango font description of the text, with the size in pixels for a frame height of "
                          "1080; scales with the frame",
                          defaults.font.c_str(), flags));
  gst_type_mark_as_plugin_api(GST_TYPE_UNIAD_OVERLAY_COLOR_MAP, static_cast<GstPluginAPIFlags>(0));
}

static void gst_uniad_overlay_class_init(GstUniadOverlayClass *klass) {
  GObjectClass *gobject_class = G_OBJECT_CLASS(klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
  GstBaseTransformClass *transform_class = GST_BASE_TRANSFORM_CLASS(klass);

  GST_DEBUG_CATEGORY_INIT(uniad_overlay_debug, "uniadoverlay", 0, "UniAD overlay");

  gobject_class->set_property = gst_uniad_overlay_set_property;
  gobject_class->get_property = gst_uniad_overlay_get_property;
  gobject_class->finalize = gst_uniad_overlay_finalize;
  install_properties(gobject_class);

  gst_element_class_set_static_metadata(element_class, "UniAD overlay", "Filter/Effect/Video",
                                        "Draws the results of an anomaly detector on video frames",
                                        "uniad-gst");
  GstCaps *caps = gst_video_make_raw_caps(nullptr, 0);
  // If it is mapped like system memory, the allocator downloads it and marks it for upload.
  GstCaps *on_gpu = gst_video_make_raw_caps(nullptr, 0);
  gst_caps_set_features_simple(on_gpu, gst_caps_features_new("memory:CUDAMemory", nullptr));
  gst_caps_append(caps, on_gpu);
  gst_element_class_add_pad_template(element_class,
                                     gst_pad_template_new("sink", GST_PAD_SINK, GST_PAD_ALWAYS, caps));
  gst_element_class_add_pad_template(element_class,
                                     gst_pad_template_new("src", GST_PAD_SRC, GST_PAD_ALWAYS, caps));
  gst_caps_unref(caps);

  transform_class->start = gst_uniad_overlay_start;
  transform_class->stop = gst_uniad_overlay_stop;
  transform_class->set_caps = gst_uniad_overlay_set_caps;
  transform_class->prepare_output_buffer = gst_uniad_overlay_prepare_output_buffer;
  transform_class->transform_ip = gst_uniad_overlay_transform_ip;
}
