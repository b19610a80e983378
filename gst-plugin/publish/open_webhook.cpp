// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/publish/open_webhook.h"

#include <glib.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gst-plugin/publish/remote_address.h"
#include "gst-plugin/publish/webhook_sink.h"
#include "model/base/error.h"

namespace uniad {

namespace {

bool is_visible(const std::string &text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return !g_ascii_iscntrl(c) || c == '\t'; });
}

bool is_token_character(char c) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return g_ascii_isalnum(c) || marks.find(c) != marks.npos;
}

// What the sink itself says, or what would change where a request ends.
bool is_reserved(const std::string &name) {
  constexpr std::array names{"connection", "content-length",  "content-type",     "expect",
                             "host",       "idempotency-key", "transfer-encoding"};
  g_autofree gchar *lower = g_ascii_strdown(name.c_str(), static_cast<gssize>(name.size()));
  return std::find(names.begin(), names.end(), std::string_view(lower)) != names.end();
}

// Messages give the number of a line, not its text, which may be secret.
std::vector<std::string> read_headers(const std::string &place) {
  std::vector<std::string> headers;
  if (place.empty()) return headers;
  std::istringstream lines(read_secret(place, "headers"));
  unsigned number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty()) continue;
    const auto colon = line.find(':');
    const std::string name = line.substr(0, colon);
    if (colon == line.npos || name.empty() || !std::all_of(name.begin(), name.end(), is_token_character) ||
        line.find_first_not_of(" \t", colon + 1) == line.npos || !is_visible(line))
      throw Error(ErrorKind::InvalidArgument, "headers",
                  "line " + std::to_string(number) + " is not of the form NAME: VALUE",
                  "write one header in each line");
    if (is_reserved(name))
      throw Error(ErrorKind::InvalidArgument, "headers", "the header " + name + " cannot be set",
                  "remove its line");
    headers.push_back(line);
  }
  return headers;
}

}  // namespace

std::unique_ptr<Sink> open_webhook(const PublishSettings &settings) {
  const RemoteAddress address = parse_remote_address(settings.location);
  check_certificates(settings);
  HttpOptions options;
  options.url = settings.location;
  options.ca_file = settings.ca_file;
  options.cert_file = settings.cert_file;
  options.key_file = settings.key_file;
  options.timeout = std::chrono::ceil<std::chrono::milliseconds>(std::chrono::nanoseconds(settings.timeout));
  options.headers = read_headers(settings.headers);
  if (auto login = read_login(settings.credentials)) {
    options.user = std::move(login->user);
    options.password = std::move(login->password);
  }
  if (!settings.token.empty()) {
    if (!options.user.empty())
      throw Error(ErrorKind::InvalidArgument, "token and credentials", "both are set", "set one of them");
    const std::string token = read_secret(settings.token, "token");
    if (token.empty() || !std::all_of(token.begin(), token.end(), [](char c) { return g_ascii_isgraph(c); }))
      throw Error(ErrorKind::InvalidArgument, "token", "is empty, or contains spaces or control characters",
                  "write the token alone, without \"Bearer\"");
    options.headers.push_back("Authorization: Bearer " + token);
  }
  // Without the path, because that of a webhook is often its secret.
  const std::string host =
      address.host.find(':') == address.host.npos ? address.host : "[" + address.host + "]";
  std::string name = address.scheme + "://" + host;
  if (address.port != 0) name += ":" + std::to_string(address.port);
  return std::make_unique<WebhookSink>(std::move(options), std::move(name), settings.cloud_events);
}

}  // namespace uniad
