// SPDX-License-Identifier: Apache-2.0
#include "training/frame_rate.h"

#include "model/error.h"

namespace uniad {

void set_frame_rates(std::span<Source> sources, std::optional<double> frames_per_second) {
  if (!frames_per_second) return;
  for (Source &source : sources) source.frame_rate = *frames_per_second;
}

void require_frame_rates(std::span<const Source> sources, const ThresholdRule &rule) {
  if (!rule.false_alarms_per_hour) return;
  for (const Source &source : sources)
    if (!(source.frame_rate > 0))
      throw Error(source.path, "how many frames of source " + source.name + " come in an hour is not known",
                  "add --frame-rate with the frames or pictures a second that will be judged");
}

}  // namespace uniad
