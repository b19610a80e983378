// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/detect/verdict.h"

#ifdef HAVE_GST_ANALYTICS
#include <gst/analytics/analytics.h>
#endif

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "gst-plugin/events/event.h"
#include "model/motion/combined_score.h"

namespace uniad {

namespace {

// The first pixel and the number of pixels that a range of 0..1 covers at least partly, clipped to the frame.
std::pair<guint, guint> pixels(double start, double length, int size) {
  const double first = std::clamp(std::floor(start * size), 0.0, size - 1.0);
  const double end = std::clamp(std::ceil((start + length) * size), first + 1, static_cast<double>(size));
  return {static_cast<guint>(first), static_cast<guint>(end - first)};
}

struct Pixels {
  guint x, y, width, height;
};

// What raised the region.
const char *name_of(const GstAnomalyRegion &region) {
  return region.kind != nullptr ? region.kind : anomaly_kind;
}

Pixels pixels_of(const GstAnomalyRegion &region, const GstVideoInfo &info) {
  const auto [x, width] = pixels(region.x, region.w, GST_VIDEO_INFO_WIDTH(&info));
  const auto [y, height] = pixels(region.y, region.h, GST_VIDEO_INFO_HEIGHT(&info));
  return {x, y, width, height};
}

void add_region_of_interest(GstBuffer *buffer, const Pixels &at, const GstAnomalyRegion &region) {
  auto *roi =
      gst_buffer_add_video_region_of_interest_meta(buffer, name_of(region), at.x, at.y, at.width, at.height);
  gst_video_region_of_interest_meta_add_param(
      roi,
      gst_structure_new(name_of(region), "score", G_TYPE_DOUBLE, static_cast<double>(region.score), nullptr));
}

// Adds the region as an object that GStreamer's analytics elements can read since version 1.24. The buffer
// may already have the meta from an upstream detector.
void add_object([[maybe_unused]] GstBuffer *buffer, [[maybe_unused]] const Pixels &at,
                [[maybe_unused]] const GstAnomalyRegion &region, [[maybe_unused]] double probability) {
#ifdef HAVE_GST_ANALYTICS
  GstAnalyticsRelationMeta *objects = gst_buffer_get_analytics_relation_meta(buffer);
  if (objects == nullptr) objects = gst_buffer_add_analytics_relation_meta(buffer);
  GstAnalyticsODMtd object;
  gst_analytics_relation_meta_add_od_mtd(
      objects, g_quark_from_string(name_of(region)), static_cast<gint>(at.x), static_cast<gint>(at.y),
      static_cast<gint>(at.width), static_cast<gint>(at.height), static_cast<gfloat>(probability), &object);
#endif
}

}  // namespace

Verdict judge(Detection detection, std::optional<double> threshold, const ScoreStatistics *normal) {
  Judgment judgment = judgment_of(detection, threshold);
  Verdict verdict;
  verdict.score = judgment.frame().score;
  verdict.unknown_scene = detection.unknown_scene();
  verdict.threshold = judgment.frame().threshold;
  verdict.anomalous = judgment.anomalous;
  if (verdict.threshold) verdict.probability = probability(verdict.score, *verdict.threshold, normal);
  if (verdict.anomalous && verdict.unknown_scene) verdict.probability = std::max(verdict.probability, 0.5);
  if (normal != nullptr) verdict.combined_part = appearance_part(verdict.score, *normal);
  verdict.raised_by = judgment.raised_by;
  verdict.regions = std::move(judgment.regions);
  verdict.parts = std::move(judgment.parts);
  verdict.grid = std::move(detection.grid);
  if (detection.zones) clear_unjudged(*detection.zones, verdict.grid);
  return verdict;
}

std::vector<GstAnomalyRegion> c_regions(const std::vector<Region> &regions, const char *kind) {
  std::vector<GstAnomalyRegion> result;
  result.reserve(regions.size());
  for (const auto &region : regions)
    result.push_back({region.x, region.y, region.width, region.height, region.score,
                      region.zone.empty() ? nullptr : g_intern_string(region.zone.c_str()), kind});
  return result;
}

namespace {

void add_regions(std::vector<GstAnomalyRegion> &regions, const std::optional<MotionJudgment> &motion,
                 const char *kind) {
  if (!motion) return;
  for (const PartJudgment &part : motion->parts)
    std::ranges::move(c_regions(part.regions, g_intern_static_string(kind)), std::back_inserter(regions));
}

}  // namespace

GstAnomalyMeta *mark(GstBuffer *buffer, const GstVideoInfo &info, const std::string &source,
                     const Verdict &verdict, const MotionResults &motion, GstClockTime age) {
  // Regions of interest come first, because gstanomalymeta.c looks for them before the meta that they belong
  // to.
  std::vector<GstAnomalyRegion> regions = c_regions(verdict.regions);
  add_regions(regions, motion.speeds, motion_kind);
  add_regions(regions, motion.stops, stopped_kind);
  for (const auto &region : regions) {
    const Pixels at = pixels_of(region, info);
    add_region_of_interest(buffer, at, region);
    add_object(buffer, at, region, verdict.probability);
  }
  auto *meta = gst_buffer_add_anomaly_meta(buffer, source.c_str(), verdict.score, age);
  if (verdict.threshold) gst_anomaly_meta_set_threshold(meta, *verdict.threshold, verdict.probability);
  if (verdict.raised_by) gst_anomaly_meta_set_raised_by(meta, name_of(*verdict.raised_by));
  if (verdict.unknown_scene) gst_anomaly_meta_set_unknown_scene(meta);
  if (const auto &speeds = motion.speeds) {
    gst_anomaly_meta_set_motion(meta, speeds->score, speeds->threshold);
    if (verdict.combined_part)
      gst_anomaly_meta_set_combined_score(meta, speeds->score + *verdict.combined_part);
  }
  if (motion.stops && motion.stops->anomalous) meta->anomalous = TRUE;
  gst_anomaly_meta_set_grid(meta, static_cast<guint>(verdict.grid.width),
                            static_cast<guint>(verdict.grid.height), verdict.grid.values.data());
  const Area area = area_of(verdict.grid);
  gst_anomaly_meta_set_grid_area(meta, static_cast<float>(area.x), static_cast<float>(area.y),
                                 static_cast<float>(area.width), static_cast<float>(area.height));

  gst_anomaly_meta_set_regions(meta, regions.data(), static_cast<guint>(regions.size()));
  return meta;
}

namespace {

const char *name_of(LearningProgress::State state) {
  switch (state) {
    case LearningProgress::State::Learning:
      return "learning";
    case LearningProgress::State::Done:
      return "done";
    case LearningProgress::State::Saved:
      return "saved";
    case LearningProgress::State::Unsaved:
      return "unsaved";
    case LearningProgress::State::Interrupted:
      return "interrupted";
    case LearningProgress::State::Failed:
      break;
  }
  return "failed";
}

}  // namespace

GstStructure *learning_structure(const LearningProgress &learning, const std::string &source) {
  const std::string &of = learning.source.empty() ? source : learning.source;
  GstStructure *structure = gst_structure_new(
      "uniad-learn", "source", G_TYPE_STRING, of.c_str(), "state", G_TYPE_STRING, name_of(learning.state),
      "frames", G_TYPE_UINT64, static_cast<guint64>(learning.frames), "wanted", G_TYPE_UINT64,
      static_cast<guint64>(learning.wanted), "time", G_TYPE_UINT64,
      static_cast<guint64>(learning.time.count()), "wanted-time", G_TYPE_UINT64,
      static_cast<guint64>(learning.wanted_time.count()), nullptr);
  if (learning.normal)
    gst_structure_set(structure, "threshold", G_TYPE_DOUBLE, learning.normal->threshold, nullptr);
  if (learning.frame_rate > 0)
    gst_structure_set(structure, "frame-rate", G_TYPE_DOUBLE, learning.frame_rate, nullptr);
  std::string warnings;
  for (const std::string &warning : learning.warnings) warnings += (warnings.empty() ? "" : "; ") + warning;
  if (!warnings.empty()) gst_structure_set(structure, "remarks", G_TYPE_STRING, warnings.c_str(), nullptr);
  return structure;
}

}  // namespace uniad
