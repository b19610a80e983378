// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/record/result_carrier.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "gst-plugin/base/ref.h"
#include "gst-plugin/embed/nal_format.h"
#include "gst-plugin/events/anomaly_json.h"
#include "gst-plugin/meta/gstanomalymeta.h"

namespace uniad {

namespace {

std::vector<std::string> lines_of(GstBuffer *buffer) {
  std::vector<std::string> lines;
  gpointer position = nullptr;
  while (GstMeta *item = gst_buffer_iterate_meta_filtered(buffer, &position, GST_ANOMALY_META_API_TYPE))
    lines.push_back(anomaly_json_at_detector(*reinterpret_cast<GstAnomalyMeta *>(item), buffer));
  return lines;
}

// The states reach this element before their frames, but frames may be decoded in another order than they are
// shown in: then the frame of a state comes a little later.
bool may_still_come(GstClockTime pts, const EncodedFrame &frame) {
  const GstAnomalyMeta *meta = gst_buffer_get_anomaly_meta(frame.buffer.get());
  if (!GST_CLOCK_TIME_IS_VALID(pts) || meta == nullptr || !GST_CLOCK_TIME_IS_VALID(meta->pts)) return false;
  if (meta->pts <= pts) return meta->pts < pts;
  // No later frame is shown before this one is decoded.
  const GstClockTime ahead = frame.shown() - std::min(frame.shown(), frame.time);
  return pts + ahead > meta->pts;
}

std::shared_ptr<GstBuffer> with_user_data(GstBuffer *buffer, const UserData &data) {
  GstBuffer *copy = gst_buffer_new();
  constexpr auto all = static_cast<GstBufferCopyFlags>(GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS |
                                                       GST_BUFFER_COPY_MEMORY);
  gst_buffer_copy_into(copy, buffer, all, 0, data.place);
  GST_BUFFER_DURATION(copy) = GST_BUFFER_DURATION(buffer);  // which copying a part leaves out
  GstBuffer *units = gst_buffer_new_memdup(data.nal_units.data(), data.nal_units.size());
  copy = gst_buffer_append(copy, units);
  gst_buffer_copy_into(copy, buffer, GST_BUFFER_COPY_MEMORY, data.place, static_cast<gsize>(-1));
  return {copy, gst_buffer_unref};
}

std::optional<UserData> user_data_for(GstBuffer *buffer, NalFormat format, const std::string &text) {
  GstMapInfo map;
  if (gst_buffer_map(buffer, &map, GST_MAP_READ) == FALSE) return std::nullopt;
  auto data = user_data_for({map.data, map.size}, format, results_uuid, text);
  gst_buffer_unmap(buffer, &map);
  return data;
}

}  // namespace

ResultCarrier::ResultCarrier(const EncodedFrame &first, std::string beside)
    : format_(nal_format_of(gst_caps_get_structure(first.stretch->caps.get(), 0))),
      beside_(std::move(beside)) {}

std::vector<std::string> ResultCarrier::due_events(const EncodedFrame &frame) {
  if (frame.events) waiting_.insert(waiting_.end(), frame.events->begin(), frame.events->end());
  std::vector<std::string> lines;
  while (!waiting_.empty() && !may_still_come(waiting_.front().frame_pts, frame)) {
    lines.push_back(event_json(waiting_.front()));
    waiting_.erase(waiting_.begin());
  }
  return lines;
}

std::optional<EncodedFrame> ResultCarrier::add(EncodedFrame frame) {
  std::optional<EncodedFrame> before = release();
  results_.events_before = due_events(frame);
  results_.frames = lines_of(frame.buffer.get());
  frame_ = std::move(frame);
  return before;
}

std::optional<EncodedFrame> ResultCarrier::finish(const std::vector<Event> &events) {
  for (const Event &event : waiting_) results_.events_after.push_back(event_json(event));
  for (const Event &event : events) results_.events_after.push_back(event_json(event));
  return release();
}

std::optional<EncodedFrame> ResultCarrier::release() {
  if (!frame_) return std::nullopt;
  if (!results_.empty()) {
    const std::string text = text_of(results_);
    if (const auto data = format_ ? user_data_for(frame_->buffer.get(), *format_, text) : std::nullopt) {
      frame_->buffer = with_user_data(frame_->buffer.get(), *data);
    } else {
      if (!lines_) lines_ = std::make_unique<LineFile>(beside_);
      lines_->write(text);
    }
  }
  results_ = {};
  return std::exchange(frame_, std::nullopt);
}

}  // namespace uniad
