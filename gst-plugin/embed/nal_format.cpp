// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/embed/nal_format.h"

#include <string_view>

namespace uniad {

std::optional<NalFormat> nal_format_of(const GstStructure *caps) {
  const bool is_h264 = gst_structure_has_name(caps, "video/x-h264") != FALSE;
  if (!is_h264 && gst_structure_has_name(caps, "video/x-h265") == FALSE) return std::nullopt;
  const NalCodec codec = is_h264 ? NalCodec::H264 : NalCodec::H265;
  const char *format = gst_structure_get_string(caps, "stream-format");
  if (format != nullptr && std::string_view(format) == "byte-stream") return NalFormat{codec, 0};
  const GValue *value = gst_structure_get_value(caps, "codec_data");
  if (value == nullptr || !GST_VALUE_HOLDS_BUFFER(value)) return std::nullopt;
  GstMapInfo map;
  GstBuffer *record = gst_value_get_buffer(value);
  if (record == nullptr || gst_buffer_map(record, &map, GST_MAP_READ) == FALSE) return std::nullopt;
  const auto length_size = nal_length_size(codec, {map.data, map.size});
  gst_buffer_unmap(record, &map);
  return length_size ? std::optional(NalFormat{codec, *length_size}) : std::nullopt;
}

}  // namespace uniad
