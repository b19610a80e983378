// SPDX-License-Identifier: Apache-2.0
// Prepares requests to a web server from the settings.
#pragma once

#include <memory>

#include "gst-plugin/publish/settings.h"
#include "gst-plugin/publish/sink.h"

namespace uniad {

// For http:// and https:// locations. Throws Error if a setting is wrong or a file cannot be read.
std::unique_ptr<Sink> open_webhook(const PublishSettings &settings);

}  // namespace uniad
