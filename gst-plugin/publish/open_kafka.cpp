// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/publish/open_kafka.h"

#include <glib.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

#include "gst-plugin/publish/kafka_sink.h"
#include "gst-plugin/publish/remote_address.h"
#include "model/base/error.h"

namespace uniad {

namespace {

constexpr unsigned kafka_port = 9092;

// What the location says, and what would keep the sink from learning what was delivered.
constexpr std::array<std::string_view, 5> reserved{"bootstrap.servers", "metadata.broker.list",
                                                   "delivery.report.only.error", "enabled_events",
                                                   "transactional.id"};

[[noreturn]] void refuse_location(const std::string &problem, const std::string &hint) {
  throw Error(ErrorKind::InvalidArgument, "kafka://", problem, hint);
}

bool is_topic_character(char c) {
  return g_ascii_isalnum(c) || c == '.' || c == '_' || c == '-';
}

std::string topic_of(const std::string &path) {
  constexpr std::size_t longest = 249;
  if (path.empty()) return "uniad";
  if (path.size() > longest || path == "." || path == ".." ||
      !std::all_of(path.begin(), path.end(), is_topic_character))
    refuse_location("its path is not the name of a topic",
                    "use kafka://HOST:PORT/TOPIC with at most 249 letters, digits and . _ - in TOPIC");
  return path;
}

// Each broker is checked as the host of an address of its own.
void read_location(const std::string &location, KafkaOptions &options) {
  constexpr std::string_view scheme = "kafka://";
  const auto end = location.find_first_of("/?#", scheme.size());
  if (location.find_first_of("?#") != location.npos)
    refuse_location("the location contains ? or #", "set options in a file, with 'kafka-properties'");
  const std::string rest = end == location.npos ? "" : location.substr(end);
  std::string hosts = location.substr(scheme.size(), end - std::min(end, scheme.size()));
  hosts += ',';
  for (std::size_t begin = 0; begin < hosts.size();) {
    const auto comma = hosts.find(',', begin);
    const RemoteAddress address =
        parse_remote_address("kafka://" + hosts.substr(begin, comma - begin) + rest);
    const bool is_ipv6 = address.host.find(':') != address.host.npos;
    if (!options.brokers.empty()) options.brokers += ',';
    options.brokers += (is_ipv6 ? "[" + address.host + "]" : address.host) + ":" +
                       std::to_string(address.port != 0 ? address.port : kafka_port);
    options.topic = topic_of(address.path);
    begin = comma + 1;
  }
}

std::string trimmed(const std::string &text) {
  const auto begin = text.find_first_not_of(" \t\r");
  return begin == text.npos ? "" : text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

// Messages give the number of a line, not its text, which may be secret.
void read_properties(const std::string &place, KafkaOptions &options) {
  if (place.empty()) return;
  std::istringstream lines(read_secret(place, "kafka-properties"));
  unsigned number = 0;
  for (std::string text; std::getline(lines, text);) {
    ++number;
    const std::string line = trimmed(text);
    if (line.empty() || line.front() == '#') continue;
    const auto equals = line.find('=');
    std::string name = trimmed(line.substr(0, equals));
    const bool is_name = !name.empty() && std::all_of(name.begin(), name.end(), is_topic_character);
    if (equals == line.npos || !is_name || line.find('\0') != line.npos)
      throw Error(ErrorKind::InvalidArgument, "kafka-properties",
                  "line " + std::to_string(number) + " is not of the form NAME=VALUE",
                  "write one option of librdkafka in each line");
    if (std::find(reserved.begin(), reserved.end(), name) != reserved.end())
      throw Error(ErrorKind::InvalidArgument, "kafka-properties", "the option " + name + " cannot be set",
                  "remove its line; the property 'location' names the brokers");
    options.options.emplace_back(std::move(name), trimmed(line.substr(equals + 1)));
  }
}

}  // namespace

std::unique_ptr<Sink> open_kafka(const PublishSettings &settings) {
  KafkaOptions options;
  read_location(settings.location, options);
  check_certificates(settings);
  const auto set = [&options](const char *name, const std::string &value) {
    if (!value.empty()) options.options.emplace_back(name, value);
  };
  const auto login = read_login(settings.credentials);
  const bool has_certificates = !settings.ca_file.empty() || !settings.cert_file.empty();
  if (login) {
    set("security.protocol", "sasl_ssl");  // passwords are never sent in the clear unless the file says so
    set("sasl.mechanism", "PLAIN");
    set("sasl.username", login->user);
    set("sasl.password", login->password);
  } else if (has_certificates) {
    set("security.protocol", "ssl");
  }
  set("ssl.ca.location", settings.ca_file);
  set("ssl.certificate.location", settings.cert_file);
  set("ssl.key.location", settings.key_file);
  read_properties(settings.kafka_properties, options);
  return std::make_unique<KafkaSink>(std::move(options));
}

}  // namespace uniad
