// SPDX-License-Identifier: Apache-2.0
#include "pipelines/uniad-rtsp/config.h"

#include <glib.h>
#include <toml++/toml.h>
#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>
#include <system_error>
#include <utility>

#include "model/base/address.h"
#include "model/base/error.h"
#include "pipelines/uniad-rtsp/detect_keys.h"
#include "pipelines/uniad-rtsp/http_keys.h"
#include "pipelines/uniad-rtsp/toml_section.h"

namespace uniad::rtsp {
namespace {

ServerConfig read_server(const Section &section, std::vector<std::string> &warnings) {
  ServerConfig server;
  server.address =
      read_text(section, "address", "use an address of this machine, or \"0.0.0.0\" for all addresses")
          .value_or(server.address);
  const toml::node *address = section.table.get("address");
  server.place = section.where(address != nullptr ? *address : section.table, "address");
  server.port = static_cast<std::uint16_t>(read_whole(section, "port", 0, 65535, server.port));
  server.http = read_http(section, warnings);
  warn_of_unknown_keys(section, {"address", "port", "http_address", "http_port", "tokens"}, warnings);
  return server;
}

constexpr auto address_ways = "use rtsp://HOST/PATH, rtsp://HOST:PORT/PATH or rtsp://[IPV6]:PORT/PATH";
constexpr auto uri_ways = "use a video file, v4l2:///dev/videoN, rtsp://HOST/PATH or test://ball";

// Finds errors in an address without connecting to it. rtspsrc accepts whatever it can parse; for example, it
// reads port 99999 as 34463. The text is not quoted, because in an incomplete address, a password takes the
// place of the port.
std::optional<std::string> address_fault(const std::string &address) {
  constexpr auto flags =
      static_cast<GUriFlags>(G_URI_FLAGS_PARSE_RELAXED | G_URI_FLAGS_ENCODED | G_URI_FLAGS_HAS_PASSWORD);
  g_autoptr(GError) error = nullptr;
  g_autoptr(GUri) uri = g_uri_parse(with_encoded_credentials(address).c_str(), flags, &error);
  if (g_error_matches(error, G_URI_ERROR, G_URI_ERROR_BAD_PORT))
    return "its port is not a number from 1 to 65535";
  if (error != nullptr) return "its host is neither a name nor an address";
  const char *host = g_uri_get_host(uri);
  if (host == nullptr || *host == '\0') return "it contains no host";
  if (g_uri_get_port(uri) == 0) return "its port is not a number from 1 to 65535";
  return std::nullopt;
}

void read_source(const Section &section, CameraConfig &camera) {
  const auto uri = read_text(section, "uri", uri_ways);
  if (!uri)
    throw Error(ErrorKind::InvalidArgument, section.where(section.table, "uri"), "is missing", uri_ways);
  const std::string scheme = scheme_of(*uri);
  camera.uri = *uri;
  if (scheme.empty()) {
    camera.kind = SourceKind::file;
    camera.uri = absolute_path(section, *uri);
  } else if (scheme == "file") {
    camera.kind = SourceKind::file;
  } else if (scheme == "v4l2") {
    camera.kind = SourceKind::device;
  } else if (scheme == "rtsp" || scheme == "rtspt" || scheme == "rtspu" || scheme == "rtsps") {
    camera.kind = SourceKind::network;
    if (const auto fault = address_fault(*uri))
      throw Error(ErrorKind::InvalidArgument, section.where(*section.table.get("uri"), "uri"), *fault,
                  address_ways);
  } else if (scheme == "test") {
    camera.kind = SourceKind::test;
  } else {
    throw Error(ErrorKind::InvalidArgument, section.where(*section.table.get("uri"), "uri"),
                "unsupported scheme " + scheme + "://", uri_ways);
  }
}

bool is_path_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '/' || c == '-' ||
         c == '_' || c == '.' || c == '~';
}

void read_learning(const Section &section, CameraConfig &camera) {
  const toml::node *learn = section.table.get("learn");
  constexpr std::chrono::seconds least(1), most(24 * 3600);
  if (learn != nullptr && learn->is_string())
    camera.learn_time = read_time(section, "learn", least, most).value();
  else
    camera.learn = static_cast<unsigned>(read_whole(section, "learn", 1, 1000000, camera.learn));
  if (camera.learns() && !camera.model)
    throw Error(ErrorKind::InvalidArgument, section.where(*section.table.get("learn"), "learn"),
                "requires a model file to save to",
                "set model = \"FILE.safetensors\"; the file need not exist yet");
  constexpr auto backbones = "name a backbone, e.g. \"efficientnet-lite2\", or \"auto\"";
  camera.backbone = read_text(section, "backbone", backbones).value_or(camera.backbone);
  constexpr auto rates = "give a number from 0 to 0.01";
  camera.adapt_rate = read<double>(section, "adapt_rate", rates).value_or(camera.adapt_rate);
  const bool is_rate = camera.adapt_rate >= 0 && camera.adapt_rate <= 0.01;  // false for NaN
  if (!is_rate)
    throw Error(ErrorKind::InvalidArgument, section.where(*section.table.get("adapt_rate"), "adapt_rate"),
                "is out of range", rates);
}

void read_publishing(const Section &section, CameraConfig &camera) {
  constexpr auto ways = "use a file, \"-\" for standard output, or the address of a broker or web server";
  camera.publish = read_text(section, "publish", ways).value_or("");
  if (scheme_of(camera.publish).empty() && !camera.publish.empty() && camera.publish != "-")
    camera.publish = absolute_path(section, camera.publish);
  constexpr auto secrets = "use a file, or \"env:NAME\" for an environment variable";
  for (const auto &[key, secret] : {std::pair{"publish_credentials", &camera.publish_credentials},
                                    {"publish_token", &camera.publish_token},
                                    {"publish_kafka_properties", &camera.publish_kafka_properties}}) {
    *secret = read_text(section, key, secrets).value_or("");
    if (!secret->empty() && !secret->starts_with("env:")) *secret = absolute_path(section, *secret);
  }
  if (const auto ca_file = read_text(section, "publish_ca_file", "use a file in PEM format"))
    camera.publish_ca_file = absolute_path(section, *ca_file);

  constexpr auto modes =
      "use \"frames\" for one line per frame, or \"events\" for one line per begin and end of an event";
  camera.publish_mode = read_text(section, "publish_mode", modes).value_or(camera.publish_mode);
  if (camera.publish_mode != "frames" && camera.publish_mode != "events")
    throw Error(ErrorKind::InvalidArgument, section.where(*section.table.get("publish_mode"), "publish_mode"),
                "there is no mode \"" + camera.publish_mode + "\"", modes);
  camera.publish_max_size = read_size(section, "publish_max_size");
  constexpr std::chrono::seconds shortest(1), longest(366 * 24 * 3600);
  camera.publish_max_age =
      read_time(section, "publish_max_age", shortest, longest).value_or(camera.publish_max_age);
  camera.publish_gzip =
      read<bool>(section, "publish_gzip", "give true or false").value_or(camera.publish_gzip);
  camera.publish_max_files =
      static_cast<unsigned>(read_whole(section, "publish_max_files", 1, 1000, camera.publish_max_files));
}

void warn_of_keys_without_effect(const Section &section, const CameraConfig &camera,
                                 std::vector<std::string> &warnings) {
  if (!camera.model)
    warn_of_useless_keys(
        section,
        {"threshold", "interval", "overlay", "publish", "publish_mode", "publish_max_size", "publish_max_age",
         "publish_max_files", "publish_gzip", "publish_credentials", "publish_token",
         "publish_kafka_properties", "publish_ca_file", "backbone", "adapt_rate"},
        "without a model", warnings);
  else if (camera.publish.empty())
    warn_of_useless_keys(
        section,
        {"publish_mode", "publish_max_size", "publish_max_age", "publish_max_files", "publish_gzip",
         "publish_credentials", "publish_token", "publish_kafka_properties", "publish_ca_file"},
        "without publish", warnings);
  if (camera.model && !camera.learns())
    warn_of_useless_keys(section, {"backbone"}, "without learn", warnings);
  if (camera.kind != SourceKind::file)
    warn_of_useless_keys(section, {"loop"}, "if the source is not a file", warnings);
}

CameraConfig read_camera(const Section &section, std::vector<std::string> &warnings) {
  const auto name = read_text(section, "name", "name the camera, e.g. name = \"gate\"");
  if (!name)
    throw Error(ErrorKind::InvalidArgument, section.where(section.table, "name"), "is missing",
                "name the camera, e.g. name = \"gate\"");

  CameraConfig camera;
  camera.name = *name;
  constexpr auto path_ways = "set path = \"/...\" with letters, digits and / - _ . ~ only";
  camera.path = read_text(section, "path", path_ways).value_or("/" + *name);
  if (camera.path.front() != '/' || camera.path.size() == 1 ||
      !std::all_of(camera.path.begin(), camera.path.end(), is_path_character))
    throw Error(ErrorKind::InvalidArgument, section.where(section.table, "path"),
                "\"" + camera.path + "\" cannot be part of an RTSP URL", path_ways);
  read_source(section, camera);

  if (const auto model = read_text(section, "model", "name a model file that `uniad train` wrote"))
    camera.model = absolute_path(section, *model);
  camera.threshold = read<double>(section, "threshold", "give a number on the scale of the scores");
  if (camera.threshold && !(std::isfinite(*camera.threshold) && *camera.threshold >= 0))
    throw Error(ErrorKind::InvalidArgument, section.where(*section.table.get("threshold"), "threshold"),
                "is below 0 or not finite", "give a number on the scale of the scores");
  constexpr auto most = std::numeric_limits<std::int32_t>::max();
  camera.interval = static_cast<unsigned>(read_whole(section, "interval", 1, most, camera.interval));
  camera.overlay = read<bool>(section, "overlay", "give true or false").value_or(camera.overlay);
  camera.bitrate = static_cast<unsigned>(read_whole(section, "bitrate", 1, 1000000, camera.bitrate));
  read_publishing(section, camera);
  constexpr std::chrono::seconds shortest(1), longest(24 * 3600);
  camera.timeout = read_time(section, "timeout", shortest, longest).value_or(camera.timeout);
  camera.loop = read<bool>(section, "loop", "give true or false").value_or(camera.loop);
  read_learning(section, camera);
  read_detect_keys(section, camera, warnings);

  warn_of_unknown_keys(section,
                       {"name",
                        "path",
                        "uri",
                        "model",
                        "threshold",
                        "interval",
                        "overlay",
                        "bitrate",
                        "publish",
                        "publish_mode",
                        "publish_max_size",
                        "publish_max_age",
                        "publish_max_files",
                        "publish_gzip",
                        "publish_credentials",
                        "publish_token",
                        "publish_kafka_properties",
                        "publish_ca_file",
                        "timeout",
                        "loop",
                        "learn",
                        "backbone",
                        "adapt_rate",
                        "detect",
                        "zone"},
                       warnings);
  warn_of_keys_without_effect(section, camera, warnings);
  camera.places[""] = section.where(section.table, "");
  for (const auto &[key, node] : section.table)
    camera.places[std::string(key.str())] = section.where(node, key.str());
  return camera;
}

void refuse_second(const Section &section, const CameraConfig &camera,
                   const std::vector<CameraConfig> &before) {
  for (const auto &other : before) {
    if (other.name == camera.name)
      throw Error(ErrorKind::InvalidArgument, section.where(section.table, "name"),
                  "\"" + camera.name + "\" is already used by another camera",
                  "give each camera its own name");
    if (other.path == camera.path)
      throw Error(ErrorKind::InvalidArgument, section.where(section.table, "path"),
                  "\"" + camera.path + "\" is already used by " + other.name,
                  "give each camera its own path");
  }
}

toml::table parse_toml(std::string_view text, const std::filesystem::path &file) {
  try {
    return toml::parse(text);
  } catch (const toml::parse_error &error) {
    throw Error(ErrorKind::InvalidArgument, file.string() + ":" + std::to_string(error.source().begin.line),
                without_credentials(std::string(error.description())),  // the description quotes keys
                "correct the TOML; pipelines/uniad-rtsp/cameras.toml is an example");
  }
}

// Each publisher would compress what the other still writes to.
void refuse_compressing_shared_files(const Config &config) {
  for (const auto &camera : config.cameras)
    for (const auto &other : config.cameras)
      if (camera.publish_gzip && camera.publishes_to_file() && &other != &camera &&
          other.publish == camera.publish)
        throw Error(ErrorKind::InvalidArgument, camera.place("publish_gzip"),
                    other.name + " publishes to the same file",
                    "use a file for each camera, or set publish_gzip = false");
}

// Published files must not overwrite files that are read, or be overwritten by the files of another camera.
void refuse_publishing_over_others(const Config &config, const std::filesystem::path &file) {
  for (const auto &camera : config.cameras) {
    if (!camera.publishes_to_file()) continue;
    const std::filesystem::path published = std::filesystem::path(camera.publish).lexically_normal();
    const auto refuse = [&](const std::filesystem::path &other, const std::string &what) {
      std::error_code not_there;
      if (published == other.lexically_normal() || std::filesystem::equivalent(published, other, not_there))
        throw Error(ErrorKind::InvalidArgument, camera.place("publish"), camera.publish + " is " + what,
                    "use a separate file");
    };
    refuse(std::filesystem::absolute(file), "this configuration");
    for (const auto &other : config.cameras) {
      if (other.model) refuse(*other.model, "the model of camera " + other.name);
      if (other.kind == SourceKind::file)
        refuse(local_path(other.uri).value_or(""), "what " + other.name + " shows");
      if (other.publish == camera.publish || !other.rotates_files()) continue;
      for (unsigned age = 1; age < other.publish_max_files; ++age)
        for (const char *ending : {"", ".gz"})
          refuse(other.publish + "." + std::to_string(age) + ending,
                 "a name that rotated files of " + other.name + " get");
    }
  }
}

}  // namespace

bool CameraConfig::publishes_to_file() const {
  return !publish.empty() && publish != "-" && !publishes_to_broker();
}

bool CameraConfig::publishes_to_broker() const {
  return !local_path(publish);
}

std::string CameraConfig::place(std::string_view key) const {
  const auto found = places.find(key);
  if (found != places.end()) return found->second;
  const auto begin = places.find("");
  return begin != places.end() ? begin->second + std::string(key) : "camera " + name;
}

void check_model(const CameraConfig &camera) {
  std::error_code unreadable;
  if (!camera.model || std::filesystem::is_regular_file(*camera.model, unreadable)) return;
  const std::string where = camera.place("model");
  if (!camera.learns())
    throw Error(
        ErrorKind::NotFound, where, "no model file " + camera.model->string(),
        "train a model with `uniad train`, let the camera learn one with `learn`, or correct `model`");
  if (std::filesystem::exists(*camera.model, unreadable))
    throw Error(ErrorKind::InvalidArgument, where, camera.model->string() + " is not a file",
                "correct `model`");
  const std::filesystem::path folder = camera.model->parent_path();
  if (!std::filesystem::is_directory(folder, unreadable))
    throw Error(ErrorKind::InvalidArgument, where, "no folder " + folder.string() + " to save the model in",
                "create the folder, or correct `model`");
}

Config parse_config(std::string_view text, const std::filesystem::path &file) {
  const toml::table root = parse_toml(text, file);
  Config config;
  warn_of_unknown_keys({root, "file", file}, {"server", "camera"}, config.warnings);

  if (const toml::node *server = root.get("server")) {
    if (!server->is_table())
      throw Error(ErrorKind::InvalidArgument, Section{root, "file", file}.where(*server, "server"),
                  "is not a table", "write [server]");
    config.server = read_server({*server->as_table(), "[server]", file}, config.warnings);
  }

  const toml::node *cameras = root.get("camera");
  if (cameras == nullptr)
    throw Error(ErrorKind::InvalidArgument, file.string(), "it contains no camera",
                "add a [[camera]] with a name and a uri");
  if (!cameras->is_array_of_tables())
    throw Error(ErrorKind::InvalidArgument, Section{root, "file", file}.where(*cameras, "camera"),
                "is not a list of tables", "write [[camera]] in double brackets");
  for (const toml::node &node : *cameras->as_array()) {
    const std::string title = file.empty() ? "--camera" : "[[camera]]";
    const Section section{*node.as_table(), title + " number " + std::to_string(config.cameras.size() + 1),
                          file};
    const CameraConfig camera = read_camera(section, config.warnings);
    refuse_second(section, camera, config.cameras);
    config.cameras.push_back(camera);
  }
  return config;
}

Config load_config(const std::filesystem::path &file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream || std::filesystem::is_directory(file))
    throw Error(ErrorKind::Unreadable, without_credentials(file.string()), "cannot be read",
                "use a TOML file; pipelines/uniad-rtsp/cameras.toml is an example");
  const std::string text(std::istreambuf_iterator<char>(stream), {});
  Config config = parse_config(text, file);
  for (const auto &camera : config.cameras) check_model(camera);
  refuse_publishing_over_others(config, file);
  refuse_compressing_shared_files(config);
  return config;
}

}  // namespace uniad::rtsp
