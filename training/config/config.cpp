// SPDX-License-Identifier: Apache-2.0
#include "training/config/config.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <sstream>
#include <system_error>

#include "model/base/address.h"
#include "model/base/error.h"

namespace uniad {
namespace {

std::string place(const toml::node &node, const std::filesystem::path &file) {
  return file.string() + ", line " + std::to_string(node.source().begin.line);
}

// The Levenshtein distance (1966).
std::size_t distance(const std::string &a, const std::string &b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

std::string nearest_option(const std::string &key, const CLI::App &command) {
  std::string nearest;
  for (const CLI::Option *option : command.get_options())
    for (const std::string &name : option->get_lnames())
      if (nearest.empty() || distance(key, name) < distance(key, nearest)) nearest = name;
  return nearest;
}

std::string text_of(const toml::node &value, const std::string &where) {
  if (const auto text = value.value_exact<std::string>()) return *text;
  if (value.is_integer() || value.is_floating_point()) {
    std::ostringstream number;
    number.precision(17);
    if (value.is_integer())
      number << *value.value<std::int64_t>();
    else
      number << *value.value<double>();
    return number.str();
  }
  throw Error(ErrorKind::InvalidArgument, where, "is neither a string nor a number",
              "see uniad train --help for the options");
}

void add_arguments(const toml::table &table, const CLI::App &command, const std::filesystem::path &file,
                   std::vector<std::string> &arguments) {
  for (const auto &[key, value] : table) {
    if (value.is_table()) {
      add_arguments(*value.as_table(), command, file, arguments);
      continue;
    }
    std::string name(key.str());
    std::replace(name.begin(), name.end(), '_', '-');
    const CLI::Option *option = command.get_option_no_throw("--" + name);
    if (option == nullptr || name == "config" || name == "help")
      throw Error(ErrorKind::InvalidArgument, place(value, file),
                  "unknown key \"" + without_credentials(std::string(key.str())) + "\"",
                  "did you mean \"" + nearest_option(name, command) + "\"?");
    const std::string where = place(value, file) + ", " + name;
    if (option->get_items_expected_max() == 0) {  // a flag
      const auto wanted = value.value_exact<bool>();
      if (!wanted)
        throw Error(ErrorKind::InvalidArgument, where, "is neither true nor false",
                    "write " + name + " = true");
      if (*wanted) arguments.push_back("--" + name);
      continue;
    }
    std::vector<std::string> values;
    if (const toml::array *array = value.as_array())
      for (const toml::node &element : *array) values.push_back(text_of(element, where));
    else
      values.push_back(text_of(value, where));
    if (values.empty()) continue;
    arguments.push_back("--" + name);
    if (option->get_expected_max() > 1 && option->get_delimiter() == '\0')
      arguments.insert(arguments.end(), values.begin(), values.end());
    else
      arguments.push_back(CLI::detail::join(values, ","));
  }
}

bool says(std::span<const std::string> arguments, const std::string &option) {
  return std::any_of(arguments.begin(), arguments.end(), [&](const std::string &argument) {
    return argument == option || argument.starts_with(option + "=");
  });
}

std::optional<std::filesystem::path> config_in(std::span<const std::string> arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--config" && i + 1 < arguments.size()) return arguments[i + 1];
    if (arguments[i].starts_with("--config=")) return arguments[i].substr(9);
  }
  return std::nullopt;
}

}  // namespace

toml::table read_toml(const std::filesystem::path &file) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error))
    throw Error(ErrorKind::NotFound, file.string(), "no such file", "check the path");
  try {
    return toml::parse_file(file.string());
  } catch (const toml::parse_error &failure) {
    throw Error(ErrorKind::InvalidArgument,
                file.string() + ", line " + std::to_string(failure.source().begin.line),
                without_credentials(std::string(failure.description())), "it must be TOML: key = value");
  }
}

std::vector<std::string> arguments_of(const toml::table &table, const CLI::App &command,
                                      const std::filesystem::path &file) {
  std::vector<std::string> arguments;
  add_arguments(table, command, file, arguments);
  return arguments;
}

std::vector<std::string> with_config(std::span<const std::string> arguments, const CLI::App &app) {
  std::vector<std::string> all(arguments.begin(), arguments.end());
  const auto file = config_in(arguments);
  if (all.empty() || !file) return all;
  const auto named =
      app.get_subcommands([&](const CLI::App *command) { return command->check_name(all.front()); });
  if (named.empty() || named.front()->get_option_no_throw("--config") == nullptr) return all;
  const CLI::App *command = named.front();
  const std::vector<std::string> configured = arguments_of(read_toml(*file), *command, *file);
  bool taken = false;
  for (const std::string &argument : configured) {
    // Arguments that start with two dashes are taken for options, never for values.
    if (argument.starts_with("--")) taken = !says(arguments, argument);
    if (taken) all.push_back(argument);
  }
  return all;
}

}  // namespace uniad
