// SPDX-License-Identifier: Apache-2.0
// Converts text, pictures and numbers to HTML.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace uniad {

// Escapes any bytes as text of a page; bytes that are not UTF-8 are replaced.
std::string escape_html(const std::string &text);

// A picture as the value of src.
std::string data_url(std::span<const std::uint8_t> jpeg);

// With this many decimals, independent of the locale.
std::string decimal(double value, int digits);

}  // namespace uniad
