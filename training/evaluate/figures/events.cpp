// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate/figures/events.h"

#include <algorithm>
#include <cmath>

#include "training/data/video.h"

namespace uniad {
namespace {

std::int64_t gap_in_frames(const Timeline &timeline, double seconds) {
  if (!timeline.frame_rate) return assumed_frame_rate;
  return std::max<std::int64_t>(1, std::llround(seconds * *timeline.frame_rate));
}

// Joins frames of the same kind into runs if they are at most `gap` seconds apart. Frames of a negative kind
// are ignored.
template <typename KindOf>
std::vector<Run> runs(const Timeline &timeline, double gap, KindOf kind_of) {
  const auto most = gap_in_frames(timeline, gap);
  std::vector<Run> found;
  int last_kind = -1;
  for (const auto &frame : timeline.frames) {
    const int kind = frame.abnormal ? kind_of(frame) : -1;
    if (kind < 0) continue;
    if (kind == last_kind && frame.number - found.back().last <= most)
      found.back().last = frame.number;
    else
      found.push_back({frame.number, frame.number});
    last_kind = kind;
  }
  return found;
}

bool inside(std::int64_t number, const Run &run) {
  return number >= run.first && number <= run.last;
}

struct Counts {
  double events = 0, found = 0, alarms = 0, false_alarms = 0;
  double delay_frames = 0, delay_seconds = 0;  // sums over the events found
  double hours = 0;                            // outside events
};

Counts count(const Timeline &timeline, double gap) {
  const auto events = labeled_events(timeline, gap);
  const auto alarming = alarms(timeline, gap);
  std::vector<bool> found(events.size(), false);
  std::vector<bool> justified(alarming.size(), false);
  const double rate = timeline.frame_rate.value_or(INFINITY);
  Counts counts;
  std::size_t event = 0;
  std::size_t alarm = 0;
  double outside = 0;
  for (const auto &frame : timeline.frames) {
    if (!frame.abnormal) continue;
    while (event < events.size() && events[event].last < frame.number) ++event;
    while (alarm < alarming.size() && alarming[alarm].last < frame.number) ++alarm;
    const bool in_event = event < events.size() && inside(frame.number, events[event]);
    if (!in_event) ++outside;
    if (!in_event || !frame.alarm) continue;
    justified[alarm] = true;
    if (found[event]) continue;
    found[event] = true;
    const auto delay = static_cast<double>(frame.number - events[event].first);
    counts.delay_frames += delay;
    counts.delay_seconds += delay / rate;
  }
  counts.events = static_cast<double>(events.size());
  counts.alarms = static_cast<double>(alarming.size());
  counts.found = static_cast<double>(std::count(found.begin(), found.end(), true));
  counts.false_alarms = static_cast<double>(std::count(justified.begin(), justified.end(), false));
  counts.hours = outside / rate / 3600;
  return counts;
}

}  // namespace

void add_frame(std::vector<Timeline> &timelines, const std::filesystem::path &video,
               const JudgedFrame &frame) {
  const bool goes_on = !timelines.empty() && timelines.back().video == video &&
                       timelines.back().frames.back().number < frame.number;
  if (!goes_on) timelines.push_back({video, frame_rate(video), {}});
  timelines.back().frames.push_back(frame);
}

void apply_event_rules(Timeline &timeline, std::optional<double> threshold, const EventRules &rules) {
  const double rate = timeline.frame_rate.value_or(assumed_frame_rate);
  EventRule rule;
  for (JudgedFrame &frame : timeline.frames) {
    FrameLevel level = frame.alarm ? FrameLevel::Abnormal : FrameLevel::Normal;
    if (!frame.alarm && threshold)
      level = level_of(static_cast<double>(frame.score), *threshold, rules.release);
    const std::chrono::nanoseconds time(std::llround(static_cast<double>(frame.number) / rate * 1e9));
    const EventRule::Step step = rule.advance(level, time, rules);
    frame.alarm =
        level != FrameLevel::Normal && (step == EventRule::Step::Begin || step == EventRule::Step::Ongoing);
  }
}

double gap_of(const EventRules &rules) {
  return std::chrono::duration<double>(rules.hold).count();
}

std::vector<Run> labeled_events(const Timeline &timeline, double gap) {
  return runs(timeline, gap, [](const JudgedFrame &frame) { return *frame.abnormal ? 0 : -1; });
}

std::vector<Run> alarms(const Timeline &timeline, double gap) {
  const auto events = labeled_events(timeline, gap);
  const auto most = gap_in_frames(timeline, gap);
  auto event = events.begin();  // the first event whose end is not more than the gap before the frame
  return runs(timeline, gap, [&](const JudgedFrame &frame) {
    while (event != events.end() && event->last + most < frame.number) ++event;
    const bool near_event = event != events.end() && event->first - most <= frame.number;
    return frame.alarm ? (near_event ? 1 : 0) : -1;
  });
}

Figures event_figures(std::span<const Timeline> timelines, double gap) {
  Counts all;
  bool labeled = false;
  bool rates_known = true;
  for (const auto &timeline : timelines) {
    const auto has_label = [](const JudgedFrame &frame) { return frame.abnormal.has_value(); };
    if (std::none_of(timeline.frames.begin(), timeline.frames.end(), has_label)) continue;
    labeled = true;
    rates_known = rates_known && timeline.frame_rate.has_value();
    const auto counts = count(timeline, gap);
    all.events += counts.events;
    all.found += counts.found;
    all.alarms += counts.alarms;
    all.false_alarms += counts.false_alarms;
    all.delay_frames += counts.delay_frames;
    all.delay_seconds += counts.delay_seconds;
    all.hours += counts.hours;
  }
  if (!labeled) return {};
  Figures figures{
      {"events", all.events}, {"found", all.found}, {"alarms", all.alarms}, {"false", all.false_alarms}};
  if (all.events > 0) figures["recall"] = all.found / all.events;
  if (all.alarms > 0) figures["precision"] = (all.alarms - all.false_alarms) / all.alarms;
  if (all.found > 0) figures["delay_frames"] = all.delay_frames / all.found;
  if (all.found > 0 && rates_known) figures["delay_seconds"] = all.delay_seconds / all.found;
  if (all.hours > 0 && rates_known) figures["false_alarms_per_hour"] = all.false_alarms / all.hours;
  return figures;
}

}  // namespace uniad
