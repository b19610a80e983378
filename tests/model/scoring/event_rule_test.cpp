// SPDX-License-Identifier: Apache-2.0
#include "model/scoring/event_rule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "model/base/error.h"
#include "tests/support/refusal.h"

namespace uniad {
namespace {

using std::chrono::nanoseconds;
using Step = EventRule::Step;

struct JudgedFrame {
  FrameLevel level;
  nanoseconds time;
};

struct FoundEvent {
  std::size_t first = 0;  // frame
  std::size_t begin = 0;
  std::optional<std::size_t> end;

  bool operator==(const FoundEvent &) const = default;
};

std::ostream &operator<<(std::ostream &out, const FoundEvent &event) {
  return out << event.first << " begins at " << event.begin << ", ends at "
             << (event.end ? std::to_string(*event.end) : "-");
}

std::vector<FoundEvent> found_by_rule(const std::vector<JudgedFrame> &frames, const EventRules &rules) {
  std::vector<FoundEvent> events;
  EventRule rule;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const Step step = rule.advance(frames[i].level, frames[i].time, rules);
    if (step == Step::Begin) events.push_back({rule.first_frame(), i, std::nullopt});
    if (step == Step::End) events.back().end = i;
    EXPECT_EQ(rule.open(), step == Step::Begin || step == Step::Ongoing);
  }
  return events;
}

// The definition in event_rule.h, applied to the whole sequence.
std::vector<FoundEvent> found_by_definition(const std::vector<JudgedFrame> &frames, const EventRules &rules) {
  std::vector<FoundEvent> events;
  const auto count = static_cast<std::ptrdiff_t>(frames.size());
  const auto at = [&](std::ptrdiff_t i) { return frames[static_cast<std::size_t>(i)]; };
  std::ptrdiff_t from = 0;  // frames before this one do not count
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    if (i < from || at(i).level != FrameLevel::Abnormal) continue;
    std::vector<std::ptrdiff_t> abnormal;
    for (std::ptrdiff_t k = std::max(from, i - rules.confirm.of + 1); k <= i; ++k)
      if (at(k).level == FrameLevel::Abnormal) abnormal.push_back(k);
    if (static_cast<int>(abnormal.size()) < rules.confirm.frames) continue;
    // The event is over at the first normal frame with no other frame within the hold time before it.
    std::ptrdiff_t over = i + 1;
    for (; over < count; ++over) {
      if (at(over).level != FrameLevel::Normal) continue;
      std::ptrdiff_t newest = over;
      while (at(newest).level == FrameLevel::Normal) --newest;
      if (at(over).time - at(newest).time >= rules.hold) break;
    }
    std::ptrdiff_t begin = i;
    while (begin < over && (at(begin).level == FrameLevel::Normal ||
                            at(begin).time - at(abnormal.front()).time < rules.min_duration))
      ++begin;
    from = over + 1;
    if (begin < over) {
      events.push_back({static_cast<std::size_t>(abnormal.front()), static_cast<std::size_t>(begin), {}});
      if (over < count) events.back().end = static_cast<std::size_t>(over);
      while (over < count && from < count && at(from).time - at(over).time < rules.cooldown) ++from;
    }
    i = from - 1;
  }
  return events;
}

TEST(EventRule, AgreesWithItsDefinitionOnRandomSequences) {
  std::mt19937 random(7);
  const auto up_to = [&](int most) { return static_cast<int>(random() % static_cast<unsigned>(most + 1)); };
  std::size_t events = 0;
  for (int round = 0; round < 1000; ++round) {
    EventRules rules;
    rules.confirm.of = 1 + up_to(5);
    rules.confirm.frames = 1 + up_to(rules.confirm.of - 1);
    rules.hold = nanoseconds(up_to(6));
    rules.cooldown = nanoseconds(up_to(2) == 0 ? up_to(20) : 0);
    rules.min_duration = nanoseconds(up_to(2) == 0 ? up_to(8) : 0);
    std::vector<JudgedFrame> frames;
    nanoseconds time{0};
    const int abnormal = 1 + up_to(7);
    for (int i = up_to(80); i > 0; --i) {
      time += nanoseconds(up_to(9) == 0 ? up_to(30) : up_to(2));
      const int level = up_to(9);
      frames.push_back({level < abnormal       ? FrameLevel::Abnormal
                        : level < abnormal + 2 ? FrameLevel::Raised
                                               : FrameLevel::Normal,
                        time});
    }
    const auto found = found_by_rule(frames, rules);
    EXPECT_EQ(found, found_by_definition(frames, rules)) << round;
    events += found.size();
  }
  EXPECT_GT(events, 1000U);
}

// levels: "A" abnormal, "r" raised, "." normal, at ten frames per second. Returns the steps: "b" begin, "o"
// ongoing, "e" end, "p" pending, "-" none.
std::string steps(const std::string &levels, const EventRules &rules) {
  std::string result;
  EventRule rule;
  nanoseconds time{0};
  for (const char level : levels) {
    const FrameLevel known = level == 'A'   ? FrameLevel::Abnormal
                             : level == 'r' ? FrameLevel::Raised
                                            : FrameLevel::Normal;
    result += "-pboe"[static_cast<int>(rule.advance(known, time, rules))];
    time += std::chrono::milliseconds(100);
  }
  return result;
}

TEST(EventRule, ByHand) {
  using std::chrono::milliseconds;
  EventRules rules;
  rules.hold = milliseconds(200);
  EXPECT_EQ(steps("..A....", rules), "--boe--") << "the newest abnormal frame is 0.2 s before the end";
  EXPECT_EQ(steps("..A.A...", rules), "--boooe-") << "a pause that is shorter than the hold time";
  EXPECT_EQ(steps("rrArrr...", rules), "--booooe-") << "raised frames continue an event but do not begin one";
  rules.confirm = {2, 3};
  EXPECT_EQ(steps("A..A.A..", rules), "-----boe");
  rules.confirm = {};
  rules.cooldown = milliseconds(300);
  EXPECT_EQ(steps("A..AAAA", rules), "boe--bo") << "an event is over at 0.2 s";
  rules.cooldown = milliseconds(0);
  rules.min_duration = milliseconds(300);
  EXPECT_EQ(steps("AA....AAAAA", rules), "ppp---pppbo") << "the first two frames are too short";
}

TEST(EventRule, AnEndByOthersStartsTheCoolDown) {
  EventRules rules;
  rules.cooldown = nanoseconds(10);
  EventRule rule;
  EXPECT_EQ(rule.advance(FrameLevel::Abnormal, nanoseconds(0), rules), Step::Begin);
  rule.end(nanoseconds(5));
  EXPECT_EQ(rule.advance(FrameLevel::Abnormal, nanoseconds(14), rules), Step::None);
  EXPECT_EQ(rule.advance(FrameLevel::Abnormal, nanoseconds(15), rules), Step::Begin);
}

TEST(EventRule, ALevelIsAShareOfTheThreshold) {
  EXPECT_EQ(level_of(2.0, 2.0, 0.9), FrameLevel::Abnormal);
  EXPECT_EQ(level_of(1.99, 2.0, 0.9), FrameLevel::Raised);
  EXPECT_EQ(level_of(1.8, 2.0, 0.9), FrameLevel::Raised);
  EXPECT_EQ(level_of(1.79, 2.0, 0.9), FrameLevel::Normal);
  EXPECT_EQ(level_of(1.99, 2.0, 1), FrameLevel::Normal);
}

TEST(EventConfirm, IsReadAndWritten) {
  EXPECT_EQ(event_confirm_of("3/5"), (EventConfirm{3, 5}));
  EXPECT_EQ(event_confirm_of("3"), (EventConfirm{3, 3}));
  EXPECT_EQ(text_of(EventConfirm{3, 5}), "3/5");
  for (const char *text : {"", "/", "0/3", "4/3", "3/", "/3", "a", "1/2/3", "-1/2", "2/1001", "1 / 2", "1/2 ",
                           "99999999999/99999999999"})
    EXPECT_TRUE(test::holds(test::refusal([&] { event_confirm_of(text); }), "is not N/M")) << text;
}

}  // namespace
}  // namespace uniad
