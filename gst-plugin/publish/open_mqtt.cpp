// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/publish/open_mqtt.h"

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
  check_certificates(settings);
  options.ca_file = settings.ca_file;
  options.cert_file = settings.cert_file;
  options.key_file = settings.key_file;
  if (auto login = read_login(settings.credentials)) {
    options.user = std::move(login->user);
    options.password = std::move(login->password);
  }
  return std::make_unique<MqttSink>(std::move(options), topic_prefix(address.path), settings.discovery,
                                    !settings.snapshots.empty());
}

}  // namespace uniad
