// SPDX-License-Identifier: Apache-2.0
#include "pipelines/uniad-rtsp/http/routes.h"

#include <glib.h>

#include <charconv>
#include <string>

#include "pipelines/uniad-rtsp/http/camera_json.h"
#include "pipelines/uniad-rtsp/http/health.h"
#include "pipelines/uniad-rtsp/http/learning.h"
#include "pipelines/uniad-rtsp/http/metrics.h"
#include "pipelines/uniad-rtsp/http/metrics_text.h"
#include "pipelines/uniad-rtsp/http/snapshot.h"

namespace uniad::rtsp {
namespace {

using Json = nlohmann::ordered_json;

void answer_alive(const Site &site, const Request &, const Respond &respond) {
  respond(liveness(site));
}

void answer_ready(const Site &site, const Request &, const Respond &respond) {
  respond(readiness(site));
}

void answer_metrics(const Site &site, const Request &, const Respond &respond) {
  respond({200, MetricsText::content_type, metrics_of(site)});
}

void answer_cameras(const Site &site, const Request &, const Respond &respond) {
  Json cameras = Json::array();
  for (const auto &camera : site.cameras) cameras.push_back(camera_json(camera));
  respond(json_response({{"cameras", cameras}}));
}

void answer_camera(const Site &, const Request &request, const Respond &respond) {
  respond(json_response(camera_json(*request.camera)));
}

std::string text_at(const Request &request, std::string_view key) {
  const auto found = request.query.find(key);
  return found == request.query.end() ? "" : found->second;
}

void answer_events(const Site &site, const Request &request, const Respond &respond) {
  std::size_t count = EventLog::most;
  if (const std::string limit = text_at(request, "limit"); !limit.empty()) {
    const auto [end, error] = std::from_chars(limit.data(), limit.data() + limit.size(), count);
    if (error != std::errc() || end != limit.data() + limit.size() || count < 1 || count > EventLog::most)
      return respond(problem(400, "limit is not a number from 1 to " + std::to_string(EventLog::most)));
  }
  // The events are JSON already.
  std::string body = "{\"events\":[";
  const char *separator = "";
  for (const auto &event : site.events.newest(text_at(request, "camera"), text_at(request, "kind"), count)) {
    body += separator + event.line;
    separator = ",\n";
  }
  respond({200, "application/json", body + "]}\n"});
}

constexpr Route routes[] = {
    {"GET", "/healthz", false, Role::viewer, answer_alive},
    {"GET", "/readyz", false, Role::viewer, answer_ready},
    {"GET", "/metrics", true, Role::viewer, answer_metrics},
    {"GET", "/api/v1/cameras", true, Role::viewer, answer_cameras},
    {"GET", "/api/v1/cameras/{name}", true, Role::viewer, answer_camera},
    {"POST", "/api/v1/cameras/{name}/learn", true, Role::operator_role, answer_learn},
    {"GET", "/api/v1/cameras/{name}/snapshot.jpg", true, Role::viewer, answer_snapshot},
    {"GET", "/api/v1/events", true, Role::viewer, answer_events},
};

std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> segments;
  path.remove_prefix(path.starts_with('/') ? 1 : 0);
  for (;;) {
    const auto slash = path.find('/');
    segments.emplace_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

bool matches(const Route &route, const std::vector<std::string> &segments,
             std::optional<std::string> &camera_name) {
  const std::vector<std::string> wanted = split(route.path);
  if (wanted.size() != segments.size()) return false;
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (wanted[i] != "{name}" && wanted[i] != segments[i]) return false;
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (wanted[i] == "{name}") camera_name = segments[i];
  return true;
}

}  // namespace

std::optional<std::vector<std::string>> segments_of(const std::string &path) {
  std::vector<std::string> segments = split(path);
  for (auto &segment : segments) {
    g_autofree char *decoded = g_uri_unescape_string(segment.c_str(), nullptr);
    if (decoded == nullptr) return std::nullopt;
    segment = decoded;
  }
  return segments;
}

std::vector<const Route *> routes_at(const std::vector<std::string> &segments,
                                     std::optional<std::string> &camera_name) {
  std::vector<const Route *> found;
  for (const auto &route : routes)
    if (matches(route, segments, camera_name)) found.push_back(&route);
  return found;
}

}  // namespace uniad::rtsp
