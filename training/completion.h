// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/App.hpp>
#include <string>

namespace uniad {

// A script that completes commands and options in bash, and in zsh behind `bashcompinit`.
std::string bash_completion(const CLI::App &app);

}  // namespace uniad
