// SPDX-License-Identifier: Apache-2.0
#include "pipelines/uniad-rtsp/detect_keys.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "model/base/address.h"
#include "model/base/error.h"
#include "model/base/json_text.h"

namespace uniad::rtsp {
namespace {

using nlohmann::json;

// The properties that the server sets, and what to do instead.
const std::map<std::string, std::string, std::less<>> &properties_of_server() {
  static const std::string by_server = "remove it; the server sets it";
  static const std::map<std::string, std::string, std::less<>> properties = {
      {"model", "use `model` of the camera"},
      {"source", "use `name` of the camera"},
      {"threshold", "use `threshold` of the camera"},
      {"interval", "use `interval` of the camera"},
      {"learn", "use `learn` of the camera"},
      {"learn-time", "use `learn` of the camera, e.g. learn = \"60s\""},
      {"learn-once", "use `learn` of the camera, which learns only what its model does not know"},
      {"backbone", "use `backbone` of the camera"},
      {"adapt-rate", "use `adapt_rate` of the camera"},
      {"mode", "remove it; viewers get every frame, however slow the model is"},
      {"name", by_server},
      {"parent", by_server},
      {"qos", by_server},
  };
  return properties;
}

// A file of zones is relative to the configuration; zones can also be JSON.
std::string zones_from(const Section &section, const std::string &text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first == std::string::npos || text[first] == '{' ? text : absolute_path(section, text);
}

ElementSetting read_setting(const Section &section, std::string_view key, const toml::node &node) {
  ElementSetting setting{std::string(key), {}, section.where(node, without_credentials(std::string(key)))};
  std::replace(setting.property.begin(), setting.property.end(), '_', '-');
  const auto own = properties_of_server().find(setting.property);
  if (own != properties_of_server().end())
    throw Error(ErrorKind::InvalidArgument, setting.place, "is not set here", own->second);
  if (const auto *text = node.as_string()) {
    if (text->get().find('\0') != std::string::npos)
      throw Error(ErrorKind::InvalidArgument, setting.place, "contains a zero byte", "remove it");
    setting.value = setting.property == "zones" ? zones_from(section, text->get()) : text->get();
  } else if (const auto *truth = node.as_boolean()) {
    setting.value = truth->get();
  } else if (const auto *whole = node.as_integer()) {
    setting.value = whole->get();
  } else if (const auto *number = node.as_floating_point()) {
    setting.value = number->get();
  } else {
    throw Error(ErrorKind::InvalidArgument, setting.place, "is of the wrong type",
                "give a text in quotes, a number, true or false");
  }
  return setting;
}

void read_settings(const Section &section, std::vector<ElementSetting> &settings) {
  for (const auto &[key, node] : section.table) {
    ElementSetting setting = read_setting(section, key.str(), node);
    const auto is_same = [&](const auto &other) { return other.property == setting.property; };
    if (std::any_of(settings.begin(), settings.end(), is_same))
      throw Error(ErrorKind::InvalidArgument, setting.place, "is set twice", "write it with - or with _");
    settings.push_back(std::move(setting));
  }
}

// A value of TOML as JSON. Times and dates, which zones do not have, become text.
json to_json(const toml::node &node) {
  if (const auto *text = node.as_string()) return text->get();
  if (const auto *truth = node.as_boolean()) return truth->get();
  if (const auto *whole = node.as_integer()) return whole->get();
  if (const auto *number = node.as_floating_point()) return number->get();
  if (const auto *list = node.as_array()) {
    json values = json::array();
    for (const auto &value : *list) values.push_back(to_json(value));
    return values;
  }
  return "a table, a date or a time";
}

// The zones as JSON in which each key is on the line that it is on in the file, because the messages of
// uniaddetect about zones name lines.
class ZonesText {
 public:
  void add(const toml::table &zone) {
    std::vector<std::pair<std::size_t, std::string>> members;
    for (const auto &[key, node] : zone)
      members.emplace_back(node.source().begin.line,
                           json_text(json(std::string(key.str()))) + ":" + json_text(to_json(node)));
    std::stable_sort(members.begin(), members.end(),
                     [](const auto &a, const auto &b) { return a.first < b.first; });
    go_to(zone.source().begin.line);
    text_ += std::exchange(has_zones_, true) ? ",{" : "{";
    const char *separator = "";
    for (const auto &[line, member] : members) {
      text_ += std::exchange(separator, ",");
      go_to(line);
      text_ += member;
    }
    text_ += "}";
  }

  std::string text() const { return text_ + "]}"; }

 private:
  void go_to(std::size_t line) {
    for (; line_ < line; ++line_) text_ += '\n';
  }

  std::string text_ = "{\"zones\":[";
  std::size_t line_ = 1;
  bool has_zones_ = false;
};

ElementSetting read_zones(const Section &section, const toml::node &node) {
  const std::string place = section.where(node, "zone");
  if (!node.is_array_of_tables())
    throw Error(ErrorKind::InvalidArgument, place, "is not a list of tables",
                "write [[camera.zone]] in double brackets");
  ZonesText zones;
  for (const auto &zone : *node.as_array()) zones.add(*zone.as_table());
  return {"zones", zones.text(), place};
}

}  // namespace

void read_detect_keys(const Section &camera_section, CameraConfig &camera,
                      std::vector<std::string> &warnings) {
  if (const toml::node *node = camera_section.table.get("detect")) {
    if (!node->is_table())
      throw Error(ErrorKind::InvalidArgument, camera_section.where(*node, "detect"), "is not a table",
                  "write [camera.detect] behind the other keys of the camera");
    read_settings({*node->as_table(), camera_section.title + " detect", camera_section.file}, camera.detect);
  }
  if (const toml::node *node = camera_section.table.get("zone")) {
    const auto is_zones = [](const auto &setting) { return setting.property == "zones"; };
    if (std::any_of(camera.detect.begin(), camera.detect.end(), is_zones))
      throw Error(ErrorKind::InvalidArgument, camera_section.where(*node, "zone"),
                  "the camera also has `zones` in [camera.detect]", "use one of the two");
    camera.detect.push_back(read_zones(camera_section, *node));
  }
  if (!camera.model) warn_of_useless_keys(camera_section, {"detect", "zone"}, "without a model", warnings);
}

}  // namespace uniad::rtsp
