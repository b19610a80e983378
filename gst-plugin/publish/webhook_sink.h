// SPDX-License-Identifier: Apache-2.0
// Publishes to a web server.
#pragma once

#include <cstddef>
#include <string>

#include "gst-plugin/publish/http_client.h"
#include "gst-plugin/publish/sink.h"
#include "gst-plugin/publish/webhook_message.h"

namespace uniad {

// Posts each event by itself, and together the frames that have come since the last request. What is sent
// again has the same Idempotency-Key.
class WebhookSink : public Sink {
 public:
  // `name` is the place for messages. Throws Error if an option is wrong.
  WebhookSink(HttpOptions options, std::string name, bool cloud_events);

  std::string name() const override { return name_; }
  bool separates_events() const override { return true; }
  Delivery deliver(std::span<const PublishedResult> results, const std::stop_token &stop) override;

 private:
  std::size_t next_request_size(std::span<const PublishedResult> results) const;

  std::string name_;
  bool cloud_events_;
  HttpClient client_;
  std::size_t unanswered_ = 0;  // number of results in the last request, if it has to be repeated
};

}  // namespace uniad
