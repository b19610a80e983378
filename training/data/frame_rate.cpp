// SPDX-License-Identifier: Apache-2.0
#include "training/data/frame_rate.h"

#include "model/base/error.h"

namespace uniad {

void set_frame_rates(std::span<Source> sources, std::optional<double> frames_per_second) {
  if (!frames_per_second) return;
  for (Source &source : sources) source.frame_rate = *frames_per_second;
}

void require_frame_rates(std::span<const Source> sources, const ThresholdRule &rule) {
  if (!rule.false_alarms_per_hour) return;
  for (const Source &source : sources)
    if (!(source.frame_rate > 0))
      throw Error(ErrorKind::Malformed, source.path,
                  "the frame rate of source " + source.name + " is not known",
                  "set --frame-rate to the number of frames or pictures that will be judged per second");
}

}  // namespace uniad
