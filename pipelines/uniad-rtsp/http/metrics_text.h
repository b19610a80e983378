// SPDX-License-Identifier: Apache-2.0
// Writes metrics in the text format of Prometheus, version 0.0.4.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace uniad::rtsp {

class MetricsText {
 public:
  static constexpr auto content_type = "text/plain; version=0.0.4; charset=utf-8";
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  // The samples that follow belong to this metric. type: "counter" or "gauge".
  void begin(std::string_view name, std::string_view type, std::string_view help);
  void add(const Labels &labels, double value);

  const std::string &text() const { return text_; }

 private:
  std::string name_;
  std::string text_;
};

}  // namespace uniad::rtsp
