// SPDX-License-Identifier: Apache-2.0
#include "model/engine/learning_base.h"

#include <chrono>
#include <nlohmann/json.hpp>

#include "model/base/error.h"
#include "model/base/json_text.h"

namespace uniad {
namespace {

constexpr const char *base_entry = "uniad.base";
constexpr std::chrono::hours longest_interruption{7 * 24};  // later, the scene may have changed

std::int64_t now_in_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

void store_base(const LearningBase &base, TensorFile &stored) {
  stored.metadata[base_entry] = json_text(nlohmann::json{{"network", base.network},
                                                         {"known", base.known},
                                                         {"written", now_in_seconds()},
                                                         {"version", UNIAD_VERSION}});
}

void require_base(const TensorFile &stored, const LearningBase &base, const std::string &where) {
  const auto found = stored.metadata.find(base_entry);
  const nlohmann::json entry =
      found == stored.metadata.end()
          ? nlohmann::json()
          : nlohmann::json::parse(found->second, nullptr, /*allow_exceptions=*/false);
  const auto is = [&](const char *name, std::uint64_t value) {
    return entry.is_object() && entry.contains(name) && entry[name].is_number_unsigned() &&
           entry[name].get<std::uint64_t>() == value;
  };
  const auto refuse = [&](const std::string &why) {
    throw Error(ErrorKind::InvalidArgument, where, why, "learn again");
  };
  if (!is("network", base.network)) refuse("it was learned on another network or backbone");
  if (!is("known", base.known)) refuse("the model has changed since");
  if (!entry.contains("written") || !entry["written"].is_number_integer() ||
      now_in_seconds() - entry["written"].get<std::int64_t>() >
          std::chrono::seconds(longest_interruption).count())
    refuse("it is more than a week old");
}

}  // namespace uniad
