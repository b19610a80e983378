// SPDX-License-Identifier: Apache-2.0
// A property of an element that the configuration sets.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

using GstElement = struct _GstElement;  // so that the configuration needs no GStreamer

namespace uniad::rtsp {

struct ElementSetting {
  std::string property;  // as the element names it
  std::variant<bool, std::int64_t, double, std::string> value;
  std::string place;  // file, line and key
};

// Sets the properties. The type and the range of a value are those of the element's property; a property of
// 64 bits also takes a time with a unit, because GStreamer's times are nanoseconds of 64 bits. Throws Error
// with the setting's place.
void apply(const std::vector<ElementSetting> &settings, GstElement *element);

}  // namespace uniad::rtsp
