// SPDX-License-Identifier: Apache-2.0
// Options from TOML files.
#pragma once

#include <toml++/toml.h>

#include <CLI/App.hpp>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace uniad {

// Reads a TOML file. Throws Error naming the file, the line and the reason.
toml::table read_toml(const std::filesystem::path &file);

// Converts the keys of a TOML table to arguments of `command`. A key has the name of a long option
// ("mask-size" or "mask_size" for --mask-size), an array contains several values, true sets a flag, and
// nested tables are for grouping only. Throws Error for a key that is not an option (with the closest option)
// and for an invalid value.
std::vector<std::string> arguments_of(const toml::table &table, const CLI::App &command,
                                      const std::filesystem::path &file);

// Adds the options from the file given by `--config FILE` to a command line, unless the command line sets
// them.
std::vector<std::string> with_config(std::span<const std::string> arguments, const CLI::App &app);

}  // namespace uniad
