// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/publish/mqtt_sink.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "gst-plugin/publish/mqtt_topics.h"

namespace uniad {

namespace {

constexpr int at_least_once = 1;
constexpr bool retained = true;
constexpr std::size_t largest_picture = std::size_t{4} << 20U;
// Brokers with a smaller limit end the connection, which must not happen again and again.
constexpr unsigned most_failures = 2;

// Empty if there is no such file, because the limits of its folder have removed it, or if it is too large.
std::string read_picture(const std::string &path) {
  std::error_code gone;
  const auto size = std::filesystem::file_size(path, gone);
  if (gone || size > largest_picture) return {};
  std::ifstream file(path, std::ios::binary);
  std::string picture(static_cast<std::size_t>(size), '\0');
  file.read(picture.data(), static_cast<std::streamsize>(picture.size()));
  picture.resize(static_cast<std::size_t>(file.gcount()));
  return picture;
}

}  // namespace

MqttSink::MqttSink(MqttOptions options, std::string prefix, bool discovery, bool pictures)
    : options_(std::move(options)), prefix_(std::move(prefix)), discovery_(discovery), pictures_(pictures) {}

std::string MqttSink::name() const {
  return (options_.tls ? "mqtts://" : "mqtt://") + options_.host + ":" + std::to_string(options_.port) + "/" +
         prefix_;
}

// What the broker keeps for those who subscribe later.
void MqttSink::add_greeting(const Source &source, std::vector<MqttMessage> &messages) const {
  messages.push_back({source.topics + "state", "online", at_least_once, retained});
  messages.push_back(
      {source.topics + "alarm", source.open_events.empty() ? "OFF" : "ON", at_least_once, retained});
  if (!discovery_) return;
  const auto alarm = alarm_discovery(prefix_, source.name);
  messages.push_back({alarm.topic, alarm.payload, at_least_once, retained});
  if (!pictures_) return;
  const auto camera = camera_discovery(prefix_, source.name);
  messages.push_back({camera.topic, camera.payload, at_least_once, retained});
}

MqttSink::Source &MqttSink::source_of(const std::string &name, std::vector<MqttMessage> &messages) {
  const auto known = std::find_if(sources_.begin(), sources_.end(),
                                  [&](const Source &source) { return source.name == name; });
  if (known != sources_.end()) return *known;
  sources_.push_back({name, prefix_ + "/" + topic_level(name) + "/", {}});
  if (connection_) add_greeting(sources_.back(), messages);
  return sources_.back();
}

// The messages for a result; the last of them is the result itself.
void MqttSink::add_messages(const PublishedResult &result, std::vector<MqttMessage> &messages) {
  const auto json = nlohmann::json::parse(result.line);
  Source &source = source_of(json.at("source").get<std::string>(), messages);
  if (!result.is_event) {
    if (discovery_ && !std::exchange(source.has_score, true)) {
      const auto score = score_discovery(prefix_, source.name);
      messages.push_back({score.topic, score.payload, at_least_once, retained});
    }
    messages.push_back({source.topics + "frame", result.line, options_.qos, !retained});
    return;
  }
  const auto &event = json.at("event");
  const auto id = event.at("id").get<std::string>();
  const bool ends = event.at("state") == "end";
  const bool was_open = !source.open_events.empty();
  if (ends)
    source.open_events.erase(id);
  else
    source.open_events.insert(id);
  if (was_open == source.open_events.empty())
    messages.push_back({source.topics + "alarm", was_open ? "OFF" : "ON", at_least_once, retained});
  messages.push_back({source.topics + "event", result.line, options_.qos, retained});
  if (event.contains("snapshot")) {
    const auto picture = event.at("snapshot").get<std::string>();
    if (std::exchange(source.picture, picture) != picture) source.failures = 0;
    source.picture_is_due = source.failures < most_failures;
  }
}

// One picture at a time, so that those of many sources do not fill the memory.
void MqttSink::publish_pictures(const std::stop_token &stop) {
  for (Source &source : sources_) {
    if (connection_->failure() || stop.stop_requested()) return;
    if (!source.picture_is_due) continue;
    std::string picture = read_picture(source.picture);
    const std::size_t checksum = std::hash<std::string>()(picture);
    if (!picture.empty() && checksum != source.shown) {
      const auto answers = connection_->publish(
          {{source.topics + "snapshot", std::move(picture), at_least_once, retained}}, stop);
      if (!answers.front().taken) {
        if (connection_->failure()) ++source.failures;
        return;
      }
      source.failures = 0;
      source.shown = checksum;
    }
    source.picture_is_due = false;
  }
}

std::optional<Failure> MqttSink::connect(const std::stop_token &stop) {
  const MqttMessage will{sources_.front().topics + "state", "offline", at_least_once, retained};
  connection_.emplace(options_, will, stop);
  if (!connection_->failure()) {
    std::vector<MqttMessage> greetings;
    for (Source &source : sources_) {
      source.has_score = false;
      source.shown = 0;
      source.picture_is_due = !source.picture.empty() && source.failures < most_failures;
      add_greeting(source, greetings);
    }
    connection_->publish(greetings, stop);
  }
  std::optional<Failure> failure = connection_->failure();
  if (failure || stop.stop_requested()) connection_.reset();
  return failure;
}

Delivery MqttSink::deliver(std::span<const PublishedResult> results, const std::stop_token &stop) {
  Delivery delivery;
  std::vector<MqttMessage> messages;
  if (!connection_ && sources_.empty()) {
    if (results.empty()) return delivery;
    source_of(nlohmann::json::parse(results.front().line).at("source").get<std::string>(), messages);
  }
  if (!connection_) delivery.failure = connect(stop);
  if (!connection_) return delivery;

  std::vector<std::size_t> ends;  // the number of messages up to each result
  for (const PublishedResult &result : results) {
    add_messages(result, messages);
    ends.push_back(messages.size());
  }
  if (messages.empty()) connection_->keep_alive();
  const auto answers = connection_->publish(messages, stop);
  std::size_t message = 0;
  for (const std::size_t end : ends) {
    for (; message < end && answers[message].taken; ++message) {
    }
    if (message < end) break;
    ++delivery.done;
    if (answers[end - 1].refusal.empty()) continue;
    ++delivery.refused;
    delivery.refusal = answers[end - 1].refusal;
  }
  publish_pictures(stop);
  delivery.failure = connection_->failure();
  if (delivery.failure) connection_.reset();
  return delivery;
}

void MqttSink::close() {
  if (!connection_) return;
  std::vector<MqttMessage> messages;
  messages.reserve(sources_.size());
  for (const Source &source : sources_)
    messages.push_back({source.topics + "state", "offline", at_least_once, retained});
  connection_->publish(messages, {});
  connection_->disconnect();
  connection_.reset();
}

}  // namespace uniad
