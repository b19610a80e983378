// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

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

}  // namespace uniad
