// SPDX-License-Identifier: Apache-2.0
#include <gst/gst.h>
#include <malloc.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "model/base/address.h"
#include "pipelines/uniad-rtsp/check.h"
#include "pipelines/uniad-rtsp/config.h"
#include "pipelines/uniad-rtsp/quick_start.h"
#include "pipelines/uniad-rtsp/server.h"

namespace uniad::rtsp {
namespace {

// Collects the obstacles of all cameras, so that users can resolve them together.
std::vector<std::string> all_obstacles(const Config &config) {
  std::vector<std::string> all;
  for (const auto &camera : config.cameras) {
    const auto of_camera = find_obstacles(camera);
    all.insert(all.end(), of_camera.begin(), of_camera.end());
  }
  return all;
}

int check(const std::string &what, const Config &config) {
  check_server(config);
  std::vector<std::string> obstacles = all_obstacles(config);
  for (const auto &camera : config.cameras) {
    if (!find_obstacles(camera).empty()) continue;
    check_camera(camera);
    if (const auto reason = why_unplayable(camera)) obstacles.push_back(*reason);
  }
  for (const auto &obstacle : obstacles) std::fprintf(stderr, "uniad-rtsp: %s\n", obstacle.c_str());
  if (!obstacles.empty()) return 1;
  const std::size_t count = config.cameras.size();
  std::cout << what << ": "
            << (count == 1 ? "1 camera, which can be served"
                           : std::to_string(count) + " cameras, which can all be served")
            << std::endl;
  return 0;
}

// Each reconnect starts threads, which glibc distributes over up to eight heaps per core. What frames leave
// behind in each heap would add up over reconnects, although the memory in use stays the same.
void keep_heaps_few() {
#ifdef __GLIBC__
  mallopt(M_ARENA_MAX, 2);  // NOLINT(concurrency-mt-unsafe): there is no second thread yet
#endif
}

// file: empty if the cameras are those of the command line.
int run(const std::string &file, const QuickStart &quick, bool check_only) {
  const Config config = file.empty() ? quick_config(quick) : load_config(file);
  for (const auto &warning : config.warnings) spdlog::warn("{}", warning);
  if (check_only) return check(file.empty() ? "the command line" : file, config);
  for (const auto &camera : config.cameras) check_camera(camera);
  for (const auto &obstacle : all_obstacles(config)) spdlog::warn("{}", obstacle);
  return serve(config);
}

}  // namespace
}  // namespace uniad::rtsp

int main(int argc, char **argv) try {
  uniad::rtsp::keep_heaps_few();  // before any other thread starts
  spdlog::set_default_logger(spdlog::stderr_color_mt("uniad-rtsp"));
  CLI::App app(
      "Serves cameras as RTSP streams with anomalies marked.\n"
      "CONFIG is a TOML file; pipelines/uniad-rtsp/cameras.toml is a commented example.\n"
      "Without one, --camera names the cameras, which learn from what they show first.\n"
      "SIGUSR1 makes every camera with `learn` learn again and add what it learns to its model.\n"
      "SIGHUP reopens the published files, for log rotation.");
  std::string config;
  uniad::rtsp::QuickStart quick;
  bool check_only = false;
  auto *file = app.add_option("CONFIG", config, "TOML file with the server's address and the cameras");
  auto *camera =
      app.add_option("--camera", quick.cameras,
                     "Address of a camera, or a video file; NAME=ADDRESS names it; may be repeated")
          ->allow_extra_args(false);
  file->excludes(camera);
  app.add_option("--learn", quick.learn, "How long these cameras learn, or from how many frames")
      ->capture_default_str()
      ->needs(camera);
  app.add_option("--model", quick.model,
                 "Model file of these cameras, which need not exist yet (default: " +
                     uniad::rtsp::default_model() + ")")
      ->needs(camera);
  app.add_option("--port", quick.port, "Port of these cameras' streams; 0: any free one")
      ->capture_default_str()
      ->needs(camera);
#ifdef UNIAD_HAS_HTTP
  app.add_option("--http-port", quick.http_port, "Port of these cameras' HTTP interface; 0: any free one")
      ->capture_default_str()
      ->needs(camera);
#endif
  app.add_flag("--check", check_only, "Check the configuration, its models and elements, and exit");
  try {
    app.parse(argc, argv);
    if (file->empty() && camera->empty()) throw CLI::RequiredError("CONFIG or --camera");
  } catch (const CLI::ParseError &error) {
    std::ostringstream help;
    std::ostringstream reason;
    const int code = app.exit(error, help, reason);
    std::cout << help.str();
    std::cerr << uniad::redacted(reason.str(),
                                 std::vector<std::string>(argv, argv + argc));  // it quotes arguments
    return code == 0 ? 0 : 2;
  }

  gst_init(nullptr, nullptr);
  const int status = uniad::rtsp::run(config, quick, check_only);
  gst_deinit();
  return status;
} catch (const std::exception &error) {
  std::fprintf(stderr, "uniad-rtsp: %s\n", error.what());
  return 1;
}
