// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gst-plugin/event.h"

namespace uniad {

// What is to be written for one frame.
struct FrameEntry {
  std::vector<Event> before;  // states that no frame carries: a line each, ahead of the frame's
  // Of the frame's event, for its own line: each begin and each end once.
  GstAnomalyEventState state = GST_ANOMALY_EVENT_NONE;
};

// Sees to it that each begin and each end of an event is written exactly once, whatever lies between the
// detector and the publisher. Both ways on which they come can fail: queues that leak and valves drop events
// of the stream, and elements that change the rate drop frames, double them and hold them back. What came on
// neither is concluded from the frames that follow.
class EventLedger {
 public:
  // A state that came in the stream. Gives the states to write now: with `at_once` this one too; without, it
  // waits for the frame that carries it.
  std::vector<Event> take(const Event &event, bool at_once);

  // A frame's result. With `at_once` each state that is new is in `before`, as no frame has a line.
  FrameEntry take(const GstAnomalyMeta &meta, GstClockTime pts, bool at_once);

  // The states to write where the stream ends or breaks: ends of all events that are open.
  std::vector<Event> close(const char *reason);

 private:
  // The events of one detector, one after the other.
  struct Account {
    std::optional<Event> open;
    bool begin_written = false;
    std::optional<Event> end;         // came in the stream and waits for its frame
    std::deque<std::string> written;  // ids of the newest events whose end is written

    bool is_written(const std::string &id) const;
    void begin(const Event &event);
    void update(const Event &event);
    void write_begin(std::vector<Event> &lines);
    void write_end(std::vector<Event> &lines, const char *reason);
    void forget();
  };

  Account &account_of(const std::string &session, const std::string &source);

  std::map<std::string, Account> accounts_;
};

}  // namespace uniad
