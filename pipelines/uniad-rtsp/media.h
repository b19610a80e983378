// SPDX-License-Identifier: Apache-2.0
// The RTSP media factory for the viewers of a camera.
#pragma once

#include <gst/rtsp-server/rtsp-server.h>

#include "gst-plugin/base/ref.h"
#include "pipelines/uniad-rtsp/config.h"
#include "pipelines/uniad-rtsp/relay.h"

namespace uniad::rtsp {

// Creates the media that all viewers of a camera share: one encoder for the frames of the relay, which runs
// while there is a viewer. The relay must outlive it. Throws Error if no encoder is installed.
GstRTSPMediaFactory *make_media_factory(const CameraConfig &camera, Relay &relay);

// Makes sure that a viewer who joins others starts with a key frame, because decoders show earlier frames as
// gray: while a viewer joins, other frames are dropped for all viewers, and as soon as it has joined, a key
// frame is requested.
void keep_up_to_key_frame(GstRTSPMedia *media);
void make_key_frame(GstRTSPMedia *media);

}  // namespace uniad::rtsp
