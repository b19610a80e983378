// SPDX-License-Identifier: Apache-2.0
#include "training/evaluate/figures/events.h"

#include <gtest/gtest.h>

namespace uniad {
namespace {

// One character per frame: . normal, A abnormal, ! normal with an alarm, a abnormal with an alarm, ?
// unlabeled.
Timeline timeline(const std::string &frames, std::optional<double> rate) {
  Timeline timeline{"v.mp4", rate, {}};
  for (std::size_t n = 0; n < frames.size(); ++n) {
    const char frame = frames[n];
    std::optional<bool> abnormal;
    if (frame != '?') abnormal = frame == 'A' || frame == 'a';
    timeline.frames.push_back({static_cast<std::int64_t>(n), 0, abnormal, frame == '!' || frame == 'a'});
  }
  return timeline;
}

std::map<std::string, double> figures(const std::string &frames, std::optional<double> rate, double gap) {
  const auto one = timeline(frames, rate);
  return event_figures({&one, 1}, gap);
}

TEST(Events, ByHand) {
  // Ten frames per second, gap 0.2 s, which is two frames. Events: 4-8 (its alarm begins at 6) and 16-17
  // (missed). Alarms: 1, 6-9 (frame 8 does not alarm, but the gap is two), 20-21.
  const auto result = figures(".!..AAaaA!......AA..!!........", 10, 0.2);
  EXPECT_EQ(result, (std::map<std::string, double>{{"events", 2},
                                                   {"found", 1},
                                                   {"recall", 0.5},
                                                   {"alarms", 3},
                                                   {"false", 2},
                                                   {"precision", 1.0 / 3},
                                                   {"delay_frames", 2},
                                                   {"delay_seconds", 0.2},
                                                   {"false_alarms_per_hour", 2 / (23 / 10.0 / 3600)}}));
}

TEST(Events, AnAlarmThatWasOnShortlyBeforeTheEventIsInTime) {
  const auto result = figures("..!!aaa..", 10, 0.2);
  EXPECT_EQ(result.at("delay_frames"), 0);
  EXPECT_EQ(result.at("false"), 0);
  EXPECT_EQ(result.at("alarms"), 1);
}

TEST(Events, AnAlarmThatIsAlwaysOnIsFalseFarFromTheEvent) {
  // Gap: one frame. Frames 0-3 and 9-11 are far from the event 5-7.
  const auto result = figures("!!!!!aaa!!!!", 10, 0.1);
  EXPECT_EQ(result.at("alarms"), 3);
  EXPECT_EQ(result.at("false"), 2);
  EXPECT_EQ(result.at("delay_frames"), 0);
}

TEST(Events, AnAlarmAroundAnEventWithoutAFrameInItDoesNotFindIt) {
  const auto result = figures("..!A!..", 10, 1);
  EXPECT_EQ(result.at("alarms"), 1);  // joined by the gap
  EXPECT_EQ(result.at("found"), 0);
  EXPECT_EQ(result.at("false"), 1);
  EXPECT_FALSE(result.contains("delay_frames"));
}

TEST(Events, TheGapJoinsFramesNoFurtherApart) {
  const auto two_apart = timeline("A.A...A", 10);
  EXPECT_EQ(labeled_events(two_apart, 0.2).size(), 2U);
  EXPECT_EQ(labeled_events(two_apart, 0.4).size(), 1U);
  EXPECT_EQ(labeled_events(two_apart, 0.01).size(), 3U);  // at least neighboring frames are joined
  const auto first = labeled_events(two_apart, 0.2).front();
  EXPECT_EQ(first.first, 0);
  EXPECT_EQ(first.last, 2);
}

// The frames on which an operator gets an alarm, as in timeline(), for the scores of the frames.
std::string alarming(const std::vector<float> &scores, const EventRules &rules) {
  Timeline video{"v.mp4", 10, {}};
  for (std::size_t n = 0; n < scores.size(); ++n)
    video.frames.push_back({static_cast<std::int64_t>(n), scores[n], false, scores[n] >= 1});
  apply_event_rules(video, 1, rules);
  std::string result;
  for (const JudgedFrame &frame : video.frames) result += frame.alarm ? '!' : '.';
  return result;
}

TEST(Events, OnlyReportedEventsAreAlarms) {
  EventRules rules;
  rules.hold = std::chrono::milliseconds(100);
  EXPECT_EQ(alarming({0.95F, 1, 0.95F, 0.8F, 1, 0.95F}, rules), ".!!.!!") << "release at 0.9";
  rules.confirm = {2, 2};
  EXPECT_EQ(alarming({1, 0, 1, 1, 1, 0}, rules), "...!!.");
  rules.confirm = {};
  rules.min_duration = std::chrono::milliseconds(200);
  EXPECT_EQ(alarming({1, 1, 0, 1, 1, 1, 1}, rules), ".....!!");
}

TEST(Events, OneVideoDoesNotGoOnInTheNext) {
  const std::vector<Timeline> both{timeline("..aa", 10), timeline("aa..", 10)};
  const auto result = event_figures(both, 1);
  EXPECT_EQ(result.at("events"), 2);
  EXPECT_EQ(result.at("alarms"), 2);
}

TEST(Events, WithoutAFrameRateThereAreNoTimes) {
  const auto result = figures("..Aa..!", std::nullopt, 1);
  EXPECT_EQ(result.at("delay_frames"), 1);
  EXPECT_EQ(result.at("alarms"), 1);  // 25 frames are joined
  EXPECT_FALSE(result.contains("delay_seconds"));
  EXPECT_FALSE(result.contains("false_alarms_per_hour"));
}

TEST(Events, UnlabeledFramesCountForNothing) {
  EXPECT_TRUE(figures("????", 10, 1).empty());
  const auto result = figures("?.......?!", 1, 1);
  EXPECT_EQ(result.at("alarms"), 1);
  EXPECT_EQ(result.at("events"), 0);
  EXPECT_FALSE(result.contains("recall"));
  EXPECT_EQ(result.at("precision"), 0);
  EXPECT_DOUBLE_EQ(result.at("false_alarms_per_hour"), 3600.0 / 8);
}

}  // namespace
}  // namespace uniad
