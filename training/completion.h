// SPDX-License-Identifier: Apache-2.0
// Completion for bash.
#pragma once

#include <CLI/App.hpp>
#include <string>

namespace uniad {

// A bash completion script for commands and options; it works in zsh after `bashcompinit`.
std::string bash_completion(const CLI::App &app);

}  // namespace uniad
