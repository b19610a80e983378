// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <stop_token>

#include "pipelines/uniad-rtsp/config.h"
#include "pipelines/uniad-rtsp/relay.h"
#include "pipelines/uniad-rtsp/running_pipeline.h"

namespace uniad::rtsp {

// How often the cameras have been told so, from any thread.
struct Orders {
  std::atomic<unsigned> learn{0};   // what is normal, anew
  std::atomic<unsigned> reopen{0};  // the files that are written to, which have been renamed
};

// Captures, judges and draws on one camera's video and pushes it into the relay, until stop is requested. A
// source that fails, ends or stalls is opened anew with back-off, meanwhile the relay gets a picture that
// says so. A pipeline that does not stop is abandoned, and the next one takes its place. A camera with
// `learn` follows an order to learn again as soon as it brings frames. The relay outlives every pipeline,
// also those abandoned.
void run_camera(const CameraConfig &camera, Relay &relay, const Orders &orders,
                const std::shared_ptr<AbandonedPipelines> &abandoned, const std::stop_token &stop);

}  // namespace uniad::rtsp
