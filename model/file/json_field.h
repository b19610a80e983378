// SPDX-License-Identifier: Apache-2.0
// Reads values from the JSON of a file, which is not trusted.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/base/error.h"
#include "model/config/choices.h"

namespace uniad {

inline constexpr const char *write_again = "train or import the model again";
inline constexpr std::ptrdiff_t value_limit = 100'000;  // per entry; a source has ten, and its peaks
inline constexpr std::int64_t count_limit = std::numeric_limits<std::int64_t>::max();
inline constexpr double real_limit = 1e30;

// A JSON value and its location, so that every error names the file and the key.
class Field {
 public:
  Field(const nlohmann::json &value, std::string key, const std::string &file)
      : value_(value), key_(std::move(key)), file_(file) {}

  Field operator[](const char *name) const {
    const auto found = find(name);
    if (!found) throw Error(ErrorKind::Malformed, file_, key_ + "." + name + " is missing", write_again);
    return *found;
  }
  std::optional<Field> find(const std::string &name) const {
    if (!value_.is_object()) refuse("is not an object");
    const auto member = value_.find(name);
    if (member == value_.end()) return std::nullopt;
    return Field(*member, key_ + "." + name, file_);
  }
  std::vector<std::pair<std::string, Field>> members() const {
    if (!value_.is_object()) refuse("is not an object");
    std::vector<std::pair<std::string, Field>> all;
    for (const auto &[name, member] : value_.items()) all.emplace_back(name, (*this)[name.c_str()]);
    return all;
  }
  std::vector<Field> elements(std::size_t most = value_limit) const {
    if (!value_.is_array()) refuse("is not an array");
    if (value_.size() > most) refuse("has more than " + std::to_string(most) + " elements");
    std::vector<Field> all;
    for (const nlohmann::json &element : value_) all.emplace_back(element, key_, file_);
    return all;
  }
  double number(double least, double most) const {
    const double number = value_.is_number() ? value_.get<double>() : std::nan("");
    if (!(number >= least && number <= most)) refuse("is not a number within its range");
    return number;
  }
  std::int64_t count(std::int64_t least = 0, std::int64_t most = count_limit) const {
    const bool fits = value_.is_number_integer() &&
                      !(value_.is_number_unsigned() && value_.get<std::uint64_t>() > count_limit);
    if (!fits || value_.get<std::int64_t>() < least || value_.get<std::int64_t>() > most) {
      refuse("is not a whole number within its range");
    }
    return value_.get<std::int64_t>();
  }
  int integer() const {
    constexpr std::int64_t int_limit = std::numeric_limits<int>::max();
    return static_cast<int>(count(-int_limit, int_limit));
  }
  std::uint64_t seed() const {
    if (!value_.is_number_unsigned()) refuse("is not a 64-bit whole number");
    return value_.get<std::uint64_t>();
  }
  bool flag() const {
    if (!value_.is_boolean()) refuse("is neither true nor false");
    return value_.get<bool>();
  }
  std::string text() const {
    if (!value_.is_string()) refuse("is not a string");
    return value_.get<std::string>();
  }
  template <typename Enum>
  Enum choice(const Choices<Enum> &names) const {
    std::string known;
    for (const auto &[value, name] : names) {
      if (value_ == name) return value;
      known += (known.empty() ? "" : ", ") + name;
    }
    refuse("is not one of " + known);
  }
  std::array<float, 3> channels() const {
    const std::vector<Field> fields = elements();
    if (fields.size() != 3) refuse("does not have three numbers");
    std::array<float, 3> numbers{};
    for (std::size_t i = 0; i < 3; ++i) {
      numbers[i] = static_cast<float>(fields[i].number(-real_limit, real_limit));
    }
    return numbers;
  }

 private:
  [[noreturn]] void refuse(const std::string &what) const {
    throw Error(ErrorKind::Malformed, file_, key_ + " " + what, write_again);
  }

  const nlohmann::json &value_;
  std::string key_;
  const std::string &file_;
};

// Parses an entry of a file's metadata. Throws Error if it is missing, too large, or not JSON.
nlohmann::json parse_entry(const std::map<std::string, std::string> &metadata, const std::string &key,
                           const std::string &file);

}  // namespace uniad
