// SPDX-License-Identifier: Apache-2.0
// Finds the sink for a location.
#pragma once

#include <memory>

#include "gst-plugin/publish/settings.h"
#include "gst-plugin/publish/sink.h"

namespace uniad {

// Opens the file, or prepares the connection, which the first delivery opens. Throws Error, whose text may
// contain the password of the location.
std::unique_ptr<Sink> open_sink(const PublishSettings &settings);

}  // namespace uniad
