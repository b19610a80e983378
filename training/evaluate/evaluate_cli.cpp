// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate/evaluate.h"

#include "training/cli/options.h"

namespace uniad {

void describe_evaluate(CLI::App &app, EvaluateOptions &options) {
  add_model(app, options.model, "Model file");
  add_data(app, "--data", options.data, options.image_dir, options.bit_depth);
  add_labels(app, options.labels);
  add_zones(app, options.zones);
  add_named_choice(
      app, "--label-rule", options.label_rule,
      Choices<LabelRule>{{LabelRule::Reference, "reference"}, {LabelRule::Strict, "strict"}},
      "What makes a picture with a mask abnormal: reference (at least one mask pixel remains at the "
      "network's input size, as in the paper's code) or strict (its label, or any mask pixel at full size)")
      ->type_name("RULE")
      ->default_str("reference");
  add_event_rules(app, options.event_rules);
  add_json(app, options.json);
  auto *report = add_path(app, "--report", options.report,
                          "Write report.html to this folder, a single self-contained file with tables, "
                          "curves, timelines, and the best and worst pictures with their heatmaps");
  report->type_name("DIR");
  add_path(app, "--training-log", options.training_log,
           "Log file that the option --log of uniad train wrote; adds the training curve to the report")
      ->needs(report);
  add_device(app, options.detector.device, options.detector.precision, {"auto", "fp32", "bf16", "int8"});
}

}  // namespace uniad
