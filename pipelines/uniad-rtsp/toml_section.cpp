// SPDX-License-Identifier: Apache-2.0
#include "pipelines/uniad-rtsp/toml_section.h"

#include <algorithm>

#include "model/base/address.h"
#include "pipelines/uniad-rtsp/base/units.h"

namespace uniad::rtsp {

std::string Section::where(const toml::node &node, std::string_view key) const {
  const std::string line =
      file.empty() ? "" : file.string() + ":" + std::to_string(node.source().begin.line) + ": ";
  return line + title + " " + std::string(key);
}

std::optional<std::string> read_text(const Section &section, std::string_view key, const char *hint) {
  auto text = read<std::string>(section, key, hint);
  if (text && (text->empty() || text->find('\0') != std::string::npos))
    throw Error(ErrorKind::InvalidArgument, section.where(*section.table.get(key), key),
                "is empty or contains a zero byte", hint);
  return text;
}

std::int64_t read_whole(const Section &section, std::string_view key, std::int64_t least, std::int64_t most,
                        std::int64_t fallback) {
  const std::string hint =
      "give a whole number from " + std::to_string(least) + " to " + std::to_string(most);
  const auto number = read<std::int64_t>(section, key, hint.c_str());
  if (number && (*number < least || *number > most))
    throw Error(ErrorKind::InvalidArgument, section.where(*section.table.get(key), key),
                std::to_string(*number) + " is out of range", hint);
  return number.value_or(fallback);
}

std::optional<std::chrono::nanoseconds> read_time(const Section &section, std::string_view key,
                                                  std::chrono::seconds least, std::chrono::seconds most) {
  const auto text = read_text(section, key, time_ways);
  if (!text) return std::nullopt;
  const auto time = parse_time(*text);
  const std::string where = section.where(*section.table.get(key), key);
  if (!time) throw Error(ErrorKind::InvalidArgument, where, "\"" + *text + "\" is not a time", time_ways);
  if (!(*time >= least && *time <= most))
    throw Error(
        ErrorKind::InvalidArgument, where, "\"" + *text + "\" is out of range",
        "give a time from " + std::to_string(least.count()) + "s to " + std::to_string(most.count()) + "s");
  return std::chrono::duration_cast<std::chrono::nanoseconds>(*time);
}

std::uint64_t read_size(const Section &section, std::string_view key) {
  constexpr auto hint = "give a size with its unit, e.g. \"100MB\"";
  const auto text = read_text(section, key, hint);
  if (!text) return 0;
  const auto size = parse_size(*text);
  const bool is_size = size && *size >= 1e3 && *size <= 1e15;
  if (!is_size)
    throw Error(ErrorKind::InvalidArgument, section.where(*section.table.get(key), key),
                "\"" + *text + "\" is not a size of at least 1kB", hint);
  return static_cast<std::uint64_t>(*size);
}

void warn_of_unknown_keys(const Section &section, std::initializer_list<std::string_view> known,
                          std::vector<std::string> &warnings) {
  for (const auto &[key, node] : section.table)
    if (std::find(known.begin(), known.end(), key.str()) == known.end())
      warnings.push_back(section.where(node, without_credentials(std::string(key.str()))) +
                         ": unknown key, ignored");
}

void warn_of_useless_keys(const Section &section, std::initializer_list<std::string_view> useless,
                          const char *without, std::vector<std::string> &warnings) {
  for (const auto key : useless)
    if (const toml::node *node = section.table.get(key))
      warnings.push_back(section.where(*node, key) + ": has no effect " + without);
}

std::string absolute_path(const Section &section, const std::string &path) {
  return std::filesystem::absolute(section.file.parent_path() / path).lexically_normal().string();
}

}  // namespace uniad::rtsp
