// SPDX-License-Identifier: Apache-2.0
#include <spdlog/cfg/env.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <new>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "model/base/address.h"
#include "model/base/error.h"
#include "model/base/log.h"
#include "training/cli.h"
#include "training/completion.h"
#include "training/config/config.h"
#include "training/info/complexity_report.h"
#include "training/man_page.h"

namespace {

enum ExitCode { done = 0, failed = 1, wrong_usage = 2 };

void run(const CLI::App &app, const uniad::CommandLine &line, uniad::Progress &progress) {
  if (line.man) std::cout << uniad::man_page(app);
  if (line.markdown) std::cout << uniad::markdown(app);
  if (line.completion) std::cout << uniad::bash_completion(app);
  if (app.got_subcommand("train")) run_train(line.train, progress);
  if (app.got_subcommand("sweep")) sweep(line.sweep, progress);
  if (app.got_subcommand("update")) run_update(line.update, progress);
  if (app.got_subcommand("merge")) merge_models(line.merge, progress);
  if (app.got_subcommand("evaluate")) evaluate(line.evaluate, std::cout, progress);
  if (app.got_subcommand("calibrate")) calibrate_model(line.calibrate, progress);
  if (app.got_subcommand("predict")) predict(line.predict, progress);
  if (app.got_subcommand("extract")) extract(line.extract, progress);
  if (app.got_subcommand("render")) run_render(line.render, progress);
  if (app.got_subcommand("import")) import_files(line.import, progress);
  if (app.got_subcommand("export")) export_model(line.exported, progress);
  if (app.got_subcommand("info")) line.info.complexity ? tell_complexity(line.info) : info(line.info);
  if (app.got_subcommand("bench")) run_bench(line.bench, progress);
}

// LibTorch's error message for a lack of memory contains a backtrace.
std::string reason_of(const std::exception &error) {
  if (dynamic_cast<const uniad::Error *>(&error) != nullptr || !uniad::is_out_of_memory(error))
    return error.what();
  return "not enough memory (free some memory, raise its limit, or use a smaller --batch, --input-size or "
         "--cache-memory)";
}

// The error quotes arguments, which may be addresses with passwords.
int refuse(const CLI::App &app, const CLI::ParseError &error, const std::vector<std::string> &arguments) {
  std::ostringstream help;
  std::ostringstream reason;
  const int code = app.exit(error, help, reason);
  std::cout << help.str();
  std::cerr << uniad::redacted(reason.str(), arguments);
  return code == 0 ? done : wrong_usage;
}

bool takes_steps(const CLI::App &app, const uniad::CommandLine &line) {
  return app.got_subcommand("sweep") || app.got_subcommand("render") ||
         (app.got_subcommand("train") && line.train.options.recipe != uniad::Recipe::Instant);
}

// LibTorch's threads wait for one another in a busy loop for 3 ms before they sleep. If other work shares the
// machine, this keeps the awaited threads from their cores, and a training step took twice as long. libgomp
// reads this variable when it is loaded, so the program executes itself again, in the same process.
void wait_briefly(char **argv) {
  constexpr const char *setting = "GOMP_SPINCOUNT";
  // NOLINTBEGIN(concurrency-mt-unsafe): no other thread reads the environment yet
  if (std::getenv(setting) != nullptr || std::getenv("OMP_WAIT_POLICY") != nullptr) return;
  setenv(setting, "1000", /*overwrite=*/1);
  // NOLINTEND(concurrency-mt-unsafe)
  execv("/proc/self/exe", argv);  // if this fails, the program continues unchanged
}

// SPDLOG_LEVEL=info or debug shows what libuniad does.
void log_with_spdlog() {
  const auto logger = spdlog::stderr_color_mt("uniad");
  logger->set_level(spdlog::level::warn);
  spdlog::set_default_logger(logger);
  spdlog::cfg::load_env_levels();
  uniad::set_log_sink([](uniad::LogLevel level, const std::string &message) {
    constexpr spdlog::level::level_enum levels[]{spdlog::level::debug, spdlog::level::info,
                                                 spdlog::level::warn};
    spdlog::log(levels[static_cast<int>(level)], "{}", message);
  });
}

int run_command_line(int argc, char **argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  uniad::CommandLine line;
  const auto app = uniad::describe_command_line(line);
  try {
    arguments = uniad::with_config(arguments, *app);
    app->parse(std::vector(arguments.rbegin(), arguments.rend()));  // CLI11 expects the reverse order
  } catch (const CLI::ParseError &error) {
    return refuse(*app, error, arguments);
  } catch (const uniad::Error &error) {  // from the configuration
    std::cerr << "uniad: " << uniad::redacted(error.what(), arguments) << '\n';
    return wrong_usage;
  }
  if (app->get_subcommands().empty() && !line.man && !line.markdown && !line.completion) {
    std::cerr << app->help();
    return wrong_usage;
  }
  if (takes_steps(*app, line)) wait_briefly(argv);
  uniad::Progress progress(line.log_json);
  try {
    run(*app, line, progress);
  } catch (const std::exception &error) {
    progress.fail(uniad::redacted(reason_of(error), arguments));
    return failed;
  }
  return done;
}

}  // namespace

int main(int argc, char **argv) {
  try {
    log_with_spdlog();
    return run_command_line(argc, argv);
  } catch (const std::exception &error) {
    std::cerr << "uniad: " << reason_of(error) << '\n';
    return failed;
  }
}
