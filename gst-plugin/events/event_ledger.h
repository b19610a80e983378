// SPDX-License-Identifier: Apache-2.0
// Makes sure that each begin and each end of an event is published exactly once.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "gst-plugin/events/event.h"

namespace uniad {

// What to write for one frame.
struct FrameEntry {
  std::vector<Event> before;  // states without a frame: one line each, before the line of the frame
  // State of the frame's event for the line of the frame: each begin and each end once.
  GstAnomalyEventState state = GST_ANOMALY_EVENT_NONE;
};

// Makes sure that each begin and each end of an event is written exactly once, whatever elements are between
// the detector and the publisher. Also passes on updates that frames do not carry. States arrive both as
// events of the stream and in the metadata of frames, and both can fail: leaky queues and valves drop events
// of the stream, and elements that change the frame rate drop, duplicate or delay frames. Begins and ends
// that arrive in neither way are inferred from the frames that follow.
class EventLedger {
 public:
  // Takes a state from the stream and returns the states to write now. With `at_once`, or if no frame carries
  // this state, they include it; otherwise it waits for its frame.
  std::vector<Event> take(const Event &event, bool at_once);

  // Takes a frame's result. With `at_once`, each new state is in `before`, because frames have no lines.
  FrameEntry take(const GstAnomalyMeta &meta, GstClockTime pts, bool at_once);

  // The states to write when the stream ends or is interrupted: the ends of all open events.
  std::vector<Event> close(const char *reason);

 private:
  // The events of one kind and zone of one detector, one after the other.
  struct Account {
    std::optional<Event> open;
    bool on_frames = false;  // frames carry the open event: one without it shows that it is over
    bool begin_written = false;
    std::optional<Event> end;         // from the stream, waits for its frame
    std::deque<std::string> written;  // ids of the newest events whose end was written

    bool is_written(const std::string &id) const;
    void begin(const Event &event);
    void update(const Event &event);
    void write_begin(std::vector<Event> &lines);
    void write_end(std::vector<Event> &lines, const char *reason);
    void forget();
  };

  using Key = std::tuple<std::string, std::string, std::string>;  // detector, kind and zone

  Account &account_of(const Event &event);
  void end_what_frames_no_longer_carry(const Event &of_frame, GstClockTime pts, std::vector<Event> &lines);

  std::map<Key, Account> accounts_;
};

}  // namespace uniad
