// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/publish/kafka_sink.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "model/base/error.h"
#include "model/base/json_text.h"

namespace uniad {

namespace {

using KafkaClock = std::chrono::steady_clock;

std::string key_of_line(const std::string &line) {
  return nlohmann::json::parse(line).at("source").get<std::string>();
}

// What brokers will not accept however often it is sent.
bool is_too_large(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
      return true;
    default:
      return false;
  }
}

// Brokers can send any text.
std::string one_line(const std::string &text) {
  constexpr std::size_t most = 300;
  std::string line = valid_utf8(text.substr(0, most));
  std::replace_if(
      line.begin(), line.end(), [](unsigned char c) { return c < ' ' || c == 0x7F; }, ' ');
  return line;
}

}  // namespace

KafkaSink::KafkaSink(KafkaOptions options)
    : options_(std::move(options)), producer_(std::make_unique<KafkaProducer>(options_)) {}

Failure KafkaSink::failure_of(rd_kafka_resp_err_t code, const std::string &text) const {
  const auto contains = [&](const char *word) { return text.find(word) != text.npos; };
  const std::string reason = one_line(text);
  switch (code) {
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
      return {"the topic " + options_.topic + " does not exist",
              "create it, let the brokers create topics, or correct the property 'location'"};
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
      return {reason, "allow this user to write to the topic " + options_.topic +
                          " and, before Kafka 3.0, to use idempotent producers"};
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
      return {reason, "set enable.idempotence=false in 'kafka-properties' if the brokers are so old"};
    default:
      break;
  }
  // librdkafka reports these with several codes.
  if (contains("certificate") || contains("SSL"))
    return {reason,
            "set ca-file to the authority of the broker's certificate, and use the name in that certificate"};
  const bool is_login = code == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
                        code == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED ||
                        code == RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM;
  if (is_login || contains("uthentication failed") || contains("uthentication error"))
    return {reason,
            "correct the user and the password in 'credentials' or the SASL options in 'kafka-properties'"};
  return {reason, "check that the brokers run and can be reached"};
}

// Returns whether everything was decided.
bool KafkaSink::wait(KafkaProducer &producer, const std::stop_token &stop) const {
  constexpr std::chrono::milliseconds slice(50);
  const std::chrono::seconds patience(failing_ ? 1 : 5);
  auto deadline = KafkaClock::now() + patience;
  producer.poll(std::chrono::milliseconds(0));
  while (producer.decided() < producer.pending()) {
    const std::size_t before = producer.decided();
    if (stop.stop_requested() || producer.is_dead() || KafkaClock::now() > deadline ||
        (producer.is_unreachable() && !failing_))
      return false;
    producer.poll(slice);
    if (producer.decided() > before) deadline = KafkaClock::now() + patience;
  }
  return true;
}

void KafkaSink::settle(KafkaProducer &producer, Delivery &delivery) const {
  while (const auto error = producer.take()) {
    const bool refused = is_too_large(*error);
    if (*error != RD_KAFKA_RESP_ERR_NO_ERROR && !refused) {
      delivery.failure = failure_of(*error, rd_kafka_err2str(*error));
      return;
    }
    ++delivery.done;
    if (!refused) continue;
    ++delivery.refused;
    delivery.refusal = std::string(rd_kafka_err2str(*error)) +
                       " (raise max.message.bytes of the topic and message.max.bytes in 'kafka-properties')";
  }
}

Delivery KafkaSink::attempt(std::span<const PublishedResult> results, const std::stop_token &stop) {
  Delivery delivery;
  // A producer that fails or throws does not come back.
  auto producer = std::move(producer_);
  if (!producer && results.empty()) return delivery;
  if (!producer) producer = std::make_unique<KafkaProducer>(options_);
  producer->forget_problem();  // for example, that an idle connection was closed
  for (const PublishedResult &result : results.subspan(producer->pending()))
    if (!producer->add(key_of_line(result.line), result.line)) break;
  const bool is_decided = wait(*producer, stop);
  settle(*producer, delivery);
  if (producer->is_dead() && producer->problem())
    delivery.failure = failure_of(producer->problem()->code, producer->problem()->text);
  if (delivery.failure) return delivery;
  if (!is_decided && !stop.stop_requested())
    delivery.failure = producer->problem()
                           ? failure_of(producer->problem()->code, producer->problem()->text)
                           : Failure{"the brokers do not confirm what they receive", "look into their logs"};
  delivery.held = producer->pending();
  producer_ = std::move(producer);
  return delivery;
}

// A broker that has forgotten the producer may refuse it for good, although it can be reached.
bool KafkaSink::is_stuck(const Delivery &delivery) {
  constexpr std::chrono::seconds shortest(2), longest(64);
  constexpr std::chrono::milliseconds time_to_answer(500);
  if (!delivery.failure || delivery.done > 0) {
    progress_ = KafkaClock::now();
    patience_ = shortest;
    failing_ = delivery.failure.has_value();
    return false;
  }
  const bool was_failing = std::exchange(failing_, true);
  if (!was_failing || !producer_ || KafkaClock::now() - progress_ < patience_ ||
      !producer_->finds_topic(time_to_answer))
    return false;
  progress_ = KafkaClock::now();
  patience_ = std::min(2 * patience_, longest);
  return true;
}

Delivery KafkaSink::deliver(std::span<const PublishedResult> results, const std::stop_token &stop) {
  Delivery delivery = attempt(results, stop);
  if (!is_stuck(delivery)) return delivery;
  producer_.reset();
  delivery = attempt(results, stop);
  failing_ = delivery.failure.has_value();
  return delivery;
}

}  // namespace uniad
