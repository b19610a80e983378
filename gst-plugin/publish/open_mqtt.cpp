// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/publish/open_mqtt.h"

#include <fstream>
#include <string>
#include <utility>

#include "gst-plugin/publish/mqtt_sink.h"
#include "gst-plugin/publish/mqtt_topics.h"
#include "gst-plugin/publish/remote_address.h"
#include "model/base/error.h"

namespace uniad {

namespace {

constexpr unsigned plain_port = 1883;
constexpr unsigned tls_port = 8883;

std::string readable(const std::string &file, const char *property) {
  if (!file.empty() && std::ifstream(file).peek() == std::ifstream::traits_type::eof())
    throw Error(ErrorKind::InvalidArgument, file, "cannot be read, or is empty",
                std::string("set the property '") + property + "' to a file in PEM format");
  return file;
}

bool is_version_5(const std::string &version) {
  if (version == "5" || version == "3.1.1") return version == "5";
  throw Error(ErrorKind::InvalidArgument, "mqtt-version", "\"" + version + "\" is not supported",
              "set the property 'mqtt-version' to 3.1.1 or 5");
}

}  // namespace

std::unique_ptr<Sink> open_mqtt(const PublishSettings &settings) {
  const RemoteAddress address = parse_remote_address(settings.location);
  MqttOptions options;
  options.host = address.host;
  options.tls = address.scheme == "mqtts";
  options.port = static_cast<int>(address.port != 0 ? address.port : options.tls ? tls_port : plain_port);
  options.version_5 = is_version_5(settings.mqtt_version);
  options.qos = static_cast<int>(settings.qos);
  options.ca_file = readable(settings.ca_file, "ca-file");
  options.cert_file = readable(settings.cert_file, "cert-file");
  options.key_file = readable(settings.key_file, "key-file");
  if (options.cert_file.empty() != options.key_file.empty())
    throw Error(ErrorKind::InvalidArgument, "cert-file and key-file", "only one of them is set",
                "set both or neither");
  if (!settings.credentials.empty()) {
    const std::string secret = read_secret(settings.credentials);
    const auto colon = secret.find(':');
    if (colon == secret.npos || colon == 0 || secret.find_first_of("\r\n") != secret.npos ||
        secret.find('\0') != secret.npos)
      throw Error(ErrorKind::InvalidArgument, "credentials", "are not one line of the form USER:PASSWORD",
                  "write the user, a colon and the password");
    options.user = secret.substr(0, colon);
    options.password = secret.substr(colon + 1);
  }
  return std::make_unique<MqttSink>(std::move(options), topic_prefix(address.path), settings.discovery);
}

}  // namespace uniad
