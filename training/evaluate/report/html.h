// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace uniad {

// Any bytes as text of a page: what is not UTF-8 is replaced, what has a meaning in HTML loses it.
std::string escape_html(const std::string &text);

// A picture as the value of src.
std::string data_url(std::span<const std::uint8_t> jpeg);

// With so many digits behind the point, whatever the locale.
std::string decimal(double value, int digits);

}  // namespace uniad
