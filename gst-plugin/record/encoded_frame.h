// SPDX-License-Identifier: Apache-2.0
// An encoded frame as it waits in memory for the disk.
#pragma once

#include <gst/gst.h>

#include <cstddef>
#include <memory>

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

  std::size_t bytes() const { return gst_buffer_get_size(buffer.get()); }
};

}  // namespace uniad
