// SPDX-License-Identifier: Apache-2.0
// Compares a detection with the threshold, and attaches the result to a buffer.
#pragma once

#include <gst/gst.h>
#include <gst/video/video.h>

#include <optional>
#include <string>
#include <vector>

#include "gst-plugin/meta/gstanomalymeta.h"
#include "model/engine/detector.h"
#include "model/engine/judgment.h"
#include "model/engine/motion_judge.h"

namespace uniad {

// The network's result for a frame, compared with the threshold.
struct Verdict {
  Grid grid;         // 0 for cells that are not judged: ignored, or outside all watch zones
  double score = 0;  // score and threshold: of the zone that exceeds its threshold most
  std::optional<double> threshold;
  double probability = 0;  // 0..1; 0 without a threshold
  bool anomalous = false;
  bool unknown_scene = false;
  std::vector<Region> regions;          // of all zones; empty if and only if not anomalous
  std::vector<PartJudgment> parts;      // one for each watch zone, or a single one without a name
  std::optional<double> combined_part;  // see appearance_part(); absent if no normal scores are known
  std::optional<RaisedBy> raised_by;    // absent if the score did not reach the threshold
};

// A frame is anomalous if the score of a zone reaches its threshold or if there is a threshold and the frame
// shows an unknown scene. In the latter case, its region is the whole frame. threshold: for zones that have
// none of their own. `normal`: scores of normal footage, for the probability; may be null.
Verdict judge(Detection detection, std::optional<double> threshold, const ScoreStatistics *normal);

// What motion says about a frame.
struct MotionResults {
  std::optional<MotionJudgment> speeds;  // absent: motion is not judged
  std::optional<MotionJudgment> stops;   // of what always moves; absent: not judged
};

// The regions in the form that GstAnomalyMeta and events use.
// kind: what raised them, an interned string; null for what they look like.
std::vector<GstAnomalyRegion> c_regions(const std::vector<Region> &regions, const char *kind = nullptr);

// Adds a GstAnomalyMeta to the buffer and, for each region, a GstVideoRegionOfInterestMeta of type "anomaly"
// or "motion" with its score as parameter. With GStreamer 1.24, also adds an object "anomaly" with the
// frame's probability to the GstAnalyticsRelationMeta for each region.
GstAnomalyMeta *mark(GstBuffer *buffer, const GstVideoInfo &info, const std::string &source,
                     const Verdict &verdict, const MotionResults &motion, GstClockTime age);

// The structure of a `uniad-learn` message. `source` is used if `learning` names no source.
GstStructure *learning_structure(const LearningProgress &learning, const std::string &source);

}  // namespace uniad
