// SPDX-License-Identifier: Apache-2.0
#include "model/file/interrupted_learning.h"

#include <array>
#include <cstdio>

#include "model/file/fingerprint.h"

namespace uniad {
namespace {

// Independent of the locale.
bool is_plain(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
         (letter >= '0' && letter <= '9') || letter == '-' || letter == '_' || letter == '.';
}

}  // namespace

std::filesystem::path interrupted_learning_path(const std::filesystem::path &model,
                                                const std::string &source) {
  constexpr std::size_t longest = 80;
  std::string name;
  for (const char letter : source) {
    std::array<char, 4> escaped{};
    std::snprintf(escaped.data(), escaped.size(), "%%%02X",
                  static_cast<unsigned>(static_cast<unsigned char>(letter)));
    name += is_plain(letter) ? std::string(1, letter) : std::string(escaped.data());
  }
  if (name.size() > longest) {
    Fingerprint fingerprint;
    fingerprint.add(source);
    name = name.substr(0, longest) + "-" + std::to_string(fingerprint.value());
  }
  return model.string() + "." + name + ".learning";
}

}  // namespace uniad
