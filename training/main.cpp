// SPDX-License-Identifier: Apache-2.0
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <exception>
#include <iostream>

#include "training/cli.h"
#include "training/info/complexity_report.h"
#include "training/manual.h"

namespace {

enum ExitCode { done = 0, failed = 1, wrong_usage = 2 };

void run(const CLI::App &app, const uniad::CommandLine &line) {
  uniad::Progress progress;
  if (line.man) std::cout << uniad::man_page(app);
  if (line.markdown) std::cout << uniad::markdown(app);
  if (app.got_subcommand("train")) run_train(line.train, progress);
  if (app.got_subcommand("update")) run_update(line.update, progress);
  if (app.got_subcommand("merge")) merge_models(line.merge, progress);
  if (app.got_subcommand("evaluate")) evaluate(line.evaluate, progress);
  if (app.got_subcommand("predict")) predict(line.predict, progress);
  if (app.got_subcommand("render")) run_render(line.render, progress);
  if (app.got_subcommand("import")) import_files(line.import, progress);
  if (app.got_subcommand("info")) line.info.complexity ? tell_complexity(line.info) : info(line.info);
  if (app.got_subcommand("bench")) run_bench(line.bench, progress);
}

}  // namespace

int main(int argc, char **argv) {
  uniad::CommandLine line;
  const auto app = uniad::describe_command_line(line);
  try {
    app->parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    return app->exit(error) == 0 ? done : wrong_usage;
  }
  if (app->get_subcommands().empty() && !line.man && !line.markdown) {
    std::cerr << app->help();
    return wrong_usage;
  }
  try {
    run(*app, line);
  } catch (const std::exception &error) {
    std::cerr << "uniad: " << error.what() << '\n';
    return failed;
  }
  return done;
}
