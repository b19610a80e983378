// SPDX-License-Identifier: Apache-2.0
// JSON as text that is always valid UTF-8.
#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>

namespace uniad {

// Serializes JSON, on one line or indented by this many spaces. File systems and command lines allow names
// that are not UTF-8, but JSON does not; invalid bytes become U+FFFD.
template <typename Json>
std::string json_text(const Json &json, int indent = -1) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

// A name as it is read back from JSON.
inline std::string valid_utf8(const std::string &name) {
  return nlohmann::json::parse(json_text(nlohmann::json(name))).get<std::string>();
}

// Whether the file exists and contains anything other than JSON objects, which writing JSON would destroy:
// footage, a model, a configuration.
inline bool holds_other_than_json(const std::filesystem::path &path) {
  std::error_code unreadable;
  if (!std::filesystem::is_regular_file(path, unreadable)) return false;
  std::ifstream file(path, std::ios::binary);
  char first = 0;
  return file >> first && first != '{';
}

}  // namespace uniad
