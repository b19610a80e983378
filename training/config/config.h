// SPDX-License-Identifier: Apache-2.0
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

// The keys of a TOML table as arguments of `command`, whose long options they are named after ("mask-size" or
// "mask_size" for --mask-size): an array gives an option its values, true sets a flag, tables within only
// group. Throws Error for a key that is no option (with the nearest that is) and for a value of no use.
std::vector<std::string> arguments_of(const toml::table &table, const CLI::App &command,
                                      const std::filesystem::path &file);

// A command line whose `--config FILE` is followed up: what the file says is there too, unless the command
// line says it itself.
std::vector<std::string> with_config(std::span<const std::string> arguments, const CLI::App &app);

}  // namespace uniad
