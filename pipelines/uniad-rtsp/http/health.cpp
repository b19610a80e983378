// SPDX-License-Identifier: Apache-2.0
#include "pipelines/uniad-rtsp/http/health.h"

#include <algorithm>
#include <chrono>
#include <string>

namespace uniad::rtsp {
namespace {

constexpr std::chrono::seconds longest_silence{15};

}  // namespace

Response liveness(const Site &site) {
  if (site.main_loop_silence() > longest_silence) return problem(503, "the main loop is stuck");
  const auto stuck = std::count_if(site.cameras.begin(), site.cameras.end(), [](const CameraAccess &camera) {
    return camera.status.silence() > longest_silence;
  });
  if (stuck > 0) return problem(503, "the threads of " + std::to_string(stuck) + " cameras are stuck");
  return json_response({{"status", "ok"}});
}

Response readiness(const Site &site) {
  const auto waiting = std::count_if(
      site.cameras.begin(), site.cameras.end(),
      [](const CameraAccess &camera) { return camera.status.figures().state == CameraState::starting; });
  if (waiting > 0) return problem(503, std::to_string(waiting) + " cameras are still being opened");
  return json_response({{"status", "ready"}});
}

}  // namespace uniad::rtsp
