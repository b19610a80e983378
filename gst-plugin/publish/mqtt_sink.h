// SPDX-License-Identifier: Apache-2.0
// Publishes to an MQTT broker.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gst-plugin/publish/mqtt_connection.h"
#include "gst-plugin/publish/sink.h"

namespace uniad {

// For each source: PREFIX/SOURCE/event and PREFIX/SOURCE/alarm (retained), PREFIX/SOURCE/frame,
// PREFIX/SOURCE/snapshot (retained; the picture that an event names), and PREFIX/SOURCE/state (retained,
// "offline" as the last will). Connects with the first result, which names the source of the last will.
class MqttSink : public Sink {
 public:
  // With `pictures`, discovery describes a camera that shows the picture of the newest event.
  MqttSink(MqttOptions options, std::string prefix, bool discovery, bool pictures);

  std::string name() const override;
  bool separates_events() const override { return true; }
  Delivery deliver(std::span<const PublishedResult> results, const std::stop_token &stop) override;
  void close() override;

 private:
  struct Source {
    std::string name;
    std::string topics;  // PREFIX/SOURCE/
    std::set<std::string> open_events;
    bool has_score = false;    // its score has been described to Home Assistant
    std::string picture = {};  // the file of its newest event
    std::size_t shown = 0;     // checksum of the picture that the broker has; 0: none
    bool picture_is_due = false;
    unsigned failures = 0;  // how often the connection has failed while it was published
  };

  void add_greeting(const Source &source, std::vector<MqttMessage> &messages) const;
  Source &source_of(const std::string &name, std::vector<MqttMessage> &messages);
  void add_messages(const PublishedResult &result, std::vector<MqttMessage> &messages);
  void publish_pictures(const std::stop_token &stop);
  std::optional<Failure> connect(const std::stop_token &stop);

  MqttOptions options_;
  std::string prefix_;
  bool discovery_;
  bool pictures_;
  std::vector<Source> sources_;  // the first one has the last will
  std::optional<MqttConnection> connection_;
};

}  // namespace uniad
