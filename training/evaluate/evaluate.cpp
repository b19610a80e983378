// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate/evaluate.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <span>
#include <utility>

#include "model/base/error.h"
#include "model/base/json_text.h"
#include "model/engine/judgment.h"
#include "model/file/atomic_file.h"
#include "model/motion/combined_score.h"
#include "training/base/output.h"
#include "training/data/labels.h"
#include "training/data/report.h"
#include "training/data/video_motion.h"
#include "training/data/visit.h"
#include "training/data/zones.h"
#include "training/evaluate/figures/figures.h"
#include "training/evaluate/figures/operating_points.h"
#include "training/evaluate/figures/table.h"
#include "training/evaluate/report/page.h"
#include "training/evaluate/report/training_log.h"

namespace uniad {
namespace {

using Classes = std::map<std::string, ClassFigures>;

std::string about_lost_defects(std::int64_t lost, const InputConfig &input) {
  return std::to_string(lost) + " of the abnormal pictures have no abnormal pixel left at " +
         std::to_string(input.width) + "x" + std::to_string(input.height) +
         " and count as normal, as in the paper's code; --label-rule strict keeps them abnormal";
}

SourceReport evaluate_source(const Source &source, Detector &detector, const EvaluateOptions &options,
                             const SourceZones &zones, Progress &progress) {
  if (source.test.empty())
    throw Error(ErrorKind::InvalidArgument, source.path, "there is nothing to judge",
                "a folder in MVTec layout needs pictures in test/TYPE");
  for (const auto &warning : source.warnings) progress.say(warning);
  put_in_force(zones, source, detector, progress);
  progress.begin("evaluating " + source.name, static_cast<std::int64_t>(source.test.size()));
  const auto &input = detector.config().input;
  const auto calibration = detector.calibration();
  report_unknown(source, *calibration, options.model, progress);
  std::optional<ScoreStatistics> normal;
  if (const auto *known = calibration->find(source.name); known != nullptr) normal = *known;
  Evaluator evaluator(source, input.width, input.height,
                      normal ? std::optional(normal->threshold) : std::nullopt);
  Gallery gallery(normal);
  SourceMotionJudge motion(detector.motion_reference(source.name), source.frame_rate,
                           find_zones(zones, source.name));
  MotionEvaluator motion_evaluator;
  std::int64_t lost = 0;
  std::int64_t lossy_masks = 0;
  const auto unread = visit_items(
      source.test,
      [&](std::size_t index, const FrameView &frame) {
        const auto &item = source.test[index];
        const auto truth = truth_of(item, PictureShape{frame.width, frame.height}, input.width, input.height,
                                    options.label_rule);
        if (!truth.unreadable_mask.empty())
          progress.say(truth.unreadable_mask + "; judged by its label alone");
        lost += truth.lost_in_resize ? 1 : 0;
        lossy_masks += truth.lossy_mask ? 1 : 0;
        const auto detection = detector.detect({&frame, 1}).front();
        evaluator.add(item, truth, detection);
        const double score = judgment_of(detection, std::nullopt).frame().score;
        motion_evaluator.add(item, truth.abnormal, motion.judge(item, frame),
                             normal ? appearance_part(score, *normal) : 0);
        if (!options.report.empty()) gallery.offer(item, truth.abnormal, detection, frame);
        progress.update(static_cast<std::int64_t>(index) + 1);
      },
      tell_by(progress));
  progress.end();
  report_unread(source.test, unread, progress);
  if (lossy_masks > 0)
    progress.say(
        source.name + ": masks of " + std::to_string(lossy_masks) +
        " pictures use lossy compression (JPEG); pixels at or above half of the mask's maximum are abnormal");
  if (lost > 0 && options.label_rule == LabelRule::Reference) progress.say(about_lost_defects(lost, input));
  ClassFigures figures = evaluator.figures(options.event_rules);
  if (normal)
    figures.operating_points =
        operating_points(evaluator.normal_scores(), evaluator.abnormal_scores(), *normal);
  std::optional<MotionReport> of_motion;
  if (const MotionReference *reference = motion.reference()) {
    const double threshold = reference->normal->threshold;
    figures.motion = motion_evaluator.figures(threshold, options.event_rules);
    of_motion = {threshold, motion_evaluator.normal_scores(), motion_evaluator.abnormal_scores(),
                 motion_evaluator.timelines(threshold, options.event_rules)};
  }
  return {source.name,
          source.path,
          normal,
          std::move(figures),
          evaluator.normal_scores(),
          evaluator.abnormal_scores(),
          evaluator.timelines(options.event_rules),
          std::move(of_motion),
          std::move(gallery)};
}

// Creates DIR/report.html, which has a temporary name until it is complete.
std::unique_ptr<AtomicFileWriter> begin_report(const std::filesystem::path &folder) {
  make_folder(folder, "--report");
  return std::make_unique<AtomicFileWriter>(folder / "report.html");
}

void write_json(const Classes &classes, Output &output) {
  output.stream() << json_text(to_json(classes), 2) << '\n';
  output.close();
}

}  // namespace

void evaluate(const EvaluateOptions &options, std::ostream &table, Progress &progress) {
  check_json(options.json, "--json");
  std::unique_ptr<AtomicFileWriter> report_file;
  if (!options.report.empty()) report_file = begin_report(options.report);
  const auto detector = Detector::open(options.model, options.detector);
  auto sources = open_sources(options.data, {options.image_dir, options.bit_depth, &progress});
  std::optional<Output> json;
  if (!options.json.empty()) json.emplace(options.json);
  Report report{options.model.filename().string(),
                detector->description(),
                options.label_rule,
                gap_of(options.event_rules),
                {},
                {},
                {}};
  if (!options.training_log.empty()) report.training = read_training_log(options.training_log);
  if (!options.labels.empty()) apply_labels(options.labels, sources);
  const SourceZones zones = read_source_zones(options.zones, sources, progress);
  progress.say(detector->description());
  if (const std::string warning = detector->warning(); !warning.empty()) progress.say(warning);

  Classes classes;
  for (const auto &source : sources) {
    report.sources.push_back(evaluate_source(source, *detector, options, zones, progress));
    classes[source.name] = report.sources.back().figures;
  }
  report.mean = mean(classes);
  if (options.json != "-") print_table(classes, table);
  if (json) write_json(classes, *json);
  if (!report_file) return;
  const auto page = report_page(report);
  report_file->write(std::as_bytes(std::span(page)));
  report_file->commit();
  progress.say((options.report / "report.html").string());
}

}  // namespace uniad
