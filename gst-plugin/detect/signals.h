// SPDX-License-Identifier: Apache-2.0
// What a judged frame says about each kind of event.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gst-plugin/detect/verdict.h"
#include "gst-plugin/meta/gstanomalymeta.h"
#include "model/scoring/event_rule.h"

namespace uniad {

// What a judged frame says about one kind of event, in one zone if there are any.
struct Signal {
  std::string kind;
  std::string zone;  // empty: the whole frame
  FrameLevel level = FrameLevel::Normal;
  double score = 0;
  std::optional<double> threshold;
  std::vector<GstAnomalyRegion> regions;  // empty unless abnormal
  EventRules rules;
};

// One signal for the anomalies of each zone, or of the whole frame, and one for an unknown scene. An unknown
// scene does not begin an anomaly, but an anomaly that is going on continues.
std::vector<Signal> signals_of(const Verdict &verdict, const EventRules &rules);

}  // namespace uniad
