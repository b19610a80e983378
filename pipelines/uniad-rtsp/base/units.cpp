// SPDX-License-Identifier: Apache-2.0
#include "pipelines/uniad-rtsp/base/units.h"

#include <charconv>
#include <initializer_list>
#include <system_error>
#include <utility>

namespace uniad::rtsp {
namespace {

std::optional<double> with_unit(std::string_view text,
                                std::initializer_list<std::pair<std::string_view, double>> units) {
  double number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
  if (text.starts_with(' ')) text.remove_prefix(1);
  for (const auto &[unit, size] : units)
    if (text == unit) return number * size;
  return std::nullopt;
}

}  // namespace

std::optional<std::chrono::duration<double>> parse_time(std::string_view text) {
  const auto time = with_unit(text, {{"ms", 1e-3}, {"s", 1}, {"min", 60}, {"h", 3600}});
  if (!time) return std::nullopt;
  return std::chrono::duration<double>(*time);
}

std::optional<double> parse_size(std::string_view text) {
  return with_unit(text, {{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}});
}

}  // namespace uniad::rtsp
