// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/drawing/frame_drawing.h"

#include <utility>

#include "gst-plugin/meta/gstanomalymeta.h"

namespace uniad {

std::vector<Result> results_of(GstBuffer *buffer) {
  std::vector<Result> results;
  gpointer position = nullptr;
  while (GstMeta *meta = gst_buffer_iterate_meta_filtered(buffer, &position, GST_ANOMALY_META_API_TYPE))
    results.push_back(result_of(*reinterpret_cast<GstAnomalyMeta *>(meta)));
  return results;
}

std::unique_ptr<GstVideoFrame, UnmapVideoFrame> map_frame_to_draw(GstBuffer *buffer,
                                                                  const GstVideoInfo &info) {
  auto frame = std::make_unique<GstVideoFrame>();
  if (!gst_video_frame_map(frame.get(), &info, buffer, GST_MAP_READWRITE)) return nullptr;
  std::unique_ptr<GstVideoFrame, UnmapVideoFrame> mapped(frame.release());
  if (GST_VIDEO_FRAME_FORMAT(mapped) != GST_VIDEO_INFO_FORMAT(&info) ||
      GST_VIDEO_FRAME_WIDTH(mapped) != GST_VIDEO_INFO_WIDTH(&info) ||
      GST_VIDEO_FRAME_HEIGHT(mapped) < GST_VIDEO_INFO_FIELD_HEIGHT(&info))
    return nullptr;
  return mapped;
}

FrameDrawing::FrameDrawing(const GstVideoInfo &info) : info_(info), painter_(info) {}

bool FrameDrawing::prepare(std::vector<Result> results, const Style &style) {
  heats_.clear();
  if (results.empty()) return false;
  for (const Result &result : results) {
    if (auto heat = heat_of(result, style)) heats_.push_back(std::move(*heat));
  }
  if (!canvas_)
    canvas_ = std::make_unique<Canvas>(GST_VIDEO_INFO_WIDTH(&info_), GST_VIDEO_INFO_FIELD_HEIGHT(&info_));
  if (results != drawn_ || style != drawn_style_) {
    renderer_.draw(results, style, *canvas_);
    drawn_ = std::move(results);
    drawn_style_ = style;
  }
  return !heats_.empty() || !canvas_->empty();
}

void FrameDrawing::paint(GstVideoFrame &frame) {
  for (const Heat &heat : heats_) painter_.paint(frame, heat);
  painter_.paint(frame, *canvas_);
}

}  // namespace uniad
