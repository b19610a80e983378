// SPDX-License-Identifier: Apache-2.0
// The element uniadrecord.
#pragma once

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_UNIAD_RECORD (gst_uniad_record_get_type())
G_DECLARE_FINAL_TYPE(GstUniadRecord, gst_uniad_record, GST, UNIAD_RECORD, GstBaseTransform)

GST_ELEMENT_REGISTER_DECLARE(uniadrecord)

G_END_DECLS
