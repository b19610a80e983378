// SPDX-License-Identifier: Apache-2.0
// How the NAL units of a stream are separated.
#pragma once

#include <gst/gst.h>

#include <optional>

#include "gst-plugin/embed/access_unit.h"

namespace uniad {

// From the structure of the stream's caps. Absent if the codec is neither H.264 nor H.265, or if they do not
// say it.
std::optional<NalFormat> nal_format_of(const GstStructure *caps);

}  // namespace uniad
