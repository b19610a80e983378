// SPDX-License-Identifier: Apache-2.0
// A smart pointer that owns one reference to an object of GLib or GStreamer.
#pragma once

#include <gst/gst.h>

#include <memory>

namespace uniad {

struct Unref {
  void operator()(GstBuffer *buffer) const { gst_buffer_unref(buffer); }
  void operator()(GstCaps *caps) const { gst_caps_unref(caps); }
  void operator()(GstEvent *event) const { gst_event_unref(event); }
  void operator()(GstMessage *message) const { gst_message_unref(message); }
  void operator()(GstQuery *query) const { gst_query_unref(query); }
  void operator()(GstSample *sample) const { gst_sample_unref(sample); }
  void operator()(GError *error) const { g_error_free(error); }
  void operator()(gpointer object) const { g_object_unref(object); }  // any GObject
};
template <typename T>
using Ref = std::unique_ptr<T, Unref>;

}  // namespace uniad
