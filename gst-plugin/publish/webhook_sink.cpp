// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/publish/webhook_sink.h"

#include <algorithm>
#include <array>
#include <utility>

namespace uniad {

namespace {

enum class Verdict { taken, refused, failed };

// What the same request will not meet again once the server is repaired, configured or less busy.
Verdict verdict_of(long status) {
  constexpr std::array temporary{401L, 403L, 404L, 407L, 408L, 421L, 423L, 425L, 429L};
  if (status >= 200 && status < 300) return Verdict::taken;
  const bool is_refusal = status >= 400 && status < 500;
  const bool is_temporary = std::find(temporary.begin(), temporary.end(), status) != temporary.end();
  return is_refusal && !is_temporary ? Verdict::refused : Verdict::failed;
}

Failure failure_of(const HttpAnswer &answer) {
  constexpr const char *secrets = "correct the secrets in 'token', 'headers' or 'credentials'";
  if (answer.is_distrusted)
    return {answer.problem,
            "set ca-file to the authority of the server's certificate, and use the name in that certificate"};
  if (answer.status == 0) return {answer.problem, "check that the server runs and can be reached"};
  const std::string reason = "it answers with status " + std::to_string(answer.status);
  if (answer.status >= 300 && answer.status < 400)
    return {reason + ", a redirect, which is not followed",
            "set the property 'location' to the final address"};
  if (answer.status == 401 || answer.status == 403 || answer.status == 407) return {reason, secrets};
  if (answer.status == 404) return {reason, "correct the path in the property 'location'"};
  return {reason, "look into the server's log", answer.retry_after};
}

}  // namespace

WebhookSink::WebhookSink(HttpOptions options, std::string name, bool cloud_events)
    : name_(std::move(name)), cloud_events_(cloud_events), client_(std::move(options)) {}

// An event goes alone. A request that has to be repeated does not grow, so that its key stays the same.
std::size_t WebhookSink::next_request_size(std::span<const PublishedResult> results) const {
  if (results.front().is_event) return 1;
  const auto end = std::find_if(results.begin(), results.end(),
                                [](const PublishedResult &result) { return result.is_event; });
  const auto frames = static_cast<std::size_t>(end - results.begin());
  return unanswered_ > 0 ? std::min(unanswered_, frames) : frames;
}

Delivery WebhookSink::deliver(std::span<const PublishedResult> results, const std::stop_token &stop) {
  Delivery delivery;
  while (delivery.done < results.size() && !stop.stop_requested()) {
    const auto rest = results.subspan(delivery.done);
    const std::size_t size = next_request_size(rest);
    const WebhookMessage message = rest.front().is_event ? event_message(rest.front(), cloud_events_)
                                                         : frames_message(rest.first(size), cloud_events_);
    const HttpAnswer answer = client_.post(
        message.body, {"Content-Type: " + message.content_type, "Idempotency-Key: " + message.key}, stop);
    const Verdict verdict = verdict_of(answer.status);
    if (verdict == Verdict::failed) {
      unanswered_ = size;
      delivery.failure = failure_of(answer);
      break;
    }
    unanswered_ = 0;
    delivery.done += size;
    if (verdict == Verdict::taken) continue;
    delivery.refused += size;
    delivery.refusal = "it answers with status " + std::to_string(answer.status);
  }
  return delivery;
}

}  // namespace uniad
