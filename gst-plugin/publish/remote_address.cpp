// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/publish/remote_address.h"

#include <glib.h>
#include <gst/gst.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <utility>

#include "model/base/address.h"
#include "model/base/error.h"

namespace uniad {

namespace {

constexpr std::size_t longest = 2048;

[[noreturn]] void refuse(const std::string &scheme, const std::string &problem, const std::string &hint) {
  throw Error(ErrorKind::InvalidArgument, scheme + "://", problem, hint);
}

std::string text(const char *value) {
  return value != nullptr ? value : "";
}

}  // namespace

RemoteAddress parse_remote_address(const std::string &location) {
  RemoteAddress address{.scheme = scheme_of(location), .host = {}, .port = 0, .path = {}};
  // GstUri would end the path there.
  if (location.find("%00") != location.npos)
    refuse(address.scheme, "the location contains %00", "remove it from the property 'location'");
  const auto is_text = [](unsigned char c) { return c > ' ' && c != 0x7F; };
  if (location.size() > longest || !std::all_of(location.begin(), location.end(), is_text))
    refuse(address.scheme, "the location is longer than 2048 bytes or contains spaces or control characters",
           "percent-encode them in the property 'location'");
  if (without_credentials(location) != location)
    refuse(address.scheme, "the location contains a name or a password, which process lists would show",
           "set the property 'credentials' to a file, or to env:NAME for an environment variable");
  const std::unique_ptr<GstUri, decltype(&gst_uri_unref)> uri(gst_uri_from_string(location.c_str()),
                                                              gst_uri_unref);
  if (!uri || text(gst_uri_get_host(uri.get())).empty())
    refuse(address.scheme, "the location does not name a host",
           "use " + address.scheme + "://HOST:PORT/PATH");
  if (!text(gst_uri_get_userinfo(uri.get())).empty())
    refuse(address.scheme, "the location contains a name, which process lists would show",
           "set the property 'credentials' to a file, or to env:NAME for an environment variable");
  address.host = gst_uri_get_host(uri.get());
  const guint port = gst_uri_get_port(uri.get());
  if (port != GST_URI_NO_PORT) address.port = port;
  if (address.port > 65535)
    refuse(address.scheme, "the port is above 65535", "correct the property 'location'");
  g_autofree gchar *path = gst_uri_get_path(uri.get());
  address.path = text(path);
  if (address.path.starts_with('/')) address.path.erase(0, 1);
  return address;
}

std::optional<Login> read_login(const std::string &place) {
  if (place.empty()) return std::nullopt;
  const std::string secret = read_secret(place, "credentials");
  const auto colon = secret.find(':');
  if (colon == secret.npos || colon == 0 || secret.find_first_of("\r\n") != secret.npos ||
      secret.find('\0') != secret.npos)
    throw Error(ErrorKind::InvalidArgument, "credentials", "are not one line of the form USER:PASSWORD",
                "write the user, a colon and the password");
  return Login{secret.substr(0, colon), secret.substr(colon + 1)};
}

void check_certificates(const PublishSettings &settings) {
  for (const auto &[file, property] : {std::pair{&settings.ca_file, "ca-file"},
                                       {&settings.cert_file, "cert-file"},
                                       {&settings.key_file, "key-file"}})
    if (!file->empty() && std::ifstream(*file).peek() == std::ifstream::traits_type::eof())
      throw Error(ErrorKind::InvalidArgument, *file, "cannot be read, or is empty",
                  std::string("set the property '") + property + "' to a file in PEM format");
  if (settings.cert_file.empty() != settings.key_file.empty())
    throw Error(ErrorKind::InvalidArgument, "cert-file and key-file", "only one of them is set",
                "set both or neither");
}

}  // namespace uniad
