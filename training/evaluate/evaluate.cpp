// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate/evaluate.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <span>

#include "model/error.h"
#include "model/file/whole_file.h"
#include "model/json_text.h"
#include "training/data/labels.h"
#include "training/data/visit.h"
#include "training/evaluate/figures.h"
#include "training/evaluate/report/page.h"
#include "training/evaluate/report/training_log.h"
#include "training/evaluate/table.h"
#include "training/output.h"
#include "training/report.h"

namespace uniad {
namespace {

using Classes = std::map<std::string, ClassFigures>;

std::string about_lost_defects(std::int64_t lost, const InputConfig &input) {
  return std::to_string(lost) + " of the abnormal pictures have no abnormal pixel left at " +
         std::to_string(input.width) + "x" + std::to_string(input.height) +
         " and count as normal, as the paper's code has it; --label-rule strict keeps them abnormal";
}

Chapter judge(const Source &source, Detector &detector, const EvaluateOptions &options, Progress &progress) {
  if (source.test.empty())
    throw Error(source.path, "nothing to judge", "an MVTec folder needs pictures in test/TYPE");
  for (const auto &remark : source.remarks) progress.say(remark);
  progress.begin("evaluating " + source.name, static_cast<std::int64_t>(source.test.size()));
  const auto &input = detector.config().input;
  const auto calibration = detector.calibration();
  report_unknown(source, *calibration, options.model, progress);
  std::optional<ScoreStatistics> normal;
  if (const auto *known = calibration->find(source.name); known != nullptr) normal = *known;
  Judge judge(source, input.width, input.height, normal ? std::optional(normal->threshold) : std::nullopt);
  Gallery gallery(normal);
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
        judge.add(item, truth, detection);
        if (!options.report.empty()) gallery.offer(item, truth.abnormal, detection, frame);
        progress.update(static_cast<std::int64_t>(index) + 1);
      },
      tell_by(progress));
  progress.end();
  report_unread(source.test, unread, progress);
  if (lossy_masks > 0)
    progress.say(
        source.name + ": masks of " + std::to_string(lossy_masks) +
        " pictures are lossily compressed (JPEG); a pixel is abnormal from half of its mask's maximum on");
  if (lost > 0 && options.label_rule == LabelRule::Reference) progress.say(about_lost_defects(lost, input));
  return {source.name,
          source.path,
          normal,
          judge.figures(options.event_gap),
          judge.normal_scores(),
          judge.abnormal_scores(),
          judge.timelines(),
          std::move(gallery)};
}

// DIR/report.html, under another name until it is whole.
std::unique_ptr<NewFile> begin_report(const std::filesystem::path &folder) {
  make_folder(folder, "--report");
  return std::make_unique<NewFile>(folder / "report.html");
}

void write_json(const Classes &classes, Output &output) {
  output.stream() << json_text(to_json(classes), 2) << '\n';
  output.close();
}

}  // namespace

void evaluate(const EvaluateOptions &options, std::ostream &table, Progress &progress) {
  check_json(options.json, "--json");
  std::unique_ptr<NewFile> report_file;
  if (!options.report.empty()) report_file = begin_report(options.report);
  const auto detector = Detector::open(options.model, options.detector);
  auto sources = open_sources(options.data, {options.image_dir, options.bit_depth, &progress});
  std::optional<Output> json;
  if (!options.json.empty()) json.emplace(options.json);
  Report report{options.model.filename().string(),
                detector->description(),
                options.label_rule,
                options.event_gap,
                {},
                {},
                {}};
  if (!options.training_log.empty()) report.training = read_training_log(options.training_log);
  if (!options.labels.empty()) apply_labels(options.labels, sources);
  progress.say(detector->description());
  if (const std::string remark = detector->remark(); !remark.empty()) progress.say(remark);

  Classes classes;
  for (const auto &source : sources) {
    report.chapters.push_back(judge(source, *detector, options, progress));
    classes[source.name] = report.chapters.back().figures;
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
