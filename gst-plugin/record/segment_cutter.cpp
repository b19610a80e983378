// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/record/segment_cutter.h"

#include <utility>

namespace uniad {

SegmentCutter::SegmentCutter(GstClockTime length, std::string source, std::unique_ptr<ClipWriter> writer)
    : length_(length), source_(std::move(source)), writer_(std::move(writer)) {}

void SegmentCutter::set_source(const std::string &source) {
  if (!source.empty()) source_ = source;
}

void SegmentCutter::begin(const EncodedFrame &frame) {
  Clip segment;
  segment.source = source_;
  segment.time = frame.captured;
  if (!writer_->begin(std::move(segment))) return;
  stretch_ = frame.stretch;
  begin_ = frame.time;
  has_begun_ = true;
  has_asked_ = false;
}

void SegmentCutter::keep(const std::vector<Event> &events) {
  constexpr std::size_t enough = 1000;
  waiting_.insert(waiting_.end(), events.begin(), events.end());
  if (waiting_.size() > enough) waiting_.erase(waiting_.begin(), waiting_.end() - enough);
}

// Frames before the first key frame cannot be decoded by anyone; later ones are a loss.
void SegmentCutter::skip(const EncodedFrame &frame) {
  if (frame.events) keep(*frame.events);
  if (has_begun_) writer_->lose_frame();
  misses_key_frame_ = true;
}

void SegmentCutter::take(const EncodedFrame &frame) {
  const bool is_due = frame.is_key && frame.time >= begin_ + length_;
  if (stretch_ && (stretch_ != frame.stretch || is_due)) interrupt({});
  if (!stretch_ && frame.is_key) begin(frame);
  if (!stretch_) {
    skip(frame);
    return;
  }
  EncodedFrame with_events = frame;
  if (!waiting_.empty()) {
    auto events = std::make_shared<std::vector<Event>>(std::exchange(waiting_, {}));
    if (frame.events) events->insert(events->end(), frame.events->begin(), frame.events->end());
    with_events.events = std::move(events);
  }
  if (writer_->add(with_events)) return;
  if (with_events.events) waiting_ = *with_events.events;
  interrupt({});
}

void SegmentCutter::interrupt(std::vector<Event> events) {
  if (!stretch_) {
    keep(events);
    return;
  }
  writer_->end(std::move(events));
  stretch_.reset();
}

bool SegmentCutter::misses_key_frame() {
  return misses_key_frame_ && !stretch_ && !std::exchange(has_asked_, true);
}

}  // namespace uniad
