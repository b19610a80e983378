// SPDX-License-Identifier: Apache-2.0
#include "model/health/monitor.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include "model/base/error.h"

namespace uniad {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// How long each kind must be shown before it holds, and be absent before it ends. The times of frozen and
// light-change are settings.
struct Times {
  milliseconds confirm;
  milliseconds release;
};
constexpr std::array<Times, health_kinds> times_of{{
    {seconds(2), seconds(1)},            // black
    {milliseconds(0), milliseconds(0)},  // frozen
    {seconds(3), seconds(2)},            // covered
    {seconds(5), seconds(3)},            // moved
    {seconds(5), seconds(3)},            // blurred
    {milliseconds(0), milliseconds(0)},  // light-change
}};

constexpr double black_level = 28;  // luma; limit for 95 % of the pixels, in a scene that is not dark itself
constexpr double frozen_share = 0.25;          // of the change in the stillest learned window
constexpr double frozen_level = 1;             // levels; upper limit
constexpr double same_level = 0.1;             // levels; a picture that is the same except for rounding
constexpr double light_jump = 0.45;            // logarithm: 1.57 times as bright, or as dark
constexpr double light_margin = 1.5;           // times the largest learned jump
constexpr double light_similarity = 0.25;      // of the edges; a hand in front of the lens has none
constexpr double little_detail = 0.5;          // of the learned detail
constexpr double little_sharpness = 0.55;      // of the learned sharpness
constexpr double dark_mean = 24;               // levels
constexpr double same_blocks = 0.7;            // correlation of coarse brightness; at least: the same scene
constexpr milliseconds scene_interval{250};    // between checks of the scene
constexpr milliseconds search_interval{1000};  // the same if the scene is not in place, which takes longer
constexpr seconds at_once{10};

// The score of a value that should be below a limit; at least 1 if it is.
double score_below(double value, double limit) {
  constexpr double most = 100;
  if (!(limit > 0)) return 0;
  return value * most <= limit ? most : limit / value;
}

}  // namespace

HealthKinds health_kinds_of(const std::string &names) {
  HealthKinds kinds{};
  if (names == "none") return kinds;
  if (names == "all") {
    kinds.fill(true);
    return kinds;
  }
  std::istringstream text(names);
  for (std::string name; std::getline(text, name, ',');) {
    const auto found = std::find(health_kind_names.begin(), health_kind_names.end(), name);
    if (found == health_kind_names.end()) {
      std::string known;
      for (const std::string_view kind : health_kind_names)
        known += (known.empty() ? "" : ", ") + std::string(kind);
      throw Error(ErrorKind::InvalidArgument, "health", "does not know \"" + name + "\"",
                  "use all, none, or some of " + known + " with commas between them");
    }
    kinds[static_cast<std::size_t>(found - health_kind_names.begin())] = true;
  }
  return kinds;
}

void HealthMonitor::reset() {
  report_ = {};
  conditions_ = {};
  newest_.reset();
  next_scene_.reset();
  light_changed_.reset();
  in_place_at_.reset();
  gone_ = false;
  settles_from_.reset();
  still_.reset();
  light_.reset();
}

void HealthMonitor::use(const HealthReference *reference) {
  if (reference == reference_) return;
  reference_ = reference;
  reset();
  looks_.clear();
  const HealthReference learned = reference != nullptr ? *reference : HealthReference{};
  darkest_ = learned.darkest;
  jump_ = learned.jump;
  stillest_ = learned.stillest;
  for (const SceneLook &look : learned.looks)
    looks_.push_back({SceneEdges(reduce(look.mean, scene_side, scene_side),
                                 reduce(look.deviation, scene_side, scene_side)),
                      reduce(look.mean, 14, 14), look.detail, look.sharpness});
}

const HealthReport &HealthMonitor::update(const GrayPicture &picture, Time time,
                                          const HealthSettings &settings, const HealthReference *reference) {
  use(reference);
  if (picture.empty()) return report_;
  if (newest_ && (time < *newest_ || time - *newest_ > longest_health_step)) {
    for (Condition &condition : conditions_) condition.interrupt();
    next_scene_.reset();
  }
  newest_ = time;
  const LumaPlane scene = reduce(picture, scene_side, scene_side);
  if (!next_scene_ || time >= *next_scene_) {
    next_scene_ = time + scene_interval;
    const PictureMeasures measures = measure(picture, scene);
    judge_black(measures);
    judge_scene(scene, time, measures);
  }
  judge_light(scene, time);
  judge_frozen(picture, time, settings);
  follow(time, settings);
  return report_;
}

// A scene that was dark when it was learned is black only if it is far darker now.
void HealthMonitor::judge_black(const PictureMeasures &measures) {
  const double limit = std::min(black_level, darkest_ / 2);
  report_[HealthKind::Black].score =
      std::min(score_below(measures.bright, limit), score_below(measures.mean, limit / 2));
}

void HealthMonitor::judge_frozen(const GrayPicture &picture, Time time, const HealthSettings &settings) {
  double limit = same_level;
  if (stillest_) {
    // In a shorter window, there is less change.
    const double share = std::min(1.0, std::chrono::duration<double>(settings.freeze_time) / still_window);
    limit = std::min(frozen_level, frozen_share * share * *stillest_);
  }
  constexpr std::int64_t fewest = 3;
  still_.add(picture, time, limit);
  const double lasted = std::chrono::duration<double>(still_.duration()) /
                        std::max(std::chrono::duration<double>(settings.freeze_time),
                                 std::chrono::duration<double>(std::chrono::nanoseconds(1)));
  const bool black = shows(HealthKind::Black);
  report_[HealthKind::Frozen].score = still_.pictures() < fewest || black ? 0 : std::min(lasted, 1.0);
}

void HealthMonitor::judge_light(const LumaPlane &scene, Time time) {
  const double limit = std::max(light_jump, light_margin * jump_);
  const LightStep step = light_.add(scene, time, limit);
  HealthState &state = report_[HealthKind::LightChange];
  const bool changed = step.jump >= limit && step.similarity >= light_similarity && !shows(HealthKind::Black);
  state.score = changed ? step.jump / limit : std::min(step.jump / limit, 0.99);
  if (changed) light_changed_ = time;
}

// The look of which most tiles are found in the picture.
const HealthMonitor::Look &HealthMonitor::nearest_look(const LumaPlane &edges, SceneMatch &match) const {
  const Look *nearest = nullptr;
  for (const bool elsewhere : {false, true}) {
    for (const Look &look : looks_) {
      const SceneMatch other = look.edges.find(edges, elsewhere);
      if (nearest != nullptr &&
          std::pair(other.agreeing, other.similarity) <= std::pair(match.agreeing, match.similarity))
        continue;
      nearest = &look;
      match = other;
    }
    if (2 * match.in_place >= match.tiles && match.similarity >= sure_scene_similarity) break;
  }
  return *nearest;
}

// Whether the scene disappeared suddenly, in the same light. At dusk, edges disappear gradually; a lamp
// changes them, but also the light; only a moved camera does neither.
bool HealthMonitor::went_at_once(Time time) const {
  return in_place_at_ && time - *in_place_at_ <= at_once &&
         !(light_changed_ && *light_changed_ >= *in_place_at_);
}

void HealthMonitor::judge_scene(const LumaPlane &scene, Time time, const PictureMeasures &measures) {
  HealthState &covered = report_[HealthKind::Covered];
  HealthState &moved = report_[HealthKind::Moved];
  HealthState &blurred = report_[HealthKind::Blurred];
  const std::array before{covered.score, moved.score, blurred.score};
  covered.score = moved.score = blurred.score = 0;
  report_.shift.reset();
  if (looks_.empty() || shows(HealthKind::Black)) return;
  SceneMatch match;
  const Look &look = nearest_look(edges_to_match(scene), match);
  if (!match.judged()) return;
  const bool same_scene = correlation(halve(halve(halve(scene))), look.blocks) >= same_blocks;
  const double detail = score_below(measures.detail, little_detail * look.detail);
  const bool in_place = 2 * match.in_place >= match.tiles;
  const bool elsewhere = !in_place && match.agreeing >= 3 && 2 * match.agreeing > match.tiles;
  const bool lost = !in_place && !elsewhere;
  const bool few = lost && match.in_place <= 1;
  if (in_place) in_place_at_ = time;
  gone_ = few && (gone_ || went_at_once(time));
  next_scene_ = time + (match.similarity < sure_scene_similarity ? search_interval : scene_interval);
  if (!lost) report_.shift = {match.shift_x, match.shift_y};
  if (in_place || (few && same_scene))
    blurred.score = score_below(measures.sharpness, little_sharpness * look.sharpness);
  // A dark room also shows little detail.
  if (lost && !same_scene && measures.mean >= dark_mean) covered.score = detail;
  if (elsewhere)
    moved.score = match.shift / moved_shift;
  else if (gone_ && !same_scene && detail < 1)
    moved.score = 1;
  // While the scene is not visible, for example because somebody passes, a detected fault continues. It ends
  // only when the scene is found again.
  if (!lost) return;
  if (condition(HealthKind::Covered).holds() && moved.score < 1)
    covered.score = std::max(covered.score, before[0]);
  if (condition(HealthKind::Moved).holds() && covered.score < 1)
    moved.score = std::max(moved.score, before[1]);
  if (condition(HealthKind::Blurred).holds()) blurred.score = std::max(blurred.score, before[2]);
}

// Updates all conditions, and determines whether anomalies must be ignored.
void HealthMonitor::follow(Time time, const HealthSettings &settings) {
  const auto blinding = {HealthKind::Black, HealthKind::Frozen, HealthKind::Covered, HealthKind::Moved};
  report_.holds_anomalies_back = false;
  for (std::size_t i = 0; i < health_kinds; ++i) {
    const auto kind = static_cast<HealthKind>(i);
    HealthState &state = report_.states[i];
    const bool held = state.holds;
    if (kind == HealthKind::LightChange)
      state.holds = light_changed_ && time - *light_changed_ < settings.settle_time;
    else
      state.holds = conditions_[i].update(state.score >= 1, time, times_of[i].confirm, times_of[i].release);
    state.holds = state.holds && settings.kinds[i];
    if (held && !state.holds && kind != HealthKind::LightChange) settles_from_ = time;
  }
  for (const HealthKind kind : blinding)
    if (settings.kinds[static_cast<std::size_t>(kind)] && (report_[kind].holds || shows(kind)))
      report_.holds_anomalies_back = true;
  const bool settles = settles_from_ && time - *settles_from_ < settings.settle_time;
  if (report_[HealthKind::LightChange].holds || settles) report_.holds_anomalies_back = true;
}

}  // namespace uniad
