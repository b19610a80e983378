// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/embed/frame_results.h"

#include <nlohmann/json.hpp>

namespace uniad {

namespace {

// Finds the keys of the outermost object without building it, whatever its size and depth.
class LineReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool is_line() const { return begins_with_object_ && has_version_ && has_source_; }
  bool is_event() const { return is_event_; }

  bool null() override { return take(); }
  bool boolean(bool /*value*/) override { return take(); }
  bool number_integer(number_integer_t value) override { return version(value == 1); }
  bool number_unsigned(number_unsigned_t value) override { return version(value == 1); }
  bool number_float(number_float_t /*value*/, const string_t & /*text*/) override { return take(); }
  bool string(string_t &value) override {
    if (depth_ == 1 && key_ == "type") is_event_ = value == "event";
    if (depth_ == 1 && key_ == "source") has_source_ = true;
    return take();
  }
  bool binary(binary_t & /*value*/) override { return take(); }
  bool start_object(std::size_t /*elements*/) override {
    if (depth_++ == 0) begins_with_object_ = true;
    return true;
  }
  bool key(string_t &name) override {
    if (depth_ == 1) key_ = name;
    return true;
  }
  bool end_object() override { return --depth_ >= 0; }
  bool start_array(std::size_t /*elements*/) override { return ++depth_ > 1; }
  bool end_array() override { return --depth_ >= 0; }
  bool parse_error(std::size_t /*position*/, const std::string & /*token*/,
                   const nlohmann::detail::exception & /*error*/) override {
    return false;
  }

 private:
  bool take() { return depth_ > 0; }
  bool version(bool is_one) {
    if (depth_ == 1 && key_ == "version") has_version_ = is_one;
    return take();
  }

  int depth_ = 0;
  std::string key_;
  bool begins_with_object_ = false;
  bool has_version_ = false;
  bool has_source_ = false;
  bool is_event_ = false;
};

}  // namespace

std::string text_of(const FrameResults &results) {
  std::string text;
  for (const auto *lines : {&results.events_before, &results.frames, &results.events_after})
    for (const std::string &line : *lines) text.append(line) += '\n';
  return text;
}

FrameResults results_of(std::string_view text) {
  FrameResults results;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    LineReader reader;
    if (!nlohmann::json::sax_parse(line.begin(), line.end(), &reader) || !reader.is_line()) {
      ++results.damaged;
      continue;
    }
    auto &lines = !reader.is_event()       ? results.frames
                  : results.frames.empty() ? results.events_before
                                           : results.events_after;
    lines.emplace_back(line);
  }
  return results;
}

}  // namespace uniad
