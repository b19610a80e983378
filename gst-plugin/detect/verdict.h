// SPDX-License-Identifier: Apache-2.0
// What a detection means under a threshold, and how a buffer carries it.
#pragma once

#include <gst/gst.h>
#include <gst/video/video.h>

#include <optional>
#include <string>
#include <vector>

#include "gst-plugin/meta/gstanomalymeta.h"
#include "model/engine/detector.h"
#include "model/engine/judgment.h"

namespace uniad {

// The network's word on a frame, held against a threshold.
struct Verdict {
  Grid grid;         // 0 where nothing is judged: cells that are ignored, or outside all watch zones
  double score = 0;  // this and the threshold: of the zone that exceeds its threshold most
  std::optional<double> threshold;
  double probability = 0;  // 0..1; 0 without a threshold
  bool anomalous = false;
  bool unknown_scene = false;
  std::vector<Region> regions;      // of all zones; empty unless anomalous, never empty when
  std::vector<PartJudgment> parts;  // each watch zone, or one without a name
};

// A frame is anomalous where the score of a zone reaches its threshold, or, given one, where it shows an
// unknown scene: then its region is the whole frame. threshold: of zones that have none of their own.
// `normal`: scores of normal footage, for the probability; may be null.
Verdict judge(Detection detection, std::optional<double> threshold, const ScoreStatistics *normal);

// As GstAnomalyMeta and events have them.
std::vector<GstAnomalyRegion> c_regions(const std::vector<Region> &regions);

// Adds a GstAnomalyMeta, and for each region a GstVideoRegionOfInterestMeta of type "anomaly" with its score
// as parameter and, with GStreamer 1.24, an object "anomaly" of the frame's GstAnalyticsRelationMeta with the
// frame's probability.
GstAnomalyMeta *mark(GstBuffer *buffer, const GstVideoInfo &info, const std::string &source,
                     const Verdict &verdict, GstClockTime age);

// The structure of a `uniad-learn` message; `source` where the learning names none.
GstStructure *learning_structure(const LearningProgress &learning, const std::string &source);

}  // namespace uniad
