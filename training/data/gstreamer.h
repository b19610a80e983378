// SPDX-License-Identifier: Apache-2.0
// Whether GStreamer can be used.
#pragma once

#include <gst/gst.h>

#include "gst-plugin/base/ref.h"
#include "model/base/error.h"

namespace uniad {

// Throws Error if GStreamer cannot be used.
inline void require_gstreamer() {
  GError *error = nullptr;
  if (gst_init_check(nullptr, nullptr, &error)) return;
  throw Error(ErrorKind::Unreadable, "GStreamer", Ref<GError>(error)->message,
              "check the installation of GStreamer");
}

}  // namespace uniad
