// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>

namespace uniad {

// The one way that JSON becomes text: on one line, or indented by so many spaces. File systems and command
// lines take names that are not UTF-8 and JSON does not; what is none in them becomes U+FFFD.
template <typename Json>
std::string json_text(const Json &json, int indent = -1) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

// A name as it can be read again from JSON.
inline std::string valid_utf8(const std::string &name) {
  return nlohmann::json::parse(json_text(nlohmann::json(name))).get<std::string>();
}

// Whether a file lies there that holds no JSON objects, and that these would destroy: footage, a model, a
// configuration.
inline bool holds_other_than_json(const std::filesystem::path &path) {
  std::error_code unreadable;
  if (!std::filesystem::is_regular_file(path, unreadable)) return false;
  std::ifstream file(path, std::ios::binary);
  char first = 0;
  return file >> first && first != '{';
}

}  // namespace uniad
