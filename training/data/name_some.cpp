// SPDX-License-Identifier: Apache-2.0
#include "training/data/name_some.h"

#include <algorithm>
#include <cstddef>

namespace uniad {

std::string name_some(std::span<const std::string> names, const std::string &what) {
  return std::to_string(names.size()) + " " + what + ": " + list_some(names);
}

std::string list_some(std::span<const std::string> names) {
  constexpr std::size_t most = 5;
  std::string text;
  for (const std::string &name : names.first(std::min(most, names.size())))
    text += (text.empty() ? "" : ", ") + name;
  if (names.size() > most) text += " and " + std::to_string(names.size() - most) + " more";
  return text;
}

}  // namespace uniad
