// SPDX-License-Identifier: Apache-2.0
// An encoded frame as it waits in memory for the disk.
#pragma once

#include <gst/gst.h>

#include <cstddef>
#include <memory>
#include <vector>

#include "gst-plugin/events/event.h"

namespace uniad {

// A part of the stream with the same caps and consecutive timestamps: what one file can contain.
struct Stretch {
  explicit Stretch(GstCaps *its_caps) : caps(gst_caps_ref(its_caps), gst_caps_unref) {}
  std::shared_ptr<GstCaps> caps;
};

struct EncodedFrame {
  std::shared_ptr<GstBuffer> buffer;
  std::shared_ptr<const Stretch> stretch;
  GstClockTime time;  // when it is decoded; if unknown, when it is shown
  bool is_key;
  GstClockTime captured = GST_CLOCK_TIME_NONE;  // nanoseconds since 1970 in UTC
  // States of events that came before it; null: none.
  std::shared_ptr<const std::vector<Event>> events = nullptr;

  std::size_t bytes() const { return gst_buffer_get_size(buffer.get()); }
  GstClockTime shown() const {
    return GST_BUFFER_PTS_IS_VALID(buffer.get()) ? GST_BUFFER_PTS(buffer.get()) : time;
  }
};

}  // namespace uniad
