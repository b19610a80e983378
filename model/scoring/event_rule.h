// SPDX-License-Identifier: Apache-2.0
// Decides from the judged frames of one stream when an event begins and when it ends.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace uniad {

// Frames without timestamps and without a frame rate are assumed to come at this rate.
inline constexpr int assumed_frame_rate = 25;

// The number of the newest judged frames that must reach the threshold before an event begins.
struct EventConfirm {
  static constexpr int most = 1000;

  int frames = 1;  // 1..of
  int of = 1;      // 1..most

  bool operator==(const EventConfirm &) const = default;
};

// Parses "3/5", or "3" if all must reach it. Throws Error.
EventConfirm event_confirm_of(std::string_view text);
std::string text_of(const EventConfirm &confirm);

// When an event is worth reporting. The defaults are those of recorded streams; uniaddetect confirms events
// of live streams with `live_confirm`.
struct EventRules {
  EventConfirm confirm;
  std::chrono::nanoseconds hold = std::chrono::seconds(1);  // below the release threshold before it ends
  double release = 0.9;                      // the release threshold, as a share of the threshold, 0..1
  std::chrono::nanoseconds cooldown{0};      // after an end before the next event can begin
  std::chrono::nanoseconds min_duration{0};  // from its first frame; shorter events are not reported
};
inline constexpr EventConfirm live_confirm{2, 3};

// What a judged frame means for events of one kind.
enum class FrameLevel {
  Normal,   // below the release threshold
  Raised,   // below the threshold, at or above the release threshold: can only continue an event
  Abnormal  // at or above the threshold
};

FrameLevel level_of(double score, double threshold, double release);

// The events of one kind in one stream, one after the other:
//
// - An event is confirmed by an abnormal frame with which `confirm.frames` of the `confirm.of` newest judged
//   frames are abnormal. Its first frame is the oldest abnormal one of these. Frames of an earlier event and
//   of its cool-down do not count.
// - It begins once it is confirmed and a frame that is not normal comes `min_duration` after its first frame
//   or later.
// - It ends with the first normal frame that comes `hold` after the newest frame that was not normal, or
//   later. If it has not begun by then, there was no event.
// - For `cooldown` after an end, no frame counts.
class EventRule {
 public:
  enum class Step {
    None,     // the frame belongs to no event
    Pending,  // to one that is confirmed, but has not lasted for `min_duration`
    Begin,    // it begins an event, which includes the frames from first_frame() on
    Ongoing,
    End,
  };

  // Processes the next judged frame; time must not decrease. The rules may change from frame to frame.
  Step advance(FrameLevel level, std::chrono::nanoseconds time, const EventRules &rules);

  // The number, among all frames processed, of the first frame of the event; without an event, that of the
  // oldest abnormal frame that still counts towards the next one, or of the next frame.
  std::uint64_t first_frame() const;
  // The number of the next frame.
  std::uint64_t next_frame() const { return frames_; }

  bool open() const { return state_ == State::Open; }

  // Forgets the event and the frames that count towards the next one, but not the cool-down.
  void reset();
  // Ends an open event now, for another reason than its frames, so that its cool-down begins.
  void end(std::chrono::nanoseconds time);

 private:
  enum class State { Closed, Pending, Open };
  struct AbnormalFrame {
    std::uint64_t number;
    std::chrono::nanoseconds time;
  };

  bool is_cooling_down(std::chrono::nanoseconds time, std::chrono::nanoseconds cooldown);
  Step look_for_event(FrameLevel level, std::chrono::nanoseconds time, const EventRules &rules);
  Step begin_if_long_enough(std::chrono::nanoseconds time, std::chrono::nanoseconds min_duration);

  State state_ = State::Closed;
  std::uint64_t frames_ = 0;
  std::deque<AbnormalFrame> abnormal_;  // that count towards the next event, oldest first
  AbnormalFrame first_{};               // of the event
  std::chrono::nanoseconds newest_raised_{0};
  std::chrono::nanoseconds ended_{0};
  bool has_ended_ = false;  // an event whose cool-down may not be over
};

}  // namespace uniad
