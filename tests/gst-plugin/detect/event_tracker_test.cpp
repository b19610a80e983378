// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/detect/event_tracker.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

namespace uniad {
namespace {

// Ten frames per second; the timestamp of a frame is its number.
FrameTime frame(int number) {
  FrameTime time;
  time.moment = {static_cast<GstClockTime>(number), static_cast<GstClockTime>(number)};
  time.elapsed = std::chrono::milliseconds(100) * number;
  return time;
}

// Events of this kind confirm and end at once.
Signal signal(const std::string &kind, double score, const std::string &zone = {}) {
  Signal signal{kind, zone, level_of(score, 1, 0.9), score, 1, {}, {}};
  signal.rules.hold = std::chrono::nanoseconds(0);
  if (score >= 1) signal.regions = {{0, 0, 1, 1, static_cast<float>(score), nullptr, nullptr}};
  return signal;
}

// "anomaly/door begin 3 1.5": kind, zone, state, frame and peak. A * follows if the frame carries the state.
std::string text_of(const Event &event) {
  const char *state = event.state == GST_ANOMALY_EVENT_ONGOING ? "update" : name_of(event.state);
  std::string text = event.kind + (event.zone.empty() ? "" : "/" + event.zone) + " " + state + " " +
                     std::to_string(event.moment.pts) + " " + std::to_string(event.peak_score).substr(0, 3) +
                     (event.on_frame ? "*" : "");
  return event.reason.empty() ? text : text + " " + event.reason;
}

using Texts = std::vector<std::string>;

class EventTrackerTest : public ::testing::Test {
 protected:
  Texts advance(int number, const std::vector<Signal> &signals, const std::string &source = "cam0") {
    return texts(tracker_.advance(signals, frame(number), source, frame(number).moment.pts));
  }
  static Texts texts(const std::vector<Event> &states) {
    Texts result;
    for (const Event &state : states) result.push_back(text_of(state));
    return result;
  }

  EventTracker tracker_{"session"};
};

TEST_F(EventTrackerTest, EventsOfSeveralKindsAndZonesOverlap) {
  EXPECT_EQ(advance(0, {signal("anomaly", 2, "door"), signal("anomaly", 0, "gate"), signal("black", 0)}),
            Texts{"anomaly/door begin 0 2.0*"});
  EXPECT_EQ(advance(1, {signal("anomaly", 2, "door"), signal("anomaly", 3, "gate"), signal("black", 1)}),
            (Texts{"anomaly/gate begin 1 3.0", "black begin 1 1.0"}));
  EXPECT_EQ(tracker_.event().zone, "door") << "frames carry the oldest";
  EXPECT_EQ(advance(2, {signal("anomaly", 0, "door"), signal("anomaly", 3, "gate"), signal("black", 0)}),
            (Texts{"anomaly/door end 2 2.0*", "black end 2 1.0"}));
  EXPECT_EQ(tracker_.event().state, GST_ANOMALY_EVENT_END);
  EXPECT_EQ(advance(3, {signal("anomaly", 0, "door"), signal("anomaly", 3, "gate"), signal("black", 0)}),
            Texts{});
  EXPECT_EQ(tracker_.event().zone, "gate") << "the next is carried from here on";
  EXPECT_EQ(tracker_.event().state, GST_ANOMALY_EVENT_ONGOING);
  EXPECT_EQ(texts(tracker_.end("eos")), Texts{"anomaly/gate end 3 3.0 eos"});
  EXPECT_EQ(tracker_.event().state, GST_ANOMALY_EVENT_NONE);
}

TEST_F(EventTrackerTest, ARisenPeakIsReportedOnceASecondAtMost) {
  Texts all;
  for (int number = 0; number < 40; ++number)
    for (const std::string &text :
         advance(number, {signal("anomaly", number < 25 ? 1.1 + number / 10.0 : 1.1)}))
      all.push_back(text);
  EXPECT_EQ(all, (Texts{"anomaly begin 0 1.1*", "anomaly update 10 2.1*", "anomaly update 20 3.1*",
                        "anomaly update 30 3.5*"}));
}

TEST_F(EventTrackerTest, WhatNoSignalMentionsAnyMoreEndsByTheChange) {
  advance(0, {signal("anomaly", 2, "door"), signal("black", 1)});
  EXPECT_EQ(advance(1, {signal("black", 1)}), Texts{"anomaly/door end 0 2.0 changed"});
  EXPECT_EQ(advance(2, {signal("black", 1)}, "cam1"),
            (Texts{"black end 1 1.0 changed", "black begin 2 1.0*"}));
}

// The frames that confirmed an event count as frames of the event.
TEST_F(EventTrackerTest, AnEventIncludesTheFramesThatConfirmedIt) {
  const auto confirmed = [](double score) {
    Signal result = signal("anomaly", score);
    result.rules.confirm = {2, 3};
    return result;
  };
  EXPECT_EQ(advance(0, {confirmed(9)}), Texts{});  // too long before the other frames
  EXPECT_EQ(advance(1, {confirmed(0)}), Texts{});
  EXPECT_EQ(advance(2, {confirmed(0)}), Texts{});
  EXPECT_EQ(advance(3, {confirmed(5)}), Texts{});
  EXPECT_EQ(advance(4, {confirmed(0)}), Texts{});
  const auto states = tracker_.advance({confirmed(2)}, frame(5), "cam0", 5);
  ASSERT_EQ(texts(states), Texts{"anomaly begin 5 5.0*"});
  EXPECT_EQ(states[0].begin.pts, 3U);
  EXPECT_EQ(states[0].peak.pts, 3U);
  EXPECT_EQ(states[0].frames, 2U);
  EXPECT_EQ(states[0].duration, 200 * GST_MSECOND);
}

TEST_F(EventTrackerTest, EveryBeginHasOneEndWhateverComes) {
  std::mt19937 random(3);
  const std::vector<std::string> zones{"", "door", "gate"};
  std::map<std::string, Texts> states;
  std::map<std::string, Texts> carried;
  const auto take = [&](const std::vector<Event> &events) {
    for (const Event &event : events)
      if (event.state != GST_ANOMALY_EVENT_ONGOING) states[event.id].emplace_back(name_of(event.state));
  };
  for (int number = 0; number < 20'000; ++number) {
    std::vector<Signal> signals;
    for (const auto &zone : zones)
      for (const char *kind : {"anomaly", "black"}) {
        if (random() % 50 == 0) continue;
        signals.push_back(signal(kind, random() % 4 == 0 ? 1 + static_cast<double>(random() % 9) : 0, zone));
        signals.back().rules.confirm = {1 + static_cast<int>(random() % 2), 3};
        signals.back().rules.hold = std::chrono::milliseconds(random() % 400);
      }
    if (random() % 5 == 0) {
      tracker_.repeat();
    } else {
      take(tracker_.advance(signals, frame(number), random() % 500 == 0 ? "cam1" : "cam0", 1));
    }
    const Event &event = tracker_.event();
    if (event.state == GST_ANOMALY_EVENT_BEGIN || event.state == GST_ANOMALY_EVENT_END)
      carried[event.id].emplace_back(name_of(event.state));
    if (random() % 300 == 0) take(tracker_.end("flush"));
  }
  take(tracker_.end("eos"));
  EXPECT_GT(states.size(), 1000U);
  for (const auto &[id, its] : states) EXPECT_EQ(its, (Texts{"begin", "end"}));
  for (const auto &[id, its] : carried) EXPECT_LE(its.size(), 2U) << "each state is on one frame";
}

}  // namespace
}  // namespace uniad
