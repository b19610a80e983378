// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/publish/webhook_message.h"

#include <glib.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "model/base/json_text.h"

namespace uniad {

namespace {

using Json = nlohmann::ordered_json;

std::string hash_of(const std::string &text) {
  g_autofree gchar *sum = g_compute_checksum_for_data(
      G_CHECKSUM_SHA256, reinterpret_cast<const guchar *>(text.data()), text.size());
  return sum;
}

// An event has one begin and one end, but any number of updates; each has seen more frames.
std::string key_of(const Json &line) {
  const Json &event = line.at("event");
  const auto state = event.at("state").get<std::string>();
  const std::string key = event.at("id").get<std::string>() + "-" + state;
  return state == "update" ? key + "-" + event.at("frames").dump() : key;
}

// Ids may come from other detectors, and headers cannot contain everything.
std::string as_header_value(const std::string &key) {
  constexpr std::size_t longest = 200;
  for (const char c : key)
    if (!g_ascii_isgraph(c)) return hash_of(key);
  return key.size() <= longest ? key : hash_of(key);
}

Json cloud_event(const std::string &id, const std::string &type, Json line) {
  const auto source = line.at("source").get<std::string>();
  g_autofree gchar *path = g_uri_escape_string(source.c_str(), nullptr, FALSE);
  Json json{{"specversion", "1.0"},
            {"id", id},
            {"source", std::string("/uniad/") + (path != nullptr ? path : "")},
            {"type", "uniad." + type}};
  if (line.contains("time")) json["time"] = line.at("time");
  json["datacontenttype"] = "application/json";
  json["data"] = std::move(line);
  return json;
}

}  // namespace

WebhookMessage event_message(const PublishedResult &event, bool cloud_events) {
  Json line = Json::parse(event.line);
  const std::string key = key_of(line);
  if (!cloud_events) return {event.line, "application/json", as_header_value(key)};
  const auto state = line.at("event").at("state").get<std::string>();
  return {json_text(cloud_event(key, "event." + state, std::move(line))), "application/cloudevents+json",
          as_header_value(key)};
}

WebhookMessage frames_message(std::span<const PublishedResult> frames, bool cloud_events) {
  std::string lines;
  for (const PublishedResult &frame : frames) lines += frame.line + "\n";
  std::string key = hash_of(lines);
  if (!cloud_events) return {std::move(lines), "application/x-ndjson", std::move(key)};
  Json batch = Json::array();
  for (const PublishedResult &frame : frames)
    batch.push_back(cloud_event(hash_of(frame.line), "frame", Json::parse(frame.line)));
  return {json_text(batch), "application/cloudevents-batch+json", std::move(key)};
}

}  // namespace uniad
