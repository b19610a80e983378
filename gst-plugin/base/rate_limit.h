// SPDX-License-Identifier: Apache-2.0
// Selects frames so that there are no more than a number per second of the stream.
#pragma once

#include <gst/gst.h>

#include <algorithm>
#include <optional>

namespace uniad {

class RateLimit {
 public:
  // Whether the frame with this timestamp is selected. Frames that come a little early or late do not change
  // the mean rate. Frames without a timestamp are all selected, and so are all with a rate of 0.
  bool allows(GstClockTime pts, double most_per_second) {
    if (most_per_second <= 0 || !GST_CLOCK_TIME_IS_VALID(pts)) return true;
    constexpr double longest = 86400.0 * GST_SECOND;
    const auto period = static_cast<GstClockTime>(std::min(1e9 / most_per_second, longest));
    // A stream that begins anew or jumps back does not wait.
    if (!next_ || pts + period < *next_) next_ = pts;
    if (pts < *next_) return false;
    next_ = std::max(*next_ + period, pts + period / 2);
    return true;
  }

 private:
  std::optional<GstClockTime> next_;
};

}  // namespace uniad
