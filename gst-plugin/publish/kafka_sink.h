// SPDX-License-Identifier: Apache-2.0
// Publishes to a topic of Apache Kafka.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "gst-plugin/publish/kafka_producer.h"
#include "gst-plugin/publish/sink.h"

namespace uniad {

// Sends each result as a message whose key is its source, so that the results of a source stay in order, in
// one partition. Connects with the first result. During an outage, the producer holds what it was given and
// sends it as soon as a broker is back.
class KafkaSink : public Sink {
 public:
  // Throws Error if librdkafka does not accept an option.
  explicit KafkaSink(KafkaOptions options);

  std::string name() const override { return "kafka://" + options_.brokers + "/" + options_.topic; }
  bool separates_events() const override { return true; }
  Delivery deliver(std::span<const PublishedResult> results, const std::stop_token &stop) override;
  void close() override { producer_.reset(); }

 private:
  Delivery attempt(std::span<const PublishedResult> results, const std::stop_token &stop);
  bool wait(KafkaProducer &producer, const std::stop_token &stop) const;
  bool is_stuck(const Delivery &delivery);
  void settle(KafkaProducer &producer, Delivery &delivery) const;
  Failure failure_of(rd_kafka_resp_err_t code, const std::string &text) const;

  KafkaOptions options_;
  std::unique_ptr<KafkaProducer> producer_;  // absent after one that cannot go on
  bool failing_ = false;
  std::chrono::steady_clock::time_point progress_;  // when something was last confirmed
  std::chrono::seconds patience_{2};                // how long a producer may go without progress
};

}  // namespace uniad
