// SPDX-License-Identifier: Apache-2.0
#include "training/cli.h"

#include <CLI/Formatter.hpp>

namespace uniad {

std::unique_ptr<CLI::App> describe_command_line(CommandLine &line) {
  auto app = std::make_unique<CLI::App>(
      "Learns what is normal from pictures and videos and detects what is not", "uniad");
  app->set_version_flag("--version", "uniad " UNIAD_VERSION);
  app->require_subcommand(0, 1);
  app->add_flag("--log-json", line.log_json,
                "Report progress on standard error as JSON lines, for use by programs");
  app->add_flag("--completion", line.completion, "Print a bash completion script for commands and options");
  app->add_flag("--man", line.man)->group("");
  app->add_flag("--markdown", line.markdown)->group("");
  describe_train(*app->add_subcommand("train", "Train a model on normal pictures and videos"), line.train);
  describe_sweep(
      *app->add_subcommand("sweep", "Train and evaluate the experiments of a table and print the results"),
      line.sweep);
  describe_update(*app->add_subcommand("update", "Update a model with new normal pictures and videos"),
                  line.update);
  describe_merge(*app->add_subcommand("merge", "Merge what several models have learned into one model"),
                 line.merge);
  describe_evaluate(*app->add_subcommand("evaluate", "Evaluate a model on labeled data"), line.evaluate);
  describe_calibrate(
      *app->add_subcommand("calibrate",
                           "Recompute a model's thresholds from new normal footage or, without footage, by "
                           "another rule from the scores stored in the model"),
      line.calibrate);
  describe_predict(*app->add_subcommand("predict", "Detect anomalies in pictures and videos"), line.predict);
  describe_extract(
      *app->add_subcommand("extract", "Print the results that a recording of uniadrecord contains"),
      line.extract);
  describe_render(*app->add_subcommand("render", "Render what a model reconstructs as pictures"),
                  line.render);
  describe_import(*app->add_subcommand("import", "Convert checkpoints of other projects to a model file"),
                  line.import);
  describe_export(*app->add_subcommand("export", "Export a model to another file format"), line.exported);
  describe_info(*app->add_subcommand("info", "Show what a model file contains"), line.info);
  describe_bench(*app->add_subcommand("bench", "Measure the inference speed of a model on this machine"),
                 line.bench);
  for (CLI::App *command : app->get_subcommands([](CLI::App *) { return true; })) command->fallthrough();
  return app;
}

}  // namespace uniad
