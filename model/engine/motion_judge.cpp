// SPDX-License-Identifier: Apache-2.0
#include "model/engine/motion_judge.h"

#include <algorithm>
#include <array>
#include <utility>

namespace uniad {
namespace {

constexpr double cell_pixels = 4;
constexpr double margin_pixels =
    6;  // from the border of the picture to the middle four pixels of the first cell
constexpr double share_of_peak = 0.65;

// The area of the frame that the cells of a map of this picture divide evenly.
Area area_in(const LumaPlane &luma, int columns, int rows) {
  return {margin_pixels / luma.width, margin_pixels / luma.height, cell_pixels * columns / luma.width,
          cell_pixels * rows / luma.height};
}

// Cells that are connected to the peak (8 neighbors) and reach the level, taken out of `scores`.
Region take_region(MotionJudgment &motion, std::vector<float> &scores, std::size_t peak, float level) {
  const auto width = static_cast<std::size_t>(motion.width);
  const auto height = static_cast<std::size_t>(motion.height);
  const float score = scores[peak];
  std::size_t left = width, right = 0, top = height, bottom = 0;
  std::vector<std::size_t> open{peak};
  while (!open.empty()) {
    const std::size_t cell = open.back();
    open.pop_back();
    if (scores[cell] < level) continue;
    scores[cell] = 0;
    const std::size_t x = cell % width;
    const std::size_t y = cell / width;
    left = std::min(left, x);
    right = std::max(right, x);
    top = std::min(top, y);
    bottom = std::max(bottom, y);
    for (std::size_t row = y - std::min<std::size_t>(y, 1); row < std::min(y + 2, height); ++row)
      for (std::size_t column = x - std::min<std::size_t>(x, 1); column < std::min(x + 2, width); ++column)
        open.push_back(row * width + column);
  }
  const Area &area = motion.area;
  const double column = area.width / motion.width;
  const double row = area.height / motion.height;
  return {static_cast<float>(area.x + static_cast<double>(left) * column),
          static_cast<float>(area.y + static_cast<double>(top) * row),
          static_cast<float>(static_cast<double>(right - left + 1) * column),
          static_cast<float>(static_cast<double>(bottom - top + 1) * row), score};
}

// Strongest first. Each region reaches from its peak, which is at or above the threshold, down to a share of
// it: only the fastest part of what moves reaches the threshold itself.
std::vector<Region> regions_of(MotionJudgment &motion, std::vector<float> scores, double threshold) {
  constexpr std::size_t most = 16;
  std::vector<Region> regions;
  while (regions.size() < most) {
    const auto peak = std::ranges::max_element(scores);
    if (peak == scores.end() || *peak <= 0 || *peak < threshold) break;
    const auto level = static_cast<float>(share_of_peak) * *peak;
    regions.push_back(take_region(motion, scores, static_cast<std::size_t>(peak - scores.begin()), level));
  }
  return regions;
}

// Whether any cell of a block is judged.
bool is_judged_block(const ZoneGrid &grid, const MotionMap &map, const MotionJudgment &blocks,
                     std::size_t index) {
  constexpr int side = StopClock::cells_a_block;
  const int left = static_cast<int>(index) % blocks.width * side;
  const int top = static_cast<int>(index) / blocks.width * side;
  for (int y = top; y < std::min(top + side, map.height); ++y)
    for (int x = left; x < std::min(left + side, map.width); ++x)
      if (is_judged(grid, static_cast<std::size_t>(y) * static_cast<std::size_t>(map.width) +
                              static_cast<std::size_t>(x)))
        return true;
  return false;
}

}  // namespace

std::shared_ptr<const FrameMotion> MotionJudge::measure(const FrameView &frame, Time time,
                                                        const MotionReference *reference,
                                                        const Zones *zones) {
  reducer_.reduce(frame, luma_);
  ignore(zones != nullptr ? *zones : Zones{});
  std::optional<Time> step;
  if (reference != nullptr && !reference->empty())
    step = std::chrono::duration_cast<Time>(std::chrono::duration<double>(reference->step));
  const MotionMap *map = flow_.add(luma_, time, step);
  if (map == nullptr) return nullptr;
  return std::make_shared<FrameMotion>(FrameMotion{*map, flow_.step()});
}

void MotionJudge::ignore(const Zones &zones) {
  if (ignored_ == zones && ignored_rows_ == luma_.height) return;
  std::vector<std::uint8_t> pixels;
  if (!zones.empty())
    for (const double share : share_ignored(zones, Area{}, luma_.width, luma_.height))
      pixels.push_back(share >= 0.5 ? 1 : 0);
  flow_.ignore(std::move(pixels));
  ignored_ = zones;
  ignored_rows_ = luma_.height;
  on_map_.reset();
}

const ZoneGrid &MotionJudge::zones_on_map(const Zones &zones, const MotionMap &map) {
  if (!on_map_ || !(on_map_->zones == zones) || on_map_->kept.height != map.height)
    on_map_ = zones_on(zones, area_in(luma_, map.width, map.height), map.width, map.height);
  return *on_map_;
}

std::optional<MotionJudgment> MotionJudge::judge_stops(const MotionMap &map, Time time,
                                                       const MotionReference &reference, const Zones *zones) {
  const SceneActivity &activity = reference.activity;
  const auto blocks = stops_.add(map, time);
  if (activity.width != stops_.width() || activity.height != stops_.height()) return std::nullopt;
  const ZoneGrid &grid = zones_on_map(zones != nullptr ? *zones : Zones{}, map);
  MotionJudgment stops;
  stops.width = activity.width;
  stops.height = activity.height;
  stops.area =
      area_in(luma_, StopClock::cells_a_block * activity.width, StopClock::cells_a_block * activity.height);
  stops.threshold = 1;
  stops.scores.resize(blocks.size());
  bool says_anything = false;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const auto limit = longest_normal_stop(activity.blocks[i]);
    if (!limit || !blocks[i].is_kept || !is_judged_block(grid, map, stops, i)) continue;
    says_anything = true;
    if (!blocks[i].moves) stops.scores[i] = static_cast<float>(blocks[i].stopped / *limit);
  }
  if (!says_anything) return std::nullopt;
  stops.score = std::ranges::max(stops.scores);
  stops.anomalous = stops.score >= stops.threshold;
  PartJudgment whole{{}, stops.score, stops.threshold, stops.anomalous, {}};
  if (stops.anomalous) whole.regions = regions_of(stops, stops.scores, stops.threshold);
  stops.parts.push_back(std::move(whole));
  return stops;
}

std::optional<MotionJudgment> MotionJudge::judge(const MotionMap &map,
                                                 std::shared_ptr<const MotionReference> reference,
                                                 const Zones *zones, std::optional<double> threshold) {
  if (!reference || (!threshold && !reference->normal)) return std::nullopt;
  if (reference != reference_) {
    tails_ = tails_of(reference->speeds);
    reference_ = std::move(reference);
  }
  if (tails_.size() != static_cast<std::size_t>(map.height)) return std::nullopt;
  MotionJudgment motion;
  motion.width = map.width;
  motion.height = map.height;
  motion.area = area_in(luma_, map.width, map.height);
  motion.threshold = threshold ? *threshold : reference_->normal->threshold;
  motion.scores.resize(map.size());
  const ZoneGrid &grid = zones_on_map(zones != nullptr ? *zones : Zones{}, map);
  for (std::size_t cell = 0; cell < map.size(); ++cell) {
    if (map.speeds[cell] < 0 || !is_judged(grid, cell)) continue;
    const SpeedTail &tail = tails_[cell / static_cast<std::size_t>(map.width)];
    motion.scores[cell] = static_cast<float>(motion_score(map.speeds[cell], tail));
  }
  for (const JudgedPart &zone : grid.parts) {
    PartJudgment part{zone.name, 0, motion.threshold / zone.sensitivity, false, {}};
    std::vector<float> scores = motion.scores;
    for (std::size_t cell = 0; cell < scores.size(); ++cell)
      if (zone.cells.cells[cell] == 0) scores[cell] = 0;
    if (!scores.empty()) part.score = std::ranges::max(scores);
    part.anomalous = part.score >= *part.threshold;
    if (part.anomalous) part.regions = regions_of(motion, std::move(scores), *part.threshold);
    for (Region &region : part.regions) region.zone = zone.name;
    motion.score = std::max(motion.score, part.score);
    motion.anomalous = motion.anomalous || part.anomalous;
    motion.parts.push_back(std::move(part));
  }
  return motion;
}

}  // namespace uniad
