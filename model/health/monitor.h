// SPDX-License-Identifier: Apache-2.0
// Tells from the pictures of one stream whether its camera is as it should be.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/health/condition.h"
#include "model/health/picture.h"
#include "model/health/reference.h"
#include "model/health/scene_edges.h"
#include "model/health/watches.h"

namespace uniad {

// In the order of precedence: a black picture is not called frozen as well.
enum class HealthKind : std::size_t { Black, Frozen, Covered, Moved, Blurred, LightChange };
inline constexpr std::array<std::string_view, 6> health_kind_names{"black", "frozen",  "covered",
                                                                   "moved", "blurred", "light-change"};
inline constexpr std::size_t health_kinds = health_kind_names.size();

// A shift of the scene from which on a camera counts as moved, as a share of the picture; smaller ones are
// drift.
inline constexpr double moved_shift = 0.02;

// A set of kinds.
using HealthKinds = std::array<bool, health_kinds>;

// "all", "none", or names with commas between them. Throws Error that names the one that is unknown.
HealthKinds health_kinds_of(const std::string &names);

struct HealthSettings {
  HealthKinds kinds{true, true, true, true, true, true};
  std::chrono::nanoseconds freeze_time = std::chrono::seconds(10);
  std::chrono::nanoseconds settle_time = std::chrono::seconds(2);
};

// What is known of one kind as of the newest picture.
struct HealthState {
  double score = 0;    // 1 and above: the picture shows it
  bool holds = false;  // it has been shown for long enough, and not been gone for long enough
};

struct HealthReport {
  std::array<HealthState, health_kinds> states;
  // How far the scene lies from where it was learned, as a share of the picture's width and height; right and
  // down are positive. Absent where it was not found or is not known.
  struct Shift {
    double x = 0;
    double y = 0;
  };
  std::optional<Shift> shift;
  // Anomalies do not count: the picture shows, or seems to show, black, frozen, covered or moved, or its
  // light has just changed.
  bool holds_anomalies_back = false;

  // The picture does not show the scene as it was learned.
  bool is_blind() const {
    return (*this)[HealthKind::Black].holds || (*this)[HealthKind::Frozen].holds ||
           (*this)[HealthKind::Covered].holds || (*this)[HealthKind::Moved].holds;
  }
  const HealthState &operator[](HealthKind kind) const { return states[static_cast<std::size_t>(kind)]; }
  HealthState &operator[](HealthKind kind) { return states[static_cast<std::size_t>(kind)]; }
};

// Follows the pictures of one stream. What a kind needs:
//   black         95 % of the pixels and the mean are dark, for 2 s
//   frozen        no block of the picture changes more than a quarter of what it does in the stillest part of
//                 what was learned, and less than a level, for freeze_time; where nothing was learned, the
//                 picture is the same throughout
//   covered       learned scenes are not found, and there is little detail, for 3 s
//   moved         most parts of a learned scene are found elsewhere, or they went at once, for 5 s
//   blurred       fine structures are weaker than in what was learned, coarse ones are where they belong, for
//   5 s light-change  most of the picture changes its brightness within half a second while its edges stay
// Covered, moved and blurred need a reference. Not thread-safe.
class HealthMonitor {
 public:
  // `reference` may be null and is used until the next call with another one. time: of the picture, never
  // decreasing. An empty picture leaves everything as it is.
  const HealthReport &update(const GrayPicture &picture, std::chrono::nanoseconds time,
                             const HealthSettings &settings, const HealthReference *reference);
  const HealthReport &report() const { return report_; }
  // The stream jumps: what was seen no longer holds.
  void reset();

 private:
  using Time = std::chrono::nanoseconds;

  // A look of the scene, ready to be found.
  struct Look {
    SceneEdges edges;
    LumaPlane blocks;
    double detail;
    double sharpness;
  };

  void use(const HealthReference *reference);
  void judge_black(const PictureMeasures &measures);
  void judge_frozen(const GrayPicture &picture, Time time, const HealthSettings &settings);
  void judge_light(const LumaPlane &scene, Time time);
  void judge_scene(const LumaPlane &scene, Time time, const PictureMeasures &measures);
  bool went_at_once(Time time) const;
  const Look &nearest_look(const LumaPlane &edges, SceneMatch &match) const;
  void follow(Time time, const HealthSettings &settings);
  const Condition &condition(HealthKind kind) const { return conditions_[static_cast<std::size_t>(kind)]; }
  bool shows(HealthKind kind) const { return report_[kind].score >= 1; }

  const HealthReference *reference_ = nullptr;
  std::vector<Look> looks_;
  double darkest_ = 255;
  double jump_ = 0;
  std::optional<double> stillest_;

  HealthReport report_;
  std::array<Condition, health_kinds> conditions_;
  std::optional<Time> newest_;
  std::optional<Time> next_scene_;   // when it is looked for again
  std::optional<Time> in_place_at_;  // when it was last seen
  bool gone_ = false;
  std::optional<Time> light_changed_;
  std::optional<Time> settles_from_;  // the picture has just come back
  StillPicture still_;
  LightWatch light_;
};

}  // namespace uniad
