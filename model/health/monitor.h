// SPDX-License-Identifier: Apache-2.0
// Detects faults of a camera in the pictures of its stream.
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

// In order of precedence: for example, a black picture is not also reported as frozen.
enum class HealthKind : std::size_t { Black, Frozen, Covered, Moved, Blurred, LightChange };
inline constexpr std::array<std::string_view, 6> health_kind_names{"black", "frozen",  "covered",
                                                                   "moved", "blurred", "light-change"};
inline constexpr std::size_t health_kinds = health_kind_names.size();

// The smallest shift of the scene with which a camera counts as moved, as a share of the picture; smaller
// ones are drift.
inline constexpr double moved_shift = 0.02;

// A set of kinds.
using HealthKinds = std::array<bool, health_kinds>;

// Parses "all", "none", or names separated by commas. Throws Error with the unknown name.
HealthKinds health_kinds_of(const std::string &names);

struct HealthSettings {
  HealthKinds kinds{true, true, true, true, true, true};
  std::chrono::nanoseconds freeze_time = std::chrono::seconds(10);
  std::chrono::nanoseconds settle_time = std::chrono::seconds(2);
};

// The state of one kind after the newest picture.
struct HealthState {
  double score = 0;    // at least 1: the newest picture shows this kind
  bool holds = false;  // shown for long enough, and not absent for long enough since
};

struct HealthReport {
  std::array<HealthState, health_kinds> states;
  // The distance of the scene from its learned position, as a share of the picture's width and height;
  // positive: to the right and down. Absent if the scene was not found or not learned.
  struct Shift {
    double x = 0;
    double y = 0;
  };
  std::optional<Shift> shift;
  // Anomalies must be ignored, because the picture shows or seems to show black, frozen, covered or moved, or
  // because its light has just changed.
  bool holds_anomalies_back = false;

  // Whether the picture does not show the scene as it was learned.
  bool is_blind() const {
    return (*this)[HealthKind::Black].holds || (*this)[HealthKind::Frozen].holds ||
           (*this)[HealthKind::Covered].holds || (*this)[HealthKind::Moved].holds;
  }
  const HealthState &operator[](HealthKind kind) const { return states[static_cast<std::size_t>(kind)]; }
  HealthState &operator[](HealthKind kind) { return states[static_cast<std::size_t>(kind)]; }
};

// Monitors the pictures of one stream. A kind is detected as follows:
//   black         95 % of the pixels and the mean are dark, for 2 s
//   frozen        no block of the picture changes by more than a quarter of the change in the stillest part
//                 of the learned footage, nor by a level, for freeze_time; if nothing was learned, the
//                 picture stays the same
//   covered       learned scenes are not found, and there is little detail, for 3 s
//   moved         most parts of a learned scene are found elsewhere, or disappear suddenly, for 5 s
//   blurred       fine structures are weaker than learned, and coarse ones are in place, for 5 s
//   light-change  most of the picture changes its brightness within half a second, but its edges stay
// Covered, moved and blurred require a reference. Not thread-safe.
class HealthMonitor {
 public:
  // reference: may be null; must stay valid until the next call with another one. time: of the picture; must
  // not decrease. An empty picture changes nothing.
  const HealthReport &update(const GrayPicture &picture, std::chrono::nanoseconds time,
                             const HealthSettings &settings, const HealthReference *reference);
  const HealthReport &report() const { return report_; }
  // For discontinuities of the stream: forgets earlier pictures.
  void reset();

 private:
  using Time = std::chrono::nanoseconds;

  // A look of the scene, prepared for comparisons.
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
  std::optional<Time> next_scene_;   // when the scene is searched for again
  std::optional<Time> in_place_at_;  // when the scene was last found in place
  bool gone_ = false;
  std::optional<Time> light_changed_;
  std::optional<Time> settles_from_;  // when a fault ended; anomalies are ignored for a while after that
  StillPicture still_;
  LightWatch light_;
};

}  // namespace uniad
