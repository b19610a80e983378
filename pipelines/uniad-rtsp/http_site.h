// SPDX-License-Identifier: Apache-2.0
// What the HTTP interface shows of a server.
#pragma once

#include <gst/rtsp-server/rtsp-server.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <string>

#include "pipelines/uniad-rtsp/camera.h"
#include "pipelines/uniad-rtsp/http/site.h"

namespace uniad::rtsp {

// Moves while the default main loop does.
class MainLoopPulse {
 public:
  MainLoopPulse();
  ~MainLoopPulse();
  MainLoopPulse(const MainLoopPulse &) = delete;
  MainLoopPulse &operator=(const MainLoopPulse &) = delete;

  std::chrono::steady_clock::duration silence() const;

 private:
  std::atomic<std::chrono::steady_clock::time_point> moved_{std::chrono::steady_clock::now()};
  guint source_;
};

// The parameters must outlive the site. root: the address of the server, to which the paths of the cameras
// are appended.
Site make_site(const Config &config, std::deque<CameraOutput> &outputs, const EventLog &events,
               GstRTSPServer *server, const std::string &root,
               const std::shared_ptr<AbandonedPipelines> &abandoned, const MainLoopPulse &pulse);

}  // namespace uniad::rtsp
