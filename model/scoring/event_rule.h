// SPDX-License-Identifier: Apache-2.0
// Joins anomalous frames into events.
#pragma once

#include <chrono>
#include <optional>
#include <utility>

namespace uniad {

// Anomalous frames that are at most this far apart belong to one event, both in pipelines and as alarms in
// `uniad evaluate`.
inline constexpr std::chrono::seconds default_hold_time{1};

// The frame rate that is assumed for streams without timestamps and without a frame rate.
inline constexpr int assumed_frame_rate = 25;

// Joins the anomalous frames of one stream into events: an event begins with the first anomalous frame and
// ends once none has been anomalous for the hold time.
class EventRule {
 public:
  enum class Step { None, Begin, Ongoing, End };

  // Processes the next judged frame; time must not decrease.
  Step advance(bool anomalous, std::chrono::nanoseconds time, std::chrono::nanoseconds hold_time) {
    if (anomalous) return std::exchange(newest_anomalous_, time) ? Step::Ongoing : Step::Begin;
    if (!newest_anomalous_) return Step::None;
    if (time - *newest_anomalous_ < hold_time) return Step::Ongoing;
    newest_anomalous_.reset();
    return Step::End;
  }

  bool open() const { return newest_anomalous_.has_value(); }
  void reset() { newest_anomalous_.reset(); }

 private:
  std::optional<std::chrono::nanoseconds> newest_anomalous_;
};

}  // namespace uniad
