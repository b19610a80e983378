// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/rtsp-server/rtsp-server.h>

#include <memory>

#include "pipelines/uniad-rtsp/config.h"
#include "pipelines/uniad-rtsp/relay.h"

namespace uniad::rtsp {

struct ObjectDeleter {
  void operator()(gpointer object) const { g_object_unref(object); }
};
template <typename T>
using Object = std::unique_ptr<T, ObjectDeleter>;

// Makes what all viewers of a camera share: one encoder for what the relay brings, at work while there is a
// viewer. The relay outlives it. Throws Error where no encoder is installed.
GstRTSPMediaFactory *make_media_factory(const CameraConfig &camera, Relay &relay);

// Who joins others begins with a key frame, since a decoder shows as grey what it gets before one: while he
// joins, all viewers are kept from what is none; as soon as he has joined, one is made.
void keep_up_to_key_frame(GstRTSPMedia *media);
void make_key_frame(GstRTSPMedia *media);

}  // namespace uniad::rtsp
