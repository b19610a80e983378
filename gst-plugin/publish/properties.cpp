// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/publish/properties.h"

namespace uniad {

namespace {

constexpr auto common = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
constexpr auto in_ready = static_cast<GParamFlags>(common | GST_PARAM_MUTABLE_READY);
constexpr auto in_playing = static_cast<GParamFlags>(common | GST_PARAM_MUTABLE_PLAYING);
constexpr auto read_only = static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

void add_queue(PropertyTable<PublishSettings> &table) {
  const PublishSettings defaults;
  table.add(PROP_MAX_RATE, &PublishSettings::max_rate,
            g_param_spec_double("max-rate", "Maximum rate",
                                "Maximum number of frames to publish per second of the stream, not counting "
                                "those where an event begins or ends (0 = no limit)",
                                0, G_MAXDOUBLE, defaults.max_rate, in_playing));
  table.add(PROP_QUEUE_SIZE, &PublishSettings::queue_size,
            g_param_spec_uint("queue-size", "Queue size",
                              "Maximum number of results that wait while they cannot be delivered; then the "
                              "oldest frames are dropped, and events only if no frame waits",
                              1, 1000000, defaults.queue_size, in_ready));
  table.add(PROP_DRAIN_TIME, &PublishSettings::drain_time,
            g_param_spec_uint64("drain-time", "Drain time",
                                "Maximum time in nanoseconds to wait at the end of the stream and at the "
                                "stop until the queue is empty",
                                0, 60 * GST_SECOND, defaults.drain_time, in_ready));
}

void add_remote(PropertyTable<PublishSettings> &table) {
  const PublishSettings defaults;
  table.add(PROP_CREDENTIALS, &PublishSettings::credentials,
            g_param_spec_string("credentials", "Credentials",
                                "File that contains USER:PASSWORD for the broker or server, or env:NAME for "
                                "an environment variable that does",
                                nullptr, in_ready));
  table.add(PROP_CA_FILE, &PublishSettings::ca_file,
            g_param_spec_string("ca-file", "CA file",
                                "Certificates (PEM) of the authorities that are trusted to certify the "
                                "broker or server, in place of those of the system",
                                nullptr, in_ready));
  table.add(PROP_CERT_FILE, &PublishSettings::cert_file,
            g_param_spec_string("cert-file", "Certificate file",
                                "Certificate (PEM) that identifies this client; requires key-file", nullptr,
                                in_ready));
  table.add(PROP_KEY_FILE, &PublishSettings::key_file,
            g_param_spec_string("key-file", "Key file", "Private key (PEM, not encrypted) for cert-file",
                                nullptr, in_ready));
  table.add(PROP_MQTT_VERSION, &PublishSettings::mqtt_version,
            g_param_spec_string("mqtt-version", "MQTT version", "Version of MQTT: 3.1.1 or 5",
                                defaults.mqtt_version.c_str(), in_ready));
  table.add(
      PROP_QOS, &PublishSettings::qos,
      g_param_spec_uint("qos", "Quality of service",
                        "MQTT's quality of service for frames and events: 0 (at most once), 1 (at least "
                        "once) or 2 (exactly once, unless the connection is lost)",
                        0, 2, defaults.qos, in_ready));
  table.add(
      PROP_DISCOVERY, &PublishSettings::discovery,
      g_param_spec_boolean("discovery", "Discovery", "Describe each source to Home Assistant, over MQTT",
                           defaults.discovery ? TRUE : FALSE, in_ready));
  table.add(PROP_KAFKA_PROPERTIES, &PublishSettings::kafka_properties,
            g_param_spec_string("kafka-properties", "Kafka properties",
                                "File that contains options of librdkafka, one NAME=VALUE in each line, or "
                                "env:NAME for an environment variable that does",
                                nullptr, in_ready));
}

void add_web(PropertyTable<PublishSettings> &table) {
  const PublishSettings defaults;
  table.add(PROP_TOKEN, &PublishSettings::token,
            g_param_spec_string("token", "Token",
                                "File that contains the bearer token for the web server, or env:NAME for an "
                                "environment variable that does",
                                nullptr, in_ready));
  table.add(PROP_HEADERS, &PublishSettings::headers,
            g_param_spec_string("headers", "Headers",
                                "File that contains further headers for the web server, one NAME: VALUE in "
                                "each line, or env:NAME for an environment variable that does",
                                nullptr, in_ready));
  table.add(PROP_CLOUD_EVENTS, &PublishSettings::cloud_events,
            g_param_spec_boolean("cloudevents", "CloudEvents",
                                 "Post to the web server in the structured mode of CloudEvents 1.0",
                                 defaults.cloud_events ? TRUE : FALSE, in_ready));
  table.add(PROP_TIMEOUT, &PublishSettings::timeout,
            g_param_spec_uint64("timeout", "Timeout",
                                "Maximum time in nanoseconds that a request to a web server may take",
                                100 * GST_MSECOND, 600 * GST_SECOND, defaults.timeout, in_ready));
}

void add_snapshots(PropertyTable<PublishSettings> &table) {
  const PublishSettings defaults;
  table.add(
      PROP_SNAPSHOTS, &PublishSettings::snapshots,
      g_param_spec_string("snapshots", "Snapshots",
                          "Folder for a picture (JPEG) of each event: its frame with the highest score; "
                          "created if it does not exist",
                          nullptr, in_ready));
  table.add(
      PROP_SNAPSHOTS_OVERLAY, &PublishSettings::snapshots_overlay,
      g_param_spec_boolean("snapshots-overlay", "Overlay on snapshots",
                           "Write a second picture of each event, with the heatmap, contours, boxes and "
                           "text that uniadoverlay draws",
                           defaults.snapshots_overlay ? TRUE : FALSE, in_ready));
  table.add(PROP_SNAPSHOTS_MAX_SIZE, &PublishSettings::snapshots_max_size,
            g_param_spec_uint64("snapshots-max-size", "Maximum size of snapshots",
                                "Maximum size in bytes of all pictures in the folder; the oldest are removed "
                                "(0 = no limit)",
                                0, G_MAXINT64, defaults.snapshots_max_size, in_ready));
  table.add(
      PROP_SNAPSHOTS_MAX_AGE, &PublishSettings::snapshots_max_age,
      g_param_spec_uint64("snapshots-max-age", "Maximum age of snapshots",
                          "Pictures that are older, in nanoseconds, are removed from the folder (0 = no "
                          "limit)",
                          0, G_MAXINT64, defaults.snapshots_max_age, in_ready));
  table.add(
      PROP_SNAPSHOTS_MAX_FILES, &PublishSettings::snapshots_max_files,
      g_param_spec_uint("snapshots-max-files", "Maximum number of snapshots",
                        "Maximum number of pictures in the folder; the oldest are removed (0 = no limit)", 0,
                        G_MAXUINT, defaults.snapshots_max_files, in_ready));
}

void add_files(PropertyTable<PublishSettings> &table) {
  const PublishSettings defaults;
  table.add(PROP_APPEND, &PublishSettings::append,
            g_param_spec_boolean("append", "Append", "Append to the file instead of overwriting it",
                                 defaults.append ? TRUE : FALSE, in_ready));
  table.add(PROP_RETRY_OPEN, &PublishSettings::retry_open,
            g_param_spec_boolean("retry-open", "Retry open",
                                 "Start even if the location cannot be opened, and try again later",
                                 defaults.retry_open ? TRUE : FALSE, in_ready));
  table.add(PROP_MAX_SIZE, &PublishSettings::max_size,
            g_param_spec_uint64(
                "max-size", "Maximum size",
                "Size in bytes at which a file is renamed and the next one is started (0 = unlimited)", 0,
                G_MAXUINT64, defaults.max_size, in_ready));
  table.add(PROP_MAX_AGE, &PublishSettings::max_age,
            g_param_spec_uint64(
                "max-age", "Maximum age",
                "Age in nanoseconds at which a file is renamed and the next one is started (0 = unlimited)",
                0, G_MAXINT64, defaults.max_age, in_ready));
  table.add(PROP_GZIP, &PublishSettings::gzip,
            g_param_spec_boolean("gzip", "gzip", "Compress the files that have been renamed",
                                 defaults.gzip ? TRUE : FALSE, in_ready));
  table.add(
      PROP_MAX_FILES, &PublishSettings::max_files,
      g_param_spec_uint("max-files", "Maximum files",
                        "Maximum number of files to keep with max-size or max-age, including the current one",
                        1, 1000, defaults.max_files, in_ready));
}

}  // namespace

PropertyTable<PublishSettings> publish_properties() {
  const PublishSettings defaults;
  PropertyTable<PublishSettings> table;
  table.add(
      PROP_LOCATION, &PublishSettings::location,
      g_param_spec_string("location", "Location",
                          "Where to publish: a file, named pipe or file:// URI, - for standard output, or "
                          "mqtt://HOST:PORT/PREFIX or mqtts:// for a broker, "
                          "kafka://HOST:PORT,HOST:PORT/TOPIC, or an https:// or http:// URL of a web "
                          "server",
                          nullptr, in_ready));
  table.add(PROP_MODE, &PublishSettings::mode,
            g_param_spec_enum("mode", "Mode", "What to write a line for", GST_TYPE_UNIAD_PUBLISH_MODE,
                              defaults.mode, in_playing));
  add_queue(table);
  add_remote(table);
  add_web(table);
  add_snapshots(table);
  add_files(table);
  return table;
}

void install_publish_figures(GObjectClass *klass) {
  g_object_class_install_property(
      klass, PROP_LOST,
      g_param_spec_uint64("lost", "Lost",
                          "Number of results since the start that were not delivered and never will be", 0,
                          G_MAXUINT64, 0, read_only));
  g_object_class_install_property(
      klass, PROP_QUEUED,
      g_param_spec_uint64("queued", "Queued",
                          "Number of results that wait to be delivered or are being delivered", 0,
                          G_MAXUINT64, 0, read_only));
}

}  // namespace uniad
