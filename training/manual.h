// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/App.hpp>
#include <string>

namespace uniad {

// The table of options as a man page (troff), and as the README's section (Markdown).
std::string man_page(const CLI::App &app);
std::string markdown(const CLI::App &app);

}  // namespace uniad
