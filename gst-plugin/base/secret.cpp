// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/base/secret.h"

#include <glib.h>

#include <fstream>

#include "model/base/error.h"

namespace uniad {

std::string read_secret(const std::string &place, const char *property) {
  constexpr std::size_t longest_secret = 65536;
  constexpr const char *variable = "env:";
  std::string secret;
  if (place.starts_with(variable)) {
    const char *value = g_getenv(place.c_str() + 4);
    if (value == nullptr)
      throw Error(ErrorKind::InvalidArgument, property, "there is no environment variable " + place.substr(4),
                  "set it before the program starts");
    secret = value;
  } else {
    std::ifstream file(place, std::ios::binary);
    secret.resize(longest_secret + 1);
    file.read(secret.data(), static_cast<std::streamsize>(secret.size()));
    secret.resize(static_cast<std::size_t>(file.gcount()));
    if (!file.eof() || secret.size() > longest_secret)
      throw Error(ErrorKind::Unreadable, place, "cannot be read, or is larger than 64 KB",
                  std::string("set the property '") + property +
                      "' to a text file, or to env:NAME for an environment variable");
  }
  secret.erase(secret.find_last_not_of("\r\n") + 1);
  return secret;
}

}  // namespace uniad
