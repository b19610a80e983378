// SPDX-License-Identifier: Apache-2.0
// The man page and the page docs/uniad.md, from the table of options.
#pragma once

#include <CLI/App.hpp>
#include <string>

namespace uniad {

// The table of options as a man page (troff) and as docs/uniad.md (Markdown).
std::string man_page(const CLI::App &app);
std::string markdown(const CLI::App &app);

}  // namespace uniad
