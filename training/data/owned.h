// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <memory>

#include "model/error.h"

namespace uniad {

// GStreamer's objects, owned.
struct Unref {
  void operator()(gpointer object) const { gst_object_unref(object); }
  void operator()(GstSample *sample) const { gst_sample_unref(sample); }
  void operator()(GstMessage *message) const { gst_message_unref(message); }
  void operator()(GstCaps *caps) const { gst_caps_unref(caps); }
  void operator()(GError *error) const { g_error_free(error); }
};
template <typename T>
using Owned = std::unique_ptr<T, Unref>;

// Throws Error where GStreamer cannot be used.
inline void require_gstreamer() {
  GError *error = nullptr;
  if (gst_init_check(nullptr, nullptr, &error)) return;
  throw Error("GStreamer", Owned<GError>(error)->message, "check the installation of GStreamer");
}

}  // namespace uniad
