// SPDX-License-Identifier: Apache-2.0
// Runs one camera: captures, reconnects and feeds its viewers.
#pragma once

#include <atomic>
#include <memory>
#include <stop_token>

#include "pipelines/uniad-rtsp/base/camera_status.h"
#include "pipelines/uniad-rtsp/config.h"
#include "pipelines/uniad-rtsp/relay.h"
#include "pipelines/uniad-rtsp/running_pipeline.h"

namespace uniad::rtsp {

// The numbers of requests so far. They may be incremented from any thread.
struct Orders {
  std::atomic<unsigned> learn{0};   // learn again
  std::atomic<unsigned> reopen{0};  // reopen published files that have been renamed
};

// What a camera gives to others. Must outlive all pipelines, including abandoned ones.
struct CameraOutput {
  CameraOutput(const CameraConfig &camera, EventLog &events)
      : relay(camera.timeout), status(camera.name, events) {}

  Relay relay;
  CameraStatus status;
};

// Captures, judges and draws on one camera's video and pushes it to the relay, until stop is requested. If
// the source fails, ends or stalls, it is reopened with exponential backoff, and the relay gets a placeholder
// picture in the meantime. A pipeline that does not stop is abandoned and replaced. A camera with `learn`
// follows a request to learn again as soon as it delivers frames, and so does every camera with a model that
// gets a request of its own through its status.
void run_camera(const CameraConfig &camera, CameraOutput &output, const Orders &orders,
                const std::shared_ptr<AbandonedPipelines> &abandoned, const std::stop_token &stop);

}  // namespace uniad::rtsp
