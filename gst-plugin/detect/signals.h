// SPDX-License-Identifier: Apache-2.0
// Converts the verdict on a frame to one signal for each kind of event.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gst-plugin/detect/verdict.h"
#include "gst-plugin/meta/gstanomalymeta.h"
#include "model/scoring/event_rule.h"

namespace uniad {

// The meaning of a judged frame for one kind of event, in one zone or in the whole frame.
struct Signal {
  std::string kind;
  std::string zone;  // empty: the whole frame
  FrameLevel level = FrameLevel::Normal;
  double score = 0;
  std::optional<double> threshold;
  std::vector<GstAnomalyRegion> regions;  // empty unless abnormal
  EventRules rules;
};

// Returns one signal for the anomalies of each zone, or of the whole frame, and one for an unknown scene. An
// unknown scene does not begin an anomaly event, but an open one continues.
std::vector<Signal> signals_of(const Verdict &verdict, const EventRules &rules);

// Returns one signal for the motion in each zone, or in the whole frame.
std::vector<Signal> signals_of(const MotionJudgment &motion, const EventRules &rules);

// Returns the signal that what always moves has stopped. Its event begins and ends at once, because a stop is
// reported only after its own time.
Signal stopped_signal(const MotionJudgment &stops);

}  // namespace uniad
