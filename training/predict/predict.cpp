// SPDX-License-Identifier: Apache-2.0
#include "training/predict/predict.h"

#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>
#include <opencv2/imgcodecs.hpp>
#include <sstream>

#include "model/base/error.h"
#include "model/base/json_text.h"
#include "model/engine/judgment.h"
#include "model/motion/combined_score.h"
#include "training/base/output.h"
#include "training/data/report.h"
#include "training/data/video_motion.h"
#include "training/data/visit.h"
#include "training/data/zones.h"
#include "training/predict/heatmap.h"

namespace uniad {
namespace {

std::optional<double> threshold_of(const ScoreStatistics *normal) {
  return normal != nullptr ? std::optional(normal->threshold) : std::nullopt;
}

nlohmann::ordered_json to_json(const Region &region) {
  nlohmann::ordered_json json{
      {"x", region.x}, {"y", region.y}, {"w", region.width}, {"h", region.height}, {"score", region.score}};
  if (!region.zone.empty()) json["zone"] = region.zone;
  return json;
}

nlohmann::ordered_json to_json(const Item &item, const std::string &source, const Detection &detection,
                               const ScoreStatistics *normal, const std::optional<MotionJudgment> &motion) {
  const Judgment judgment = judgment_of(detection, threshold_of(normal));
  const PartJudgment &frame = judgment.frame();
  nlohmann::ordered_json json{{"path", item.path.string()}};
  if (item.frame) json["frame"] = *item.frame;
  json["source"] = source;
  json["score"] = static_cast<float>(frame.score);
  if (frame.threshold) {
    json["threshold"] = *frame.threshold;
    json["probability"] = probability(frame.score, *frame.threshold, normal);
  }
  json["anomalous"] = judgment.anomalous;
  if (judgment.raised_by) json["raised_by"] = name_of(*judgment.raised_by);
  if (motion) {
    json["motion_score"] = static_cast<float>(motion->score);
    json["motion_threshold"] = motion->threshold;
    json["motion_anomalous"] = motion->anomalous;
    if (normal != nullptr)
      json["combined_score"] = static_cast<float>(motion->score + appearance_part(frame.score, *normal));
  }
  if (detection.unknown_scene()) json["unknown_scene"] = true;
  json["regions"] = nlohmann::json::array();
  for (const Region &region : judgment.regions) json["regions"].push_back(to_json(region));
  return json;
}

std::string to_line(const Item &item, const Detection &detection, const ScoreStatistics *normal,
                    const std::optional<MotionJudgment> &motion) {
  const Judgment judgment = judgment_of(detection, threshold_of(normal));
  const PartJudgment &frame = judgment.frame();
  std::ostringstream line;
  line << describe(item) << ": score " << frame.score;
  if (frame.threshold)
    line << ", threshold " << *frame.threshold << (judgment.anomalous ? ", ANOMALOUS" : ", normal");
  if (judgment.raised_by == RaisedBy::Image) line << " (the picture as a whole)";
  if (!frame.zone.empty()) line << ", zone " << frame.zone;
  if (detection.unknown_scene()) line << ", unknown scene";
  if (motion)
    line << "; motion " << motion->score << ", threshold " << motion->threshold
         << (motion->anomalous ? ", ANOMALOUS" : ", normal");
  return line.str();
}

// NUMBER distinguishes pictures with the same name.
std::filesystem::path overlay_name(const Item &item, std::size_t number) {
  std::ostringstream name;
  name << std::setfill('0') << std::setw(6) << number << '_' << item.path.stem().string();
  if (item.frame) name << '_' << std::setw(6) << *item.frame;
  name << ".jpg";
  return name.str();
}

void write_picture(const std::filesystem::path &path, const cv::Mat &picture) {
  if (!cv::imwrite(path.string(), picture))
    throw Error(ErrorKind::Unwritable, path.string(), "cannot be written",
                "check the folder and the space left on the disk");
}

}  // namespace

void predict(const PredictOptions &options, Progress &progress) {
  check_json(options.json, "--json");
  if (!options.overlay.empty()) make_folder(options.overlay, "--overlay");
  const auto detector = Detector::open(options.model, options.detector);
  const auto calibration = detector->calibration();
  const auto sources = open_sources(options.data, {options.image_dir, options.bit_depth, &progress});
  const SourceZones zones = read_source_zones(options.zones, sources, progress);
  progress.say(detector->description());
  if (const std::string warning = detector->warning(); !warning.empty()) progress.say(warning);
  if (!calibration->pooled)
    progress.say("the model has no calibration: scores are reported without a threshold");

  Output output(options.json.empty() ? "-" : options.json);
  std::size_t number = 0;
  for (const auto &source : sources) {
    for (const auto &warning : source.warnings) progress.say(warning);
    report_unknown(source, *calibration, options.model, progress);
    put_in_force(zones, source, *detector, progress);
    const auto *normal = calibration->find(source.name);
    SourceMotionJudge motion_judge(detector->motion_reference(source.name), source.frame_rate,
                                   find_zones(zones, source.name));
    // If results are written to standard output, their lines already show the progress.
    const bool to_file = !options.json.empty() && options.json != "-";
    if (to_file) progress.begin("judging " + source.name, std::ssize(source.test));
    const auto unread = visit_items(
        source.test,
        [&](std::size_t index, const FrameView &frame) {
          const auto &item = source.test[index];
          const auto detection = detector->detect({&frame, 1}).front();
          const auto motion = motion_judge.judge(item, frame);
          if (options.json.empty())
            output.stream() << to_line(item, detection, normal, motion) << '\n';
          else
            output.stream() << json_text(to_json(item, source.name, detection, normal, motion)) << '\n';
          if (!options.overlay.empty())
            write_picture(options.overlay / overlay_name(item, number),
                          draw_heatmap(frame, detection, normal));
          ++number;
          if (to_file) progress.update(static_cast<std::int64_t>(index) + 1);
        },
        tell_by(progress));
    progress.end();
    report_unread(source.test, unread, progress);
  }
  output.close();
}

}  // namespace uniad
