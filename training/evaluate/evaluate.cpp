// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate/evaluate.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "model/error.h"
#include "training/data/labels.h"
#include "training/data/visit.h"
#include "training/evaluate/figures.h"
#include "training/output.h"
#include "training/report.h"

namespace uniad {
namespace {

using Classes = std::map<std::string, ClassFigures>;

ClassFigures judge(const Source &source, Detector &detector, Progress &progress) {
  if (source.test.empty())
    throw Error(source.path, "nothing to judge", "an MVTec folder needs pictures in test/TYPE");
  for (const auto &remark : source.remarks) progress.say(remark);
  progress.begin("evaluating " + source.name, static_cast<std::int64_t>(source.test.size()));
  const auto &input = detector.config().input;
  Judge judge(source.test, input.width, input.height);
  const auto unread = visit_items(source.test, [&](std::size_t index, const FrameView &frame) {
    const auto detection = detector.detect({&frame, 1}).front();
    try {
      judge.add(source.test[index], detection.grid, detection.score, PictureShape{frame.width, frame.height});
    } catch (const Error &unreadable_mask) {
      progress.say(std::string(unreadable_mask.what()) + "; judged by its label alone");
    }
    progress.update(static_cast<std::int64_t>(index) + 1);
  });
  progress.end();
  report_unread(source.test, unread, progress);
  const auto calibration = detector.calibration();
  const auto *statistics = calibration->find(source.name);
  return judge.figures(statistics != nullptr ? std::optional(statistics->threshold) : std::nullopt);
}

void print_row(const std::string &name, const std::string &images, const Figures &figures) {
  std::printf("%-20s %8s", name.c_str(), images.c_str());
  for (const char *figure : {"image_auroc", "image_ap", "image_f1max", "pixel_auroc", "pixel_ap",
                             "pixel_f1max", "aupro", "false_alarm_rate", "detection_rate"}) {
    const auto value = figures.find(figure);
    if (value == figures.end())
      std::printf(" %8s", "-");
    else
      std::printf(" %8.4f", value->second);
  }
  std::printf("\n");
}

void print_table(const Classes &classes) {
  std::printf("%-20s %8s %26s %35s %17s\n", "", "", "image", "pixel", "at threshold");
  std::printf("%-20s %8s %8s %8s %8s %8s %8s %8s %8s %8s %8s\n", "class", "images", "AUROC", "AP", "F1-max",
              "AUROC", "AP", "F1-max", "AUPRO", "false", "found");
  for (const auto &[name, of_class] : classes)
    print_row(name, std::to_string(of_class.images), of_class.figures);
  print_row("mean", "", mean(classes));
}

void write_json(const Classes &classes, Output &output) {
  nlohmann::ordered_json json;
  for (const auto &[name, of_class] : classes) {
    auto &entry = json["classes"][name];
    entry["images"] = of_class.images;
    for (const auto &[figure, value] : of_class.figures) entry[figure] = value;
  }
  json["mean"] = mean(classes);
  output.stream() << json.dump(2) << '\n';
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
  for (const auto &source : sources) classes[source.name] = judge(source, *detector, progress);
  if (options.json != "-") print_table(classes);
  if (json) write_json(classes, *json);
}

}  // namespace uniad
