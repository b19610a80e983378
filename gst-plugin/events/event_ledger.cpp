// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/events/event_ledger.h"

#include <algorithm>
#include <utility>

namespace uniad {

namespace {

constexpr const char *lost = "lost";

// Each start of a detector has its own session. Detectors other than uniaddetect may have no session.
const std::string &detector_of(const Event &event) {
  return event.session.empty() ? event.source : event.session;
}

// Elements that delay frames let events of the stream overtake frames that precede them.
bool came_before(GstClockTime pts, const Event &event) {
  return GST_CLOCK_TIME_IS_VALID(pts) && GST_CLOCK_TIME_IS_VALID(event.frame_pts) && pts < event.frame_pts;
}

// Fills in the counts for detectors that report only the ids and states of events.
void complete(Event &event, const std::optional<Event> &so_far, GstClockTime pts,
              const GstAnomalyMeta &meta) {
  if (event.frames > 0 || event.id.empty()) return;
  event.moment = {pts, meta.time};
  event.begin = so_far ? so_far->begin : event.moment;
  event.frames = (so_far ? so_far->frames : 0) + (event.state == GST_ANOMALY_EVENT_END ? 0 : 1);
  const bool is_peak = !so_far || event.score > so_far->peak_score;
  event.peak = is_peak ? event.moment : so_far->peak;
  event.peak_score = is_peak ? event.score : so_far->peak_score;
  event.duration = pts_between(event.begin, event.moment);
}

}  // namespace

bool EventLedger::Account::is_written(const std::string &id) const {
  return std::find(written.begin(), written.end(), id) != written.end();
}

void EventLedger::Account::begin(const Event &event) {
  open = event;
  open->state = GST_ANOMALY_EVENT_BEGIN;
  on_frames = event.on_frame;
  begin_written = false;
  end.reset();
}

// Newer states are more complete, but only states from the stream contain regions.
void EventLedger::Account::update(const Event &event) {
  if (event.frames < open->frames) return;
  const bool same_peak = event.peak_regions.empty() && event.peak_score == open->peak_score;
  const Event before = std::exchange(*open, event);
  if (same_peak) open->peak_regions = before.peak_regions;
  open->frame_pts = before.frame_pts;
}

void EventLedger::Account::write_begin(std::vector<Event> &lines) {
  if (std::exchange(begin_written, true)) return;
  Event event = *open;
  if (event.state != GST_ANOMALY_EVENT_BEGIN) {
    event.state = GST_ANOMALY_EVENT_BEGIN;
    event.moment = event.begin;
  }
  event.reason.clear();
  lines.push_back(std::move(event));
}

void EventLedger::Account::write_end(std::vector<Event> &lines, const char *reason) {
  write_begin(lines);
  if (end) {
    lines.push_back(std::move(*end));
  } else {
    open->state = GST_ANOMALY_EVENT_END;
    open->reason = reason;
    lines.push_back(*open);
  }
  forget();
}

void EventLedger::Account::forget() {
  constexpr std::size_t held_back = 16;  // number of ended events that delayed frames can still refer to
  written.push_back(open->id);
  if (written.size() > held_back) written.pop_front();
  open.reset();
  end.reset();
}

EventLedger::Account &EventLedger::account_of(const Event &event) {
  constexpr std::size_t enough = 64;  // each start of a detector has its own accounts
  if (accounts_.size() >= enough)
    std::erase_if(accounts_, [](const auto &item) { return !item.second.open; });
  return accounts_[{detector_of(event), event.kind, event.zone}];
}

std::vector<Event> EventLedger::take(const Event &event, bool at_once) {
  std::vector<Event> lines;
  Account &account = account_of(event);
  if (account.is_written(event.id)) return lines;
  if (account.open && account.open->id != event.id) account.write_end(lines, lost);
  if (!account.open)
    account.begin(event);
  else
    account.update(event);
  if (event.state == GST_ANOMALY_EVENT_END) account.end = event;
  if (!at_once && event.on_frame) return lines;
  account.write_begin(lines);
  if (event.state == GST_ANOMALY_EVENT_ONGOING) lines.push_back(event);
  if (account.end) account.write_end(lines, lost);
  return lines;
}

void EventLedger::end_what_frames_no_longer_carry(const Event &of_frame, GstClockTime pts,
                                                  std::vector<Event> &lines) {
  const std::string &detector = detector_of(of_frame);
  for (auto item = accounts_.lower_bound({detector, "", ""});
       item != accounts_.end() && std::get<0>(item->first) == detector; ++item) {
    Account &account = item->second;
    if (account.open && account.on_frames && account.open->id != of_frame.id &&
        !came_before(pts, *account.open))
      account.write_end(lines, lost);
  }
}

FrameEntry EventLedger::take(const GstAnomalyMeta &meta, GstClockTime pts, bool at_once) {
  FrameEntry entry;
  Event event = event_of(meta);
  end_what_frames_no_longer_carry(event, pts, entry.before);
  if (event.id.empty() || event.state == GST_ANOMALY_EVENT_NONE) return entry;
  Account &account = account_of(event);
  if (account.is_written(event.id)) return entry;
  if (account.open && account.open->id != event.id) return entry;
  complete(event, account.open, pts, meta);
  if (!account.open)
    account.begin(event);
  else
    account.update(event);
  account.on_frames = true;
  if (event.state == GST_ANOMALY_EVENT_END && !account.end) account.end = event;

  const bool ends = event.state == GST_ANOMALY_EVENT_END;
  if (at_once || (ends && !account.begin_written)) account.write_begin(entry.before);
  if (!ends) {
    entry.state =
        std::exchange(account.begin_written, true) ? GST_ANOMALY_EVENT_ONGOING : GST_ANOMALY_EVENT_BEGIN;
    return entry;
  }
  if (at_once)
    account.write_end(entry.before, lost);
  else
    account.forget();
  entry.state = GST_ANOMALY_EVENT_END;
  return entry;
}

std::vector<Event> EventLedger::close(const char *reason) {
  std::vector<Event> lines;
  for (auto &[key, account] : accounts_)
    if (account.open) account.write_end(lines, reason);
  return lines;
}

}  // namespace uniad
