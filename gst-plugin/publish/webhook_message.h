// SPDX-License-Identifier: Apache-2.0
// The requests that publish results to a web server.
#pragma once

#include <span>
#include <string>

#include "gst-plugin/publish/sink.h"

namespace uniad {

struct WebhookMessage {
  std::string body;
  std::string content_type;
  std::string key;  // the same whenever the same results are sent again
};

// One event: its line, or an event of CloudEvents 1.0 in the structured mode.
WebhookMessage event_message(const PublishedResult &event, bool cloud_events);

// Frames: JSON lines, or a batch of CloudEvents 1.0.
WebhookMessage frames_message(std::span<const PublishedResult> frames, bool cloud_events);

}  // namespace uniad
