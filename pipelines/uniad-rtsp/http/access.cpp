// SPDX-License-Identifier: Apache-2.0
#include "pipelines/uniad-rtsp/http/access.h"

#include <gio/gio.h>

#include <algorithm>

#include "gst-plugin/base/ref.h"
#include "gst-plugin/base/secret.h"
#include "model/base/error.h"

namespace uniad::rtsp {
namespace {

constexpr unsigned most_failures = 10;
constexpr std::chrono::seconds failure_period{60};
constexpr std::size_t most_clients = 1000;
constexpr std::size_t shortest_token = 16;

// Digests all have the same length, so comparing them takes the same time whatever they are of.
std::string digest_of(const std::string &token) {
  g_autofree char *digest = g_compute_checksum_for_data(
      G_CHECKSUM_SHA256, reinterpret_cast<const guchar *>(token.data()), token.size());
  return digest;
}

bool are_equal(const std::string &a, const std::string &b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  return difference == 0;
}

std::string read_token(const TokenSource &source) {
  std::string token;
  try {
    token = read_secret(source.secret, "token");
  } catch (const Error &error) {
    throw Error(error.kind(), source.place, error.where() + ": " + error.problem(), error.hint());
  }
  const auto is_printable = [](char c) { return c > ' ' && c < 0x7F; };
  if (token.size() < shortest_token || !std::all_of(token.begin(), token.end(), is_printable))
    throw Error(ErrorKind::InvalidArgument, source.place,
                "the token has fewer than 16 characters, or spaces or special characters",
                "use a random token, e.g. from `openssl rand -hex 24`");
  return token;
}

// The host of "host:port" or "[address]:port".
std::string host_of(const std::string &host_and_port) {
  if (host_and_port.starts_with('[')) return host_and_port.substr(1, host_and_port.find(']') - 1);
  return host_and_port.substr(0, host_and_port.find(':'));
}

// Names lead wherever their owner wants; numeric addresses and localhost do not.
bool cannot_be_rebound(const std::string &host) {
  if (g_ascii_strcasecmp(host.c_str(), "localhost") == 0) return true;
  const Ref<GInetAddress> address(g_inet_address_new_from_string(host.c_str()));
  return address != nullptr;
}

bool is_from_elsewhere(const Visitor &visitor) {
  return !visitor.origin.empty() && visitor.origin != "http://" + visitor.host &&
         visitor.origin != "https://" + visitor.host;
}

}  // namespace

Access::Access(const HttpConfig &config) {
  for (const auto &source : config.tokens) digests_.emplace_back(source.role, digest_of(read_token(source)));
}

std::optional<Response> Access::refusal(const Visitor &visitor, Role needed, Clock::time_point now) {
  if (digests_.empty()) {
    if (!cannot_be_rebound(host_of(visitor.host)))
      return problem(403,
                     "the Host header is neither localhost nor a numeric address; use one of them, or "
                     "set [server.tokens]");
    if (is_from_elsewhere(visitor)) return problem(403, "the request comes from a page of another site");
    return std::nullopt;
  }
  if (is_blocked(visitor.client, now)) {
    Response refused = problem(429, "too many wrong tokens came from this address; wait a minute");
    refused.headers["Retry-After"] = std::to_string(failure_period.count());
    return refused;
  }
  const auto role = role_of(visitor.authorization);
  if (!role) {
    if (!visitor.authorization.empty()) note_failure(visitor.client, now);
    Response refused = problem(401, "send a token: Authorization: Bearer TOKEN");
    refused.headers["WWW-Authenticate"] = "Bearer";
    return refused;
  }
  if (*role < needed) return problem(403, "the role of this token does not permit it");
  return std::nullopt;
}

std::optional<Role> Access::role_of(const std::string &authorization) const {
  constexpr std::string_view scheme = "Bearer ";
  if (g_ascii_strncasecmp(authorization.c_str(), scheme.data(), scheme.size()) != 0) return std::nullopt;
  const std::string digest = digest_of(authorization.substr(scheme.size()));
  std::optional<Role> role;
  for (const auto &[granted, known] : digests_)  // all of them, so that the time does not tell which
    if (are_equal(known, digest)) role = std::max(role.value_or(granted), granted);
  return role;
}

bool Access::is_blocked(const std::string &client, Clock::time_point now) {
  const auto found = failures_.find(client);
  if (found == failures_.end()) return false;
  if (now - found->second.begin >= failure_period) {
    failures_.erase(found);
    return false;
  }
  return found->second.count >= most_failures;
}

void Access::note_failure(const std::string &client, Clock::time_point now) {
  std::erase_if(failures_, [now](const auto &item) { return now - item.second.begin >= failure_period; });
  if (failures_.size() >= most_clients && !failures_.contains(client)) failures_.erase(failures_.begin());
  Failures &failures = failures_.try_emplace(client, Failures{0, now}).first->second;
  ++failures.count;
}

}  // namespace uniad::rtsp
