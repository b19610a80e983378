// SPDX-License-Identifier: Apache-2.0
// Reads typed values from a table of the configuration, with errors that name file, line and key.
#pragma once

#include <toml++/toml.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "model/base/error.h"

namespace uniad::rtsp {

// A table of the file, with its description in error messages.
struct Section {
  const toml::table &table;
  std::string title;                  // "[server]", "[[camera]] number 2"
  const std::filesystem::path &file;  // empty: there is none

  std::string where(const toml::node &node, std::string_view key) const;
};

// Each of these returns nothing, or the fallback, if the key is absent, and throws Error if its value is not
// valid.
template <typename T>
std::optional<T> read(const Section &section, std::string_view key, const char *hint) {
  const toml::node *node = section.table.get(key);
  if (node == nullptr) return std::nullopt;
  // An integer is accepted as a floating-point number. No other type is converted.
  const bool fits = std::is_same_v<T, double> ? node->is_number() : node->is<T>();
  if (!fits) throw Error(ErrorKind::InvalidArgument, section.where(*node, key), "is of the wrong type", hint);
  return node->value<T>();
}
std::optional<std::string> read_text(const Section &section, std::string_view key, const char *hint);
std::int64_t read_whole(const Section &section, std::string_view key, std::int64_t least, std::int64_t most,
                        std::int64_t fallback);
std::optional<std::chrono::nanoseconds> read_time(const Section &section, std::string_view key,
                                                  std::chrono::seconds least, std::chrono::seconds most);
std::uint64_t read_size(const Section &section, std::string_view key);  // 0: absent

// Paths in the text are relative to the folder of the file.
std::string absolute_path(const Section &section, const std::string &path);

void warn_of_unknown_keys(const Section &section, std::initializer_list<std::string_view> known,
                          std::vector<std::string> &warnings);
void warn_of_useless_keys(const Section &section, std::initializer_list<std::string_view> useless,
                          const char *without, std::vector<std::string> &warnings);

}  // namespace uniad::rtsp
