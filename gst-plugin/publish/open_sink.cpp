// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/publish/open_sink.h"

#include <chrono>
#include <string>

#include "gst-plugin/publish/file_sink.h"
#ifdef UNIAD_HAS_KAFKA
#include "gst-plugin/publish/open_kafka.h"
#endif
#ifdef UNIAD_HAS_MQTT
#include "gst-plugin/publish/open_mqtt.h"
#endif
#ifdef UNIAD_HAS_WEBHOOK
#include "gst-plugin/publish/open_webhook.h"
#endif
#include "model/base/address.h"
#include "model/base/error.h"
#include "model/base/json_text.h"

namespace uniad {

namespace {

std::unique_ptr<Sink> open_file(const std::string &path, const PublishSettings &settings) {
  if (!settings.retry_open && holds_other_than_json(path))
    throw Error(ErrorKind::Unwritable, path, "is not a JSON file and would be overwritten",
                "set the property 'location' to another file, or remove this one first");
  return std::make_unique<FileSink>(path,
                                    LineWriterOptions{.append = settings.append,
                                                      .may_come_later = settings.retry_open,
                                                      .max_size = settings.max_size,
                                                      .max_age = std::chrono::nanoseconds(settings.max_age),
                                                      .max_files = settings.max_files,
                                                      .gzip = settings.gzip});
}

}  // namespace

std::unique_ptr<Sink> open_sink(const PublishSettings &settings) {
  const std::string &location = settings.location;
  if (location.empty())
    throw Error(ErrorKind::InvalidArgument, "location", "is not set",
                "set the property 'location' to a file, or to - for standard output");
  if (const auto path = local_path(location)) return open_file(*path, settings);
#ifdef UNIAD_HAS_MQTT
  if (scheme_of(location) == "mqtt" || scheme_of(location) == "mqtts") return open_mqtt(settings);
#endif
#ifdef UNIAD_HAS_KAFKA
  if (scheme_of(location) == "kafka") return open_kafka(settings);
#endif
#ifdef UNIAD_HAS_WEBHOOK
  if (scheme_of(location) == "http" || scheme_of(location) == "https") return open_webhook(settings);
#endif
  // Only the scheme, because the rest may contain a password.
  throw Error(ErrorKind::InvalidArgument, scheme_of(location) + "://",
              "this build cannot publish to such a location",
              "set the property 'location' to a file, a file:///PATH URI of a local file, "
#ifdef UNIAD_HAS_MQTT
              "an mqtt:// or mqtts:// URL, "
#endif
#ifdef UNIAD_HAS_KAFKA
              "a kafka:// URL, "
#endif
#ifdef UNIAD_HAS_WEBHOOK
              "an https:// or http:// URL, "
#endif
              "or - for standard output");
}

}  // namespace uniad
