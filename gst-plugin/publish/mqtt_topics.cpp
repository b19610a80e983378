// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/publish/mqtt_topics.h"

#include <glib.h>
#include <mosquitto.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "model/base/error.h"
#include "model/base/json_text.h"

namespace uniad {

namespace {

using Json = nlohmann::ordered_json;

std::string checksum(const std::string &text) {
  g_autofree gchar *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text.c_str(), -1);
  return std::string(sum).substr(0, 16);
}

bool is_plain(char c) {
  return g_ascii_isalnum(c) || c == '-' || c == '_';
}

// Home Assistant allows only letters, digits, - and _ in identifiers.
std::string identifier(const std::string &source) {
  constexpr std::size_t longest = 64;
  std::string id = source.substr(0, longest);
  std::replace_if(
      id.begin(), id.end(), [](char c) { return !is_plain(c); }, '_');
  return "uniad_" + (id == source ? id : id + "_" + checksum(source));
}

Json device_description(const std::string &prefix, const std::string &source, const char *name,
                        const char *object) {
  const std::string topics = prefix + "/" + topic_level(source);
  return {
      {"name", name},
      {"unique_id", identifier(source) + "_" + object},
      {"availability_topic", topics + "/state"},
      {"payload_available", "online"},
      {"payload_not_available", "offline"},
      {"device", {{"identifiers", {identifier(source)}}, {"name", source}, {"manufacturer", "UniAD-GST"}}}};
}

std::string discovery_topic(const char *component, const std::string &source, const char *object) {
  return std::string("homeassistant/") + component + "/" + identifier(source) + "/" + object + "/config";
}

}  // namespace

std::string topic_level(const std::string &source) {
  constexpr std::size_t longest = 200;
  const bool is_utf8 =
      mosquitto_validate_utf8(source.data(), static_cast<int>(source.size())) == MOSQ_ERR_SUCCESS;
  std::string level;
  for (const char c : source) {
    const bool is_letter = static_cast<signed char>(c) < 0 && is_utf8;
    if (is_letter || is_plain(c) || c == '.' || c == '~' || c == ' ')
      level += c;
    else
      level += '%' + std::string{"0123456789ABCDEF"[static_cast<unsigned char>(c) >> 4U],
                                 "0123456789ABCDEF"[static_cast<unsigned char>(c) & 15U]};
  }
  if (level.empty()) return "%";
  if (level.size() <= longest) return level;
  level = level.substr(0, longest - 17);
  while (!level.empty() && !g_utf8_validate(level.data(), static_cast<gssize>(level.size()), nullptr))
    level.pop_back();
  return level + "~" + checksum(source);
}

std::string topic_prefix(const std::string &path) {
  constexpr std::size_t longest = 200;
  std::string prefix = path;
  while (prefix.ends_with('/')) prefix.pop_back();
  if (prefix.empty()) return "uniad";
  const auto is_control = [](char c) { return g_ascii_iscntrl(c); };
  if (prefix.size() > longest || prefix.starts_with('$') || prefix.starts_with('/') ||
      prefix.find("//") != prefix.npos || std::any_of(prefix.begin(), prefix.end(), is_control) ||
      mosquitto_validate_utf8(prefix.data(), static_cast<int>(prefix.size())) != MOSQ_ERR_SUCCESS ||
      mosquitto_pub_topic_check2(prefix.data(), prefix.size()) != MOSQ_ERR_SUCCESS)
    throw Error(
        ErrorKind::InvalidArgument, "location", "its path cannot begin a topic",
        "use mqtt://HOST/PREFIX with a prefix of at most 200 bytes, without + # and control characters");
  return prefix;
}

Discovery alarm_discovery(const std::string &prefix, const std::string &source) {
  const std::string topics = prefix + "/" + topic_level(source);
  Json json = device_description(prefix, source, "Anomaly", "anomaly");
  json["state_topic"] = topics + "/alarm";
  json["device_class"] = "problem";
  json["json_attributes_topic"] = topics + "/event";
  return {discovery_topic("binary_sensor", source, "anomaly"), json_text(json)};
}

Discovery score_discovery(const std::string &prefix, const std::string &source) {
  Json json = device_description(prefix, source, "Score", "score");
  json["state_topic"] = prefix + "/" + topic_level(source) + "/frame";
  json["value_template"] = "{{ value_json.score }}";
  json["state_class"] = "measurement";
  return {discovery_topic("sensor", source, "score"), json_text(json)};
}

Discovery camera_discovery(const std::string &prefix, const std::string &source) {
  Json json = device_description(prefix, source, "Snapshot", "snapshot");
  json["topic"] = prefix + "/" + topic_level(source) + "/snapshot";
  return {discovery_topic("camera", source, "snapshot"), json_text(json)};
}

}  // namespace uniad
