// SPDX-License-Identifier: Apache-2.0
// The element uniadoverlay.
#pragma once

#include <gst/base/gstbasetransform.h>
#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * GstUniadOverlayColorMap:
 * @GST_UNIAD_OVERLAY_COLOR_MAP_TURBO: blue, green, yellow, red
 * @GST_UNIAD_OVERLAY_COLOR_MAP_JET: blue, cyan, yellow, red
 * @GST_UNIAD_OVERLAY_COLOR_MAP_INFERNO: black, violet, orange, yellow
 * @GST_UNIAD_OVERLAY_COLOR_MAP_VIRIDIS: violet, teal, yellow
 * @GST_UNIAD_OVERLAY_COLOR_MAP_RED: red with varying opacity
 */
typedef enum {
  GST_UNIAD_OVERLAY_COLOR_MAP_TURBO,
  GST_UNIAD_OVERLAY_COLOR_MAP_JET,
  GST_UNIAD_OVERLAY_COLOR_MAP_INFERNO,
  GST_UNIAD_OVERLAY_COLOR_MAP_VIRIDIS,
  GST_UNIAD_OVERLAY_COLOR_MAP_RED,
} GstUniadOverlayColorMap;

#define GST_TYPE_UNIAD_OVERLAY_COLOR_MAP (gst_uniad_overlay_color_map_get_type())
GType gst_uniad_overlay_color_map_get_type(void);

#define GST_TYPE_UNIAD_OVERLAY (gst_uniad_overlay_get_type())
G_DECLARE_FINAL_TYPE(GstUniadOverlay, gst_uniad_overlay, GST, UNIAD_OVERLAY, GstBaseTransform)

GST_ELEMENT_REGISTER_DECLARE(uniadoverlay)

G_END_DECLS
