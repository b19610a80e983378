// SPDX-License-Identifier: Apache-2.0
// The element uniadpublish.
#pragma once

#include <gst/base/gstbasetransform.h>
#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * GstUniadPublishMode:
 * @GST_UNIAD_PUBLISH_MODE_FRAMES: every frame that carries a result
 * @GST_UNIAD_PUBLISH_MODE_EVENTS: only frames where an event begins or ends
 */
typedef enum {
  GST_UNIAD_PUBLISH_MODE_FRAMES,
  GST_UNIAD_PUBLISH_MODE_EVENTS,
} GstUniadPublishMode;

#define GST_TYPE_UNIAD_PUBLISH_MODE (gst_uniad_publish_mode_get_type())
GType gst_uniad_publish_mode_get_type(void);

#define GST_TYPE_UNIAD_PUBLISH (gst_uniad_publish_get_type())
G_DECLARE_FINAL_TYPE(GstUniadPublish, gst_uniad_publish, GST, UNIAD_PUBLISH, GstBaseTransform)

GST_ELEMENT_REGISTER_DECLARE(uniadpublish)

G_END_DECLS
