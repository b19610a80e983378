// SPDX-License-Identifier: Apache-2.0
// What HTTP shows and controls: the cameras and the process.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pipelines/uniad-rtsp/base/camera_status.h"
#include "pipelines/uniad-rtsp/base/event_log.h"

namespace uniad::rtsp {

struct CameraAccess {
  std::string name;
  std::string stream;  // the address of its stream
  bool is_judged = false;
  std::optional<LearnOrder> usual_learning;  // as its configuration says
  CameraStatus &status;
  std::function<unsigned()> viewers;
};

// Everything is thread-safe and does not wait.
struct Site {
  std::vector<CameraAccess> cameras;
  const EventLog &events;
  std::function<unsigned()> abandoned_pipelines;
  std::function<std::chrono::steady_clock::duration()> main_loop_silence;
};

}  // namespace uniad::rtsp
