// SPDX-License-Identifier: Apache-2.0
// Builds the pipelines that capture a camera or show a placeholder.
#pragma once

#include <gst/video/video.h>

#include <string>

#include "pipelines/uniad-rtsp/config.h"
#include "pipelines/uniad-rtsp/running_pipeline.h"

namespace uniad::rtsp {

// Properties of a source that are only known after playing it.
struct Findings {
  bool is_still = false;  // a file with a single picture
};

// The pipeline from the camera to the appsink "frames", which captures the video, judges it, draws on it and
// publishes results. Throws Error if an element or a test picture is missing.
Pipeline make_capture(const CameraConfig &camera, const Findings &findings);

// The pipeline of the placeholder picture for a camera without frames, also with the appsink "frames". It has
// the camera's format, so that the format does not change for viewers.
Pipeline make_placeholder(const std::string &words, const GstVideoInfo &format);

// Whether there is no model file yet.
bool begins_model(const CameraConfig &camera);
void set_detection(GstElement *detect, const CameraConfig &camera);

// Sets the camera's publishing on a uniadpublish element.
void set_publishing(GstElement *publish, const CameraConfig &camera);

// A jitter buffer that knows when its stream will end sets a timer for that time without waking up the thread
// that waits for timers. If all packets have arrived by then, as on a busy machine, the end of the stream
// waits for that thread forever, and so does stopping the pipeline. Hiding the time is harmless, because the
// stream also signals its end itself.
void hide_end_time_from(GstElement *jitter_buffer);

// The text of an error of such a pipeline, for the user.
std::string source_error(GstElement *pipeline, const CameraConfig &camera, GstMessage *message);

}  // namespace uniad::rtsp
