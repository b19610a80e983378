// SPDX-License-Identifier: Apache-2.0
// Draws the results of a frame on it.
#pragma once

#include <gst/video/video.h>

#include <memory>
#include <optional>
#include <vector>

#include "gst-plugin/drawing/canvas.h"
#include "gst-plugin/drawing/drawing.h"
#include "gst-plugin/drawing/painter.h"

namespace uniad {

// Those that the buffer carries.
std::vector<Result> results_of(GstBuffer *buffer);

struct UnmapVideoFrame {
  void operator()(GstVideoFrame *frame) const {
    gst_video_frame_unmap(frame);
    delete frame;
  }
};

// Maps it for reading and writing. Null unless the buffer contains a frame that matches `info`.
std::unique_ptr<GstVideoFrame, UnmapVideoFrame> map_frame_to_draw(GstBuffer *buffer,
                                                                  const GstVideoInfo &info);

// Draws on frames of one format, which Painter can paint. What does not change from one frame to the next is
// not drawn anew.
class FrameDrawing {
 public:
  explicit FrameDrawing(const GstVideoInfo &info);

  // Returns whether there is anything to draw.
  bool prepare(std::vector<Result> results, const Style &style);

  // Draws what has been prepared.
  void paint(GstVideoFrame &frame);

  // The same, for painting elsewhere.
  Painter &painter() { return painter_; }
  const std::vector<Heat> &heats() const { return heats_; }
  const Canvas &canvas() const { return *canvas_; }

 private:
  GstVideoInfo info_;
  Painter painter_;
  OverlayRenderer renderer_;
  std::unique_ptr<Canvas> canvas_;  // created with the first results
  std::vector<Heat> heats_;

  // What is on the canvas.
  std::vector<Result> drawn_;
  Style drawn_style_;
};

}  // namespace uniad
