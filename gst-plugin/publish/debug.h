// SPDX-License-Identifier: Apache-2.0
// The debug category that all source files of uniadpublish share.
#pragma once

#include <gst/gst.h>

GST_DEBUG_CATEGORY_EXTERN(uniad_publish_debug);
#define GST_CAT_DEFAULT uniad_publish_debug
