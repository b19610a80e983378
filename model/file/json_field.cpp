// SPDX-License-Identifier: Apache-2.0
#include "model/file/json_field.h"

namespace uniad {
namespace {

using nlohmann::json;

constexpr std::size_t json_limit = 4'000'000;  // bytes per metadata entry

}  // namespace

json parse_entry(const std::map<std::string, std::string> &metadata, const std::string &key,
                 const std::string &file) {
  const auto entry = metadata.find(key);
  if (entry == metadata.end()) {
    throw Error(ErrorKind::Malformed, file, key + " is missing",
                "this is not a UniAD-GST model: train one, or convert a checkpoint with uniad import");
  }
  if (entry->second.size() > json_limit)
    throw Error(ErrorKind::Malformed, file, key + " is too large", write_again);
  // Each value except the first follows one of these characters.
  const auto values = std::count_if(entry->second.begin(), entry->second.end(), [](char letter) {
    return letter == ',' || letter == '[' || letter == '{';
  });
  if (values > value_limit) throw Error(ErrorKind::Malformed, file, key + " is too large", write_again);
  try {
    return json::parse(entry->second);
  } catch (const json::exception &error) {  // its message quotes the invalid text, which may be long
    throw Error(ErrorKind::Malformed, file, key + " is not JSON: " + std::string(error.what()).substr(0, 200),
                write_again);
  }
}

}  // namespace uniad
