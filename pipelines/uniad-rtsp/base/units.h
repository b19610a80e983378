// SPDX-License-Identifier: Apache-2.0
// Reads quantities that are written with a unit.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace uniad::rtsp {

inline constexpr auto time_ways = "give a time with its unit, e.g. \"10s\", \"500ms\" or \"2min\"";

// "500ms", "1.5 s", "2min" or "1h"; absent if the text is none of these.
std::optional<std::chrono::duration<double>> parse_time(std::string_view text);

// "100MB", in bytes; absent if the text is not a size.
std::optional<double> parse_size(std::string_view text);

}  // namespace uniad::rtsp
