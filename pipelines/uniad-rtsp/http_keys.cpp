// SPDX-License-Identifier: Apache-2.0
#include "pipelines/uniad-rtsp/http_keys.h"

#include <gio/gio.h>

#include <algorithm>

#include "gst-plugin/base/ref.h"
#include "model/base/address.h"

namespace uniad::rtsp {
namespace {

constexpr auto role_ways = "the roles are viewer, operator and admin";

std::optional<Role> role_named(std::string_view name) {
  if (name == "viewer") return Role::viewer;
  if (name == "operator") return Role::operator_role;
  if (name == "admin") return Role::admin;
  return std::nullopt;
}

std::vector<TokenSource> read_tokens(const Section &server_section) {
  const toml::node *node = server_section.table.get("tokens");
  if (node == nullptr) return {};
  constexpr auto example = "write [server.tokens] and, e.g., viewer = \"env:NAME\" or a file";
  const std::string place = server_section.where(*node, "tokens");
  if (!node->is_table()) throw Error(ErrorKind::InvalidArgument, place, "is not a table", example);
  if (node->as_table()->empty()) throw Error(ErrorKind::InvalidArgument, place, "is empty", example);
  const Section section{*node->as_table(), "[server.tokens]", server_section.file};
  std::vector<TokenSource> tokens;
  for (const auto &[key, value] : section.table) {
    const std::string where = section.where(value, without_credentials(std::string(key.str())));
    const auto role = role_named(key.str());
    if (!role) throw Error(ErrorKind::InvalidArgument, where, "is no role", role_ways);
    std::string secret = read_text(section, key.str(), example).value();
    if (!secret.starts_with("env:")) secret = absolute_path(section, secret);
    tokens.push_back({*role, secret, where});
  }
  return tokens;
}

void check_address(const HttpConfig &http) {
  if (http.address == "localhost") return;
  const Ref<GInetAddress> address(g_inet_address_new_from_string(http.address.c_str()));
  if (!address)
    throw Error(ErrorKind::InvalidArgument, http.place, "is not a numeric address",
                "use a numeric address of this machine, e.g. \"127.0.0.1\"");
  if (http.tokens.empty() && g_inet_address_get_is_loopback(address.get()) == FALSE)
    throw Error(ErrorKind::InvalidArgument, http.place, "would let everybody in the network use HTTP",
                "set tokens in [server.tokens], or use \"127.0.0.1\"");
}

}  // namespace

std::optional<HttpConfig> read_http(const Section &server_section, std::vector<std::string> &warnings) {
  const toml::node *port = server_section.table.get("http_port");
  if (port == nullptr) {
    warn_of_useless_keys(server_section, {"http_address", "tokens"}, "without http_port", warnings);
    return std::nullopt;
  }
  HttpConfig http;
  http.port = static_cast<std::uint16_t>(read_whole(server_section, "http_port", 0, 65535, http.port));
  http.address = read_text(server_section, "http_address", "use a numeric address of this machine")
                     .value_or(http.address);
  const toml::node *address = server_section.table.get("http_address");
  http.place = address != nullptr ? server_section.where(*address, "http_address")
                                  : server_section.where(*port, "http_port");
  http.tokens = read_tokens(server_section);
  check_address(http);
#ifndef UNIAD_HAS_HTTP
  throw Error(ErrorKind::Unsupported, server_section.where(*port, "http_port"), "this build has no HTTP",
              "install libsoup 3 and build again (docs/install.md), or remove http_port");
#endif
  return http;
}

}  // namespace uniad::rtsp
