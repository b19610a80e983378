// SPDX-License-Identifier: Apache-2.0
#include "model/scoring/zone_file.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>
#include <utility>

#include "model/base/error.h"
#include "model/scoring/mask_file.h"

namespace uniad {
namespace {

using nlohmann::json;

constexpr std::size_t most_bytes = 16'000'000;
constexpr std::size_t most_name_bytes = 200;
constexpr const char *example =
    R"(write {"zones": [{"name": "door", "kind": "watch", "polygon": [[0.1, 0.2], [0.4, 0.2], [0.4, 0.9]]}]})";

// An iterator over the characters of a text that counts lines, so that the parser's caller knows the current
// line.
class CountedText {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char *;
  using reference = const char &;

  CountedText(const char *at, int *line) : at_(at), line_(line) {}

  reference operator*() const { return *at_; }
  CountedText &operator++() {
    if (*at_++ == '\n') ++*line_;
    return *this;
  }
  CountedText operator++(int) {
    CountedText before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountedText &other) const { return at_ == other.at_; }
  bool operator!=(const CountedText &other) const { return at_ != other.at_; }

 private:
  const char *at_;
  int *line_;
};

// A JSON object, and the lines that contain its keys.
struct Lines {
  int begin = 1;
  std::map<std::string, int> of_key;
};

struct Document {  // NOLINT(bugprone-exception-escape): json moves without throwing
  json root;
  Lines lines;
  std::vector<Lines> zones;  // those of each element of "zones" that is an object, in their order
};

// Follows the parser through the document.
class LineKeeper {
 public:
  explicit LineKeeper(Document &document) : document_(document) {}

  int *line() { return &line_; }

  void see(int depth, json::parse_event_t event, const json &value) {
    constexpr int in_root = 1;
    constexpr int in_zones = 2;
    constexpr int in_zone = 3;
    if (event == json::parse_event_t::object_start && depth == in_zones && of_zones_)
      document_.zones.push_back({line_, {}});
    if (event != json::parse_event_t::key) return;
    const auto &key = value.get_ref<const std::string &>();
    if (depth == in_root) {
      of_zones_ = key == "zones";
      if (of_zones_) document_.zones.clear();  // of a duplicate key, the last value is used
      document_.lines.of_key[key] = line_;
    }
    if (depth == in_zone && of_zones_ && !document_.zones.empty()) document_.zones.back().of_key[key] = line_;
  }

 private:
  Document &document_;
  int line_ = 1;
  bool of_zones_ = false;
};

Error malformed(const std::string &where, const std::string &problem, const std::string &hint = example) {
  return {ErrorKind::Malformed, where, problem, hint};
}

std::string at_line(const std::string &name, int line) {
  return name + ":" + std::to_string(line);
}

// The parser's message without its prefix, which contains a column of the line.
std::string reason_of(const json::parse_error &error) {
  const std::string text = error.what();
  const auto reason = text.find(": ");
  return (reason == std::string::npos ? text : text.substr(reason + 2)).substr(0, 200);
}

Document parse(std::string_view text, const std::string &name) {
  Document document;
  LineKeeper keeper(document);
  const CountedText begin(std::to_address(text.begin()), keeper.line());
  const CountedText end(std::to_address(text.end()), keeper.line());
  try {
    document.root = json::parse(begin, end, [&](int depth, json::parse_event_t event, json &value) {
      keeper.see(depth, event, value);
      return true;
    });
  } catch (const json::parse_error &error) {
    throw malformed(at_line(name, *keeper.line()), "is not JSON: " + reason_of(error));
  } catch (const json::exception &error) {  // a number that a double cannot represent
    throw malformed(at_line(name, *keeper.line()), error.what());
  }
  if (!document.root.is_object()) throw malformed(at_line(name, 1), "is not a JSON object");
  return document;
}

// One object of the document, and the name of its location in messages.
class Section {
 public:
  Section(const json &object, const Lines &lines, std::string name, std::string title)
      : object_(object), lines_(lines), name_(std::move(name)), title_(std::move(title)) {}

  const json *find(const std::string &key) const {
    const auto found = object_.find(key);
    return found == object_.end() ? nullptr : &*found;
  }

  // "zones.json:7: zone 2 ("door"): polygon"
  std::string where(const std::string &key) const {
    const auto line = lines_.of_key.find(key);
    const std::string place = at_line(name_, line == lines_.of_key.end() ? lines_.begin : line->second);
    return place + (title_.empty() ? "" : ": " + title_) + (key.empty() ? "" : ": " + key);
  }

  std::optional<std::string> text(const std::string &key) const {
    const json *value = find(key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_string()) throw malformed(where(key), "is not a string");
    return value->get<std::string>();
  }

  std::optional<double> positive(const std::string &key) const {
    const json *value = find(key);
    if (value == nullptr) return std::nullopt;
    const double number = value->is_number() ? value->get<double>() : 0;
    if (!(number > 0) || !std::isfinite(number))
      throw malformed(where(key), "is not a number above 0", "write a number, such as 1.5");
    return number;
  }

  void warn_of_unknown_keys(std::initializer_list<std::string> known,
                            std::vector<std::string> &warnings) const {
    for (const auto &[key, value] : object_.items())
      if (std::find(known.begin(), known.end(), key) == known.end())
        warnings.push_back(where(key.substr(0, most_name_bytes)) + ": unknown key, ignored");
  }

 private:
  const json &object_;
  const Lines &lines_;
  std::string name_, title_;
};

double coordinate(const json &value, const std::string &where, std::size_t point) {
  const std::string number = "point " + std::to_string(point + 1);
  if (!value.is_number()) throw malformed(where, number + " is not a pair of numbers", "write [x, y]");
  const auto place = value.get<double>();
  if (!(place >= -1 && place <= 2))
    throw malformed(where, number + " is not in 0..1 of the frame",
                    "divide pixels by the width or the height of the frame");
  return place;
}

// Whether a part of the polygon may be in the frame.
bool meets_frame(std::span<const Point> polygon) {
  const auto any = [&](auto is) { return std::any_of(polygon.begin(), polygon.end(), is); };
  return any([](const Point &p) { return p.x > 0; }) && any([](const Point &p) { return p.x < 1; }) &&
         any([](const Point &p) { return p.y > 0; }) && any([](const Point &p) { return p.y < 1; });
}

bool is_flat(std::span<const Point> polygon) {
  const auto on_line = [&](auto member) {
    return std::all_of(polygon.begin(), polygon.end(),
                       [&](const Point &point) { return point.*member == polygon.front().*member; });
  };
  return on_line(&Point::x) || on_line(&Point::y);
}

std::vector<Point> read_polygon(const Section &section, std::vector<std::string> &warnings) {
  const json *value = section.find("polygon");
  const std::string where = section.where("polygon");
  if (value == nullptr) throw malformed(where, "is missing");
  if (!value->is_array()) throw malformed(where, "is not an array of points");
  if (value->size() > most_zone_points)
    throw malformed(where, "has more than " + std::to_string(most_zone_points) + " points",
                    "use fewer points, or a mask");
  std::vector<Point> polygon;
  for (const json &point : *value) {
    if (!point.is_array() || point.size() != 2)
      throw malformed(where, "point " + std::to_string(polygon.size() + 1) + " is not a pair of numbers",
                      "write [x, y]");
    const std::size_t number = polygon.size();
    polygon.push_back({coordinate(point[0], where, number), coordinate(point[1], where, number)});
  }
  if (polygon.size() < 3)
    throw malformed(where, "has " + std::to_string(polygon.size()) + " points", "give at least three");
  if (is_flat(polygon))
    throw malformed(where, "encloses no area", "give three points that are not on a line");
  if (!meets_frame(polygon))
    throw malformed(where, "lies beyond the frame", "give points in 0..1 of the frame");
  const auto beyond = [](const Point &p) { return p.x < 0 || p.x > 1 || p.y < 0 || p.y > 1; };
  if (std::any_of(polygon.begin(), polygon.end(), beyond))
    warnings.push_back(where + ": reaches beyond the frame, where it has no effect");
  return polygon;
}

std::string read_name(const Section &section) {
  std::string name = section.text("name").value_or("");
  const bool printable = std::none_of(name.begin(), name.end(), [](char c) { return c >= 0 && c < ' '; });
  if (name.size() > most_name_bytes || !printable)
    throw malformed(section.where("name"), "is too long or has control characters", "give a short name");
  return name;
}

ZoneKind read_kind(const Section &section) {
  const std::string kind = section.text("kind").value_or("");
  if (kind != "ignore" && kind != "watch")
    throw malformed(section.where("kind"), kind.empty() ? "is missing" : "is unknown: " + kind.substr(0, 50),
                    R"(write "ignore" or "watch")");
  return kind == "watch" ? ZoneKind::Watch : ZoneKind::Ignore;
}

Zone read_zone(const Section &section, std::vector<std::string> &warnings) {
  section.warn_of_unknown_keys({"name", "kind", "polygon", "threshold", "sensitivity"}, warnings);
  Zone zone{read_name(section), read_kind(section), read_polygon(section, warnings),
            section.positive("threshold"), section.positive("sensitivity")};
  if (zone.kind == ZoneKind::Watch && zone.name.empty())
    throw malformed(section.where("name"), "is missing", "give each watch zone a name: events carry it");
  if (zone.threshold && zone.sensitivity)
    throw malformed(section.where("sensitivity"), "does not go together with a threshold",
                    "give one of them: the sensitivity divides the model's threshold");
  if (zone.kind == ZoneKind::Ignore && (zone.threshold || zone.sensitivity))
    warnings.push_back(section.where(zone.threshold ? "threshold" : "sensitivity") +
                       ": has no effect in a zone that is ignored");
  return zone;
}

std::vector<Zone> read_all(const Document &document, const std::string &name,
                           std::vector<std::string> &warnings) {
  const Section root(document.root, document.lines, name, "");
  const json *values = root.find("zones");
  if (values == nullptr) return {};
  if (!values->is_array()) throw malformed(root.where("zones"), "is not an array");
  if (values->size() > most_zones)
    throw malformed(root.where("zones"), "has more than " + std::to_string(most_zones) + " zones",
                    "use fewer zones, or a mask");
  std::vector<Zone> zones;
  std::set<std::string> names;
  std::size_t points = 0;
  for (const json &value : *values) {
    const std::string number = "zone " + std::to_string(zones.size() + 1);
    if (!value.is_object()) throw malformed(root.where("zones"), number + " is not an object");
    const json called = value.value("name", json());
    const std::string title =
        called.is_string() ? number + " (\"" + called.get<std::string>().substr(0, most_name_bytes) + "\")"
                           : number;
    const Section section(value, document.zones.at(zones.size()), name, title);
    zones.push_back(read_zone(section, warnings));
    if (!zones.back().name.empty() && !names.insert(zones.back().name).second)
      throw malformed(section.where("name"), "is the name of another zone, too", "give each its own");
    points += zones.back().polygon.size();
    if (points > most_zone_points)
      throw malformed(
          section.where("polygon"),
          "is one point too many: all zones together have more than " + std::to_string(most_zone_points),
          "use fewer points, or a mask");
  }
  return zones;
}

}  // namespace

ZoneFile parse_zones(std::string_view text, const std::string &name, const std::filesystem::path &folder) {
  const Document document = parse(text, name);
  ZoneFile file;
  const Section root(document.root, document.lines, name, "");
  root.warn_of_unknown_keys({"zones", "mask"}, file.warnings);
  file.zones.zones = read_all(document, name, file.warnings);
  if (const auto mask = root.text("mask")) {
    try {
      file.zones.mask = read_mask(folder / *mask);
    } catch (const Error &error) {
      throw Error(error.kind(), root.where("mask") + ": " + error.where(), error.problem(), error.hint());
    }
    if (std::all_of(file.zones.mask.ignored.begin(), file.zones.mask.ignored.end(),
                    [](std::uint8_t ignored) { return ignored == 1; }))
      file.warnings.push_back(root.where("mask") + ": is all black: nothing is judged");
  }
  return file;
}

ZoneFile read_zones(const std::string &text_or_path) {
  const auto first = text_or_path.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) return {};
  if (text_or_path[first] == '{') return parse_zones(text_or_path, "zones", {});
  const std::filesystem::path path(text_or_path);
  std::error_code failed;
  if (!std::filesystem::is_regular_file(path, failed))
    throw Error(ErrorKind::NotFound, path.string(), "there is no such file of zones",
                "give the path of a JSON file, or JSON that begins with {");
  if (std::filesystem::file_size(path, failed) > most_bytes)
    throw Error(ErrorKind::Malformed, path.string(), "is larger than 16 MB", example);
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file)
    throw Error(ErrorKind::Unreadable, path.string(), "cannot be read", "check the permissions of the file");
  return parse_zones(text, path.string(), path.parent_path());
}

}  // namespace uniad
