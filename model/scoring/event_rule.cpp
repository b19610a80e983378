// SPDX-License-Identifier: Apache-2.0
#include "model/scoring/event_rule.h"

#include <charconv>
#include <memory>

#include "model/base/error.h"

namespace uniad {
namespace {

// The whole text as a number from 1 to EventConfirm::most; 0 if it is not one.
int number_of(std::string_view text) {
  int number = 0;
  const char *const end = std::to_address(text.end());
  const auto [rest, error] = std::from_chars(std::to_address(text.begin()), end, number);
  return error == std::errc() && rest == end && number >= 1 && number <= EventConfirm::most ? number : 0;
}

}  // namespace

EventConfirm event_confirm_of(std::string_view text) {
  const std::size_t slash = text.find('/');
  EventConfirm confirm;
  confirm.frames = number_of(text.substr(0, slash));
  confirm.of = slash == std::string_view::npos ? confirm.frames : number_of(text.substr(slash + 1));
  if (confirm.frames == 0 || confirm.of < confirm.frames)
    throw Error(ErrorKind::InvalidArgument, "event-confirm", "\"" + std::string(text) + "\" is not N/M",
                "give how many of how many judged frames must be abnormal, for example 2/3; at most " +
                    std::to_string(EventConfirm::most));
  return confirm;
}

std::string text_of(const EventConfirm &confirm) {
  return std::to_string(confirm.frames) + "/" + std::to_string(confirm.of);
}

FrameLevel level_of(double score, double threshold, double release) {
  if (score >= threshold) return FrameLevel::Abnormal;
  return score >= release * threshold ? FrameLevel::Raised : FrameLevel::Normal;
}

EventRule::Step EventRule::advance(FrameLevel level, std::chrono::nanoseconds time, const EventRules &rules) {
  ++frames_;
  if (state_ == State::Closed) return look_for_event(level, time, rules);
  if (level != FrameLevel::Normal) {
    newest_raised_ = time;
    return state_ == State::Open ? Step::Ongoing : begin_if_long_enough(time, rules.min_duration);
  }
  if (time - newest_raised_ < rules.hold) return state_ == State::Open ? Step::Ongoing : Step::Pending;
  const bool was_open = open();
  if (was_open)
    end(time);
  else
    reset();
  return was_open ? Step::End : Step::None;
}

bool EventRule::is_cooling_down(std::chrono::nanoseconds time, std::chrono::nanoseconds cooldown) {
  has_ended_ = has_ended_ && time - ended_ < cooldown;
  return has_ended_;
}

EventRule::Step EventRule::look_for_event(FrameLevel level, std::chrono::nanoseconds time,
                                          const EventRules &rules) {
  if (is_cooling_down(time, rules.cooldown)) return Step::None;
  const auto window = static_cast<std::uint64_t>(rules.confirm.of);
  while (!abnormal_.empty() && abnormal_.front().number + window < frames_) abnormal_.pop_front();
  if (level != FrameLevel::Abnormal) return Step::None;
  abnormal_.push_back({frames_ - 1, time});
  if (abnormal_.size() < static_cast<std::size_t>(rules.confirm.frames)) return Step::None;
  first_ = abnormal_.front();
  abnormal_.clear();
  state_ = State::Pending;
  newest_raised_ = time;
  return begin_if_long_enough(time, rules.min_duration);
}

EventRule::Step EventRule::begin_if_long_enough(std::chrono::nanoseconds time,
                                                std::chrono::nanoseconds min_duration) {
  if (time - first_.time < min_duration) return Step::Pending;
  state_ = State::Open;
  return Step::Begin;
}

std::uint64_t EventRule::first_frame() const {
  if (state_ != State::Closed) return first_.number;
  return abnormal_.empty() ? frames_ : abnormal_.front().number;
}

void EventRule::reset() {
  state_ = State::Closed;
  abnormal_.clear();
}

void EventRule::end(std::chrono::nanoseconds time) {
  reset();
  ended_ = time;
  has_ended_ = true;
}

}  // namespace uniad
