// SPDX-License-Identifier: Apache-2.0
// The element uniaddetect.
#pragma once

#include <gst/base/gstbasetransform.h>
#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * GstUniadDetectMode:
 * @GST_UNIAD_DETECT_MODE_SYNC: every frame waits for its own result
 * @GST_UNIAD_DETECT_MODE_ASYNC: no frame waits; each carries the newest available result
 * @GST_UNIAD_DETECT_MODE_AUTO: async if the stream is live, otherwise sync
 */
typedef enum {
  GST_UNIAD_DETECT_MODE_SYNC,
  GST_UNIAD_DETECT_MODE_ASYNC,
  GST_UNIAD_DETECT_MODE_AUTO,
} GstUniadDetectMode;

#define GST_TYPE_UNIAD_DETECT_MODE (gst_uniad_detect_mode_get_type())
GType gst_uniad_detect_mode_get_type(void);

/**
 * GstUniadDetectMotion:
 * @GST_UNIAD_DETECT_MOTION_AUTO: motion is judged if the model has learned enough of it
 * @GST_UNIAD_DETECT_MOTION_ON: motion is judged if the model has learned any
 * @GST_UNIAD_DETECT_MOTION_OFF: motion is neither learned nor judged
 */
typedef enum {
  GST_UNIAD_DETECT_MOTION_AUTO,
  GST_UNIAD_DETECT_MOTION_ON,
  GST_UNIAD_DETECT_MOTION_OFF,
} GstUniadDetectMotion;

#define GST_TYPE_UNIAD_DETECT_MOTION (gst_uniad_detect_motion_get_type())
GType gst_uniad_detect_motion_get_type(void);

#define GST_TYPE_UNIAD_DETECT (gst_uniad_detect_get_type())
G_DECLARE_FINAL_TYPE(GstUniadDetect, gst_uniad_detect, GST, UNIAD_DETECT, GstBaseTransform)

GST_ELEMENT_REGISTER_DECLARE(uniaddetect)

G_END_DECLS
