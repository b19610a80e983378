// SPDX-License-Identifier: Apache-2.0
#include "training/calibrate/calibrate.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "model/base/error.h"
#include "model/base/json_text.h"
#include "training/base/output.h"
#include "training/calibrate/motion.h"
#include "training/data/frame_rate.h"
#include "training/data/labels.h"
#include "training/data/report.h"
#include "training/data/visit.h"
#include "training/data/zones.h"

namespace uniad {
namespace {

// Results from the new footage of one source.
struct Footage {
  NormalScores scores;
  NormalScores motion;
  std::int64_t abnormal_left_out = 0;
  std::int64_t unknown_scenes = 0;
};

struct Recalibrated {
  Footage footage;
  std::optional<ScoreStatistics> before;  // the source's own or the pooled ones
  ScoreStatistics now;
};

struct Recalibration {
  ThresholdRule rule;
  Calibration before;
  Calibration now;
  std::map<std::string, Recalibrated> sources;
  std::map<std::string, RecalibratedMotion> motion;
  std::vector<std::string> kept;  // sources that keep their calibration
};

Footage judge(const Source &source, const SourceZones &zones, Detector &detector, Progress &progress) {
  Footage footage;
  MotionFootage motion(detector.motion_reference(source.name), source.frame_rate,
                       find_zones(zones, source.name));
  put_in_force(zones, source, detector, progress);
  std::vector<Item> normal;
  std::copy_if(source.test.begin(), source.test.end(), std::back_inserter(normal),
               [](const Item &item) { return !item.abnormal.value_or(false); });
  footage.abnormal_left_out = static_cast<std::int64_t>(source.test.size() - normal.size());
  footage.scores.frame_rate = source.frame_rate;
  for (const auto &warning : source.warnings) progress.say(warning);
  if (normal.empty())
    throw Error(
        ErrorKind::InvalidArgument, source.path, "there is no normal data to judge",
        "a folder in MVTec layout needs pictures in test/good, because training data is not suitable");
  progress.begin("judging " + source.name, static_cast<std::int64_t>(normal.size()));
  const Item *judged = nullptr;
  VisitListener listener = tell_by(progress);
  listener.between = [&](std::size_t index, std::int64_t number, const FrameView &frame) {
    motion.add(normal[index], number, frame, false);
  };
  const auto unread = visit_items(
      normal,
      [&](std::size_t index, const FrameView &frame) {
        const auto detection = detector.detect({&frame, 1}).front();
        footage.scores.values.push_back(detection.score);
        footage.scores.continues.push_back(judged != nullptr && is_next_frame(normal[index], *judged));
        if (detection.unknown_scene()) ++footage.unknown_scenes;
        judged = &normal[index];
        if (judged->frame) motion.add(*judged, *judged->frame, frame, true);
        progress.update(static_cast<std::int64_t>(index) + 1);
      },
      listener);
  progress.end();
  report_unread(normal, unread, progress);
  footage.motion = motion.scores();
  return footage;
}

// Returns by how many of the previous standard deviations the scores moved.
std::optional<double> shift_of(const Recalibrated &source) {
  if (!source.before || !(source.before->standard_deviation > 0)) return std::nullopt;
  return (source.now.mean - source.before->mean) / source.before->standard_deviation;
}

std::optional<double> alarm_rate(const ScoreStatistics &statistics) {
  if (!statistics.tail || !(statistics.tail->frame_rate > 0)) return std::nullopt;
  if (statistics.threshold < statistics.tail->level) return std::nullopt;
  return alarms_per_hour(*statistics.tail, statistics.count, statistics.threshold);
}

void warn(const std::string &name, const ScoreStatistics &now, const ThresholdRule &rule,
          Progress &progress) {
  const std::string begin = "warning: " + name + ": ";
  for (const std::string &doubt : threshold_warnings(now, rule)) progress.say(begin + doubt);
}

void explain(const std::string &name, const Recalibrated &source, const ThresholdRule &rule,
             Progress &progress) {
  std::array<char, 32> moved{};
  const double shift = shift_of(source).value_or(0);
  std::snprintf(moved.data(), moved.size(), "%.1f sd", std::abs(shift));
  constexpr double notable = 0.5;
  if (shift >= notable)
    progress.say(
        name + ": scores moved up by " + moved.data() +
        ": the scene has changed or shows more than was learned; learn this footage with `uniad update`");
  if (shift <= -notable)
    progress.say(name + ": scores moved down by " + moved.data() +
                 ": this footage shows less variation than the footage of the previous threshold");
  if (source.footage.unknown_scenes > 0)
    progress.say(name + ": " + std::to_string(source.footage.unknown_scenes) +
                 " frames show a scene that the model does not know and raise an alarm whatever the "
                 "threshold is; learn it with `uniad update`");
  if (source.footage.abnormal_left_out > 0)
    progress.say(name + ": " + std::to_string(source.footage.abnormal_left_out) +
                 " abnormal pictures or frames were left out");
  warn(name, source.now, rule, progress);
}

std::string number(std::optional<double> value) {
  std::array<char, 32> text{};
  if (value) std::snprintf(text.data(), text.size(), "%.4g", *value);
  return value ? text.data() : "-";
}

std::string to_text(const std::optional<Interval> &interval) {
  return interval ? number(interval->low) + " to " + number(interval->high) : "-";
}

void print_row(const std::string &name, const ScoreStatistics &now, std::optional<double> before,
               const std::string &shift, const ThresholdRule &rule) {
  std::printf("%-20s %8lld %6zu %10s %10s %18s %14s %8s\n", name.c_str(), static_cast<long long>(now.count),
              now.tail ? now.tail->peaks.size() : 0, number(before).c_str(), number(now.threshold).c_str(),
              to_text(threshold_interval(now, rule)).c_str(), number(alarm_rate(now)).c_str(), shift.c_str());
}

void print_table(const Recalibration &result) {
  const auto &[rule, before, now, sources, motion, kept] = result;
  std::printf("threshold: %s\n", now.rule.c_str());
  std::printf("%-20s %8s %6s %10s %10s %18s %14s %8s\n", "source", "frames", "runs", "before", "now",
              "90 % interval", "alarms an hour", "shift");
  for (const auto &[name, source] : sources) {
    const auto shift = shift_of(source);
    std::array<char, 32> text{};
    if (shift) std::snprintf(text.data(), text.size(), "%+.2f sd", *shift);
    print_row(name, source.now, source.before ? std::optional(source.before->threshold) : std::nullopt,
              shift ? text.data() : "-", rule);
  }
  if (now.pooled)
    print_row("any other source", *now.pooled,
              before.pooled ? std::optional(before.pooled->threshold) : std::nullopt, "-", rule);
  for (const auto &[name, of_motion] : motion)
    print_row(name + ", motion", of_motion.now,
              of_motion.before ? std::optional(of_motion.before->threshold) : std::nullopt, "-",
              rule_of(of_motion.rule));
}

nlohmann::ordered_json to_json(const ScoreStatistics &statistics, const ThresholdRule &rule) {
  nlohmann::ordered_json json{{"frames", statistics.count}};
  if (statistics.tail) {
    json["runs"] = statistics.tail->peaks.size();
    json["level"] = statistics.tail->level;
  }
  json["mean"] = statistics.mean;
  json["standard_deviation"] = statistics.standard_deviation;
  json["threshold"] = statistics.threshold;
  if (const auto interval = threshold_interval(statistics, rule))
    json["interval"] = {interval->low, interval->high};
  if (const auto rate = alarm_rate(statistics)) json["false_alarms_per_hour"] = *rate;
  return json;
}

void write_json(const Recalibration &result, bool written, Output &output) {
  const auto &[rule, before, now, sources, motion, kept] = result;
  nlohmann::ordered_json json{{"rule", now.rule}, {"written", written}};
  if (now.pooled) json["pooled"] = to_json(*now.pooled, rule);
  for (const auto &[name, source] : sources) {
    auto &entry = json["sources"][name] = to_json(source.now, rule);
    entry["abnormal_left_out"] = source.footage.abnormal_left_out;
    entry["unknown_scenes"] = source.footage.unknown_scenes;
    if (source.before) entry["old_threshold"] = source.before->threshold;
    if (const auto shift = shift_of(source)) entry["shift"] = *shift;
    entry["doubts"] = threshold_warnings(source.now, rule);
  }
  for (const auto &[name, of_motion] : motion) {
    const ThresholdRule of_source = rule_of(of_motion.rule);
    auto &entry = json["sources"][name]["motion"] = to_json(of_motion.now, of_source);
    entry["rule"] = of_motion.rule;
    if (of_motion.before) entry["old_threshold"] = of_motion.before->threshold;
    entry["doubts"] = threshold_warnings(of_motion.now, of_source);
  }
  json["kept"] = kept;
  output.stream() << json_text(json, 2) << '\n';
  output.close();
}

// Judges every source. Sources with too few scores are reported and left out.
std::map<std::string, Footage> judge_all(std::span<const Source> sources, const SourceZones &zones,
                                         Detector &detector, Progress &progress) {
  std::map<std::string, Footage> judged;
  for (const Source &source : sources) {
    Footage footage = judge(source, zones, detector, progress);
    if (footage.scores.values.size() >= fewest_scores) {
      judged.emplace(source.name, std::move(footage));
      continue;
    }
    progress.say("warning: " + source.name + ": " + std::to_string(footage.scores.values.size()) +
                 " normal pictures or frames are too few for a threshold, which needs " +
                 std::to_string(fewest_scores) + "; its calibration is not changed");
  }
  if (judged.empty())
    throw Error(ErrorKind::InvalidArgument, sources.front().path,
                "too few normal pictures or frames for a threshold",
                "give " + std::to_string(fewest_scores) + " or more per source");
  return judged;
}

std::vector<std::string> kept_sources(const Calibration &before, const Calibration &fresh) {
  std::vector<std::string> kept;
  for (const auto &[name, statistics] : before.sources)
    if (!fresh.sources.contains(name)) kept.push_back(name);
  return kept;
}

// Must be called before long work, but after checks that fail immediately, so that these leave an old file
// unchanged.
void open_json(const CalibrateOptions &options, std::optional<Output> &json) {
  if (!options.json.empty()) json.emplace(options.json);
}

Recalibration by_footage(const CalibrateOptions &options, std::optional<Output> &json, Progress &progress) {
  const auto detector = Detector::open(options.model, options.detector);
  Recalibration result;
  result.before = *detector->calibration();
  const ThresholdRule rule = result.rule = options.threshold.value_or(rule_of(result.before.rule));
  auto sources = open_sources(options.data, {options.image_dir, options.bit_depth, &progress});
  open_json(options, json);
  if (!options.labels.empty()) apply_labels(options.labels, sources);
  for (Source &source : sources)
    if (options.max_frames) source.test = limit_frames(source.test, *options.max_frames);
  set_frame_rates(sources, options.frame_rate);
  require_frame_rates(sources, rule);
  progress.say(detector->description());
  if (const std::string warning = detector->warning(); !warning.empty()) progress.say(warning);

  const SourceZones zones = read_source_zones(options.zones, sources, progress);
  auto judged = judge_all(sources, zones, *detector, progress);
  std::map<std::string, NormalScores> scores;
  for (const auto &[name, footage] : judged) scores[name] = footage.scores;
  Calibration fresh = calibrate(scores, rule);
  for (const auto &[name, reference] : read_model_header(options.model).motion) {
    const auto footage = judged.find(name);
    if (footage == judged.end()) continue;
    const ThresholdRule of_motion = motion_rule_for(reference, options.threshold);
    if (const auto now = recalibrate(reference, footage->second.motion, of_motion)) {
      result.motion[name] = *now;
      warn(name + ", motion", now->now, of_motion, progress);
    }
  }
  for (auto &[name, footage] : judged) {
    const ScoreStatistics *old = result.before.find(name);
    if (old != nullptr) fresh.sources.at(name).image = old->image;  // by which the footage was judged
    result.sources[name] = {std::move(footage), old != nullptr ? std::optional(*old) : std::nullopt,
                            fresh.sources.at(name)};
    explain(name, result.sources[name], rule, progress);
  }
  result.kept = kept_sources(result.before, fresh);
  for (const std::string &name : result.kept)
    progress.say(name + ": not in the data; its calibration is not changed");
  result.now = replace(result.before, fresh);
  return result;
}

Recalibration by_another_rule(const CalibrateOptions &options, std::optional<Output> &json,
                              Progress &progress) {
  Recalibration result;
  const ThresholdRule rule = result.rule = options.threshold.value();
  const Model model = read_model_header(options.model);
  result.before = model.calibration;
  if (!result.before.pooled)
    throw Error(ErrorKind::InvalidArgument, options.model.string(), "contains no scores of normal footage",
                "provide normal footage with --data");
  const auto &tail = result.before.pooled->tail;
  if (rule.false_alarms_per_hour && !(tail && tail->frame_rate > 0))
    throw Error(ErrorKind::InvalidArgument, options.model.string(), "its scores have no frame rate",
                "provide a video with --data, or pictures with --frame-rate");
  open_json(options, json);
  result.now = redraw(result.before, rule);
  for (const auto &[name, statistics] : result.now.sources) {
    result.sources[name] = {{}, result.before.sources.at(name), statistics};
    explain(name, result.sources[name], rule, progress);
  }
  if (!rule.false_alarms_per_hour) return result;  // the only kind of rule for motion
  for (const auto &[name, reference] : model.motion)
    if (const auto now = redraw(reference, motion_rule(rule))) {
      result.motion[name] = *now;
      warn(name + ", motion", now->now, motion_rule(rule), progress);
    }
  return result;
}

}  // namespace

void calibrate_model(const CalibrateOptions &options, Progress &progress) {
  if (!options.dry_run) check_writable(options.model, "--model");
  check_json(options.json, "--json");
  std::error_code missing;  // reading the model reports a missing file
  const auto opened = std::filesystem::last_write_time(options.model, missing);
  std::optional<Output> json;
  const Recalibration result =
      options.data.empty() ? by_another_rule(options, json, progress) : by_footage(options, json, progress);
  if (!options.dry_run) {
    const FileLock right_to_write(options.model);
    Model model = read_model(options.model);
    if (std::filesystem::last_write_time(options.model) != opened)
      throw Error(ErrorKind::InvalidArgument, options.model.string(),
                  "was changed by another process in the meantime",
                  "run the command again to calibrate the new model");
    model.calibration = result.now;
    for (const auto &[name, of_motion] : result.motion) {
      model.motion.at(name).normal = of_motion.now;
      model.motion.at(name).rule = of_motion.rule;
    }
    write_model(model, right_to_write);
  }
  if (options.json != "-") print_table(result);
  if (json) write_json(result, !options.dry_run, *json);
}

}  // namespace uniad
