// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate/evaluate.h"

#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "model/error.h"
#include "training/data/labels.h"
#include "training/data/visit.h"
#include "training/evaluate/figures.h"
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

ClassFigures judge(const Source &source, Detector &detector, const EvaluateOptions &options,
                   Progress &progress) {
  if (source.test.empty())
    throw Error(source.path, "nothing to judge", "an MVTec folder needs pictures in test/TYPE");
  for (const auto &remark : source.remarks) progress.say(remark);
  progress.begin("evaluating " + source.name, static_cast<std::int64_t>(source.test.size()));
  const auto &input = detector.config().input;
  const auto calibration = detector.calibration();
  const auto *normal = calibration->find(source.name);
  Judge judge(source, input.width, input.height,
              normal != nullptr ? std::optional(normal->threshold) : std::nullopt);
  std::int64_t lost = 0;
  const auto unread = visit_items(source.test, [&](std::size_t index, const FrameView &frame) {
    const auto &item = source.test[index];
    const auto truth = truth_of(item, input.width, input.height, options.label_rule);
    if (!truth.unreadable_mask.empty()) progress.say(truth.unreadable_mask + "; judged by its label alone");
    lost += truth.lost_in_resize ? 1 : 0;
    judge.add(item, truth, detector.detect({&frame, 1}).front());
    progress.update(static_cast<std::int64_t>(index) + 1);
  });
  progress.end();
  report_unread(source.test, unread, progress);
  if (lost > 0 && options.label_rule == LabelRule::Reference) progress.say(about_lost_defects(lost, input));
  return judge.figures(options.event_gap);
}

void write_json(const Classes &classes, Output &output) {
  // Names of files need not be UTF-8.
  output.stream() << to_json(classes).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
  output.close();
}

}  // namespace

void evaluate(const EvaluateOptions &options, Progress &progress) {
  const auto detector = Detector::open(options.model, options.detector);
  auto sources = open_sources(options.data, options.image_dir);
  std::optional<Output> json;
  if (!options.json.empty()) json.emplace(options.json);  // before the work: it must not be lost for a typo
  if (!options.labels.empty()) apply_labels(options.labels, sources);
  progress.say(detector->description());
  if (const std::string remark = detector->remark(); !remark.empty()) progress.say(remark);
  Classes classes;
  for (const auto &source : sources) classes[source.name] = judge(source, *detector, options, progress);
  if (options.json != "-") print_table(classes, std::cout);
  if (json) write_json(classes, *json);
}

}  // namespace uniad
