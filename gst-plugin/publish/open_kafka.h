// SPDX-License-Identifier: Apache-2.0
// Prepares a producer for Apache Kafka from the settings.
#pragma once

#include <memory>

#include "gst-plugin/publish/settings.h"
#include "gst-plugin/publish/sink.h"

namespace uniad {

// For kafka:// locations. Throws Error if a setting is wrong or a file cannot be read.
std::unique_ptr<Sink> open_kafka(const PublishSettings &settings);

}  // namespace uniad
