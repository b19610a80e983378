// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/video/video.h>

#include <string>

#include "pipelines/uniad-rtsp/config.h"
#include "pipelines/uniad-rtsp/running_pipeline.h"

namespace uniad::rtsp {

// What only playing it tells of a source.
struct Findings {
  bool is_still = false;  // a file of one picture
};

// From the camera to the appsink "frames": what captures its video, judges it, draws on it and publishes.
// Throws Error where an element or a test picture is missing.
Pipeline make_capture(const CameraConfig &camera, const Findings &findings);

// The picture in place of a camera that brings none, in the camera's format so that viewers see no change of
// it; to the appsink "frames" too.
Pipeline make_placeholder(const std::string &words, const GstVideoInfo &format);

// Whether there is no model file yet.
bool begins_model(const CameraConfig &camera);
void set_detection(GstElement *detect, const CameraConfig &camera);

// A jitter buffer that knows when its stream will end sets a timer for that without waking the thread that
// waits for timers. Where all packets have come by then, as on a busy machine, the end of the stream waits
// for that thread for ever, and stopping the pipeline with it. The stream's own end says the same, in time.
void hide_end_time_from(GstElement *jitter_buffer);

// What an error of such a pipeline says of the camera.
std::string source_error(GstElement *pipeline, const CameraConfig &camera, GstMessage *message);

}  // namespace uniad::rtsp
