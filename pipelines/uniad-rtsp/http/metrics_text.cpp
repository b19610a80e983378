// SPDX-License-Identifier: Apache-2.0
#include "pipelines/uniad-rtsp/http/metrics_text.h"

#include <array>
#include <charconv>
#include <cmath>

namespace uniad::rtsp {
namespace {

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\\' || c == '"') result += '\\';
    if (c == '\n')
      result += "\\n";
    else
      result += c;
  }
  return result;
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

}  // namespace

void MetricsText::begin(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  text_ += "# HELP " + name_ + " " + std::string(help) + "\n# TYPE " + name_ + " " + std::string(type) + "\n";
}

void MetricsText::add(const Labels &labels, double value) {
  text_ += name_;
  const char *separator = "{";
  for (const auto &[label, content] : labels) {
    text_ += separator + std::string(label) + "=\"" + escaped(content) + "\"";
    separator = ",";
  }
  text_ += (labels.size() > 0 ? "} " : " ") + number(value) + "\n";
}

}  // namespace uniad::rtsp
