// SPDX-License-Identifier: Apache-2.0
#include "model/health/monitor.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>
#include <string>

#include "model/base/error.h"
#include "tests/model/health/scenes.h"

namespace uniad {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr milliseconds step{100};
constexpr double sensor_noise = 1.5;

const std::vector<std::uint8_t> &canvas() {
  static const std::vector<std::uint8_t> street = test::make_canvas(1);
  return street;
}

GrayPicture street(unsigned number, int x = 0, int y = 0) {
  return test::noisy(test::crop(canvas(), x, y), sensor_noise, number);
}

// The reference of 30 s of the street, with people.
const HealthReference &learned() {
  static const HealthReference reference = [] {
    ReferenceLearner learner;
    for (int i = 0; i < 300; ++i) {
      const GrayPicture seen = street(static_cast<unsigned>(i));
      learner.add(i % 150 < 60 ? test::with_person(seen, 4 * (i % 150)) : seen, step * i);
    }
    return learner.finish();
  }();
  return reference;
}

// A stream of ten pictures per second, and the kinds that have been raised.
class Stream {
 public:
  explicit Stream(const HealthReference *reference = &learned()) : reference_(reference) {}

  // Shows picture(0), picture(1), ... for the given time.
  void show(nanoseconds time, const std::function<GrayPicture(int)> &picture) {
    for (int i = 0; nanoseconds(step) * i < time; ++i, now_ += step) {
      report = monitor_.update(picture(i), now_, settings, reference_);
      for (std::size_t kind = 0; kind < health_kinds; ++kind)
        if (report.states[kind].holds) raised.insert(std::string(health_kind_names[kind]));
    }
  }
  void show_street(nanoseconds time) {
    show(time, [this](int) { return street(++frame_); });
  }
  void jump(nanoseconds time) { now_ += time; }

  HealthSettings settings;
  HealthReport report;
  std::set<std::string> raised;

 private:
  const HealthReference *reference_;
  HealthMonitor monitor_;
  nanoseconds now_{0};
  unsigned frame_ = 1000;
};

using Kinds = std::set<std::string>;

struct Scene {
  const char *name;
  std::function<GrayPicture(int)> picture;  // the argument is in tenths of a second
  Kinds kinds;                              // that must be raised, and no others
  Kinds without_reference;                  // the same, if nothing was learned
};

unsigned seed(int i) {
  return 5000 + static_cast<unsigned>(i);
}

std::vector<Scene> scenes() {
  const auto noise = [](GrayPicture picture, int i) {
    return test::noisy(std::move(picture), sensor_noise, seed(i));
  };
  return {
      {"street", [](int i) { return street(seed(i)); }, {}, {}},
      {"person walks", [](int i) { return test::with_person(street(seed(i)), 3 * i - 30); }, {}, {}},
      {"more noise", [](int i) { return test::noisy(test::crop(canvas()), 8, seed(i)); }, {}, {}},
      {"black", [=](int i) { return noise(test::uniform(3), i); }, {"black"}, {"black"}},
      {"frozen", [](int) { return street(4711); }, {"frozen"}, {"frozen"}},
      {"frozen, with key frames",
       [](int i) { return test::noisy(street(4711), 0.4, static_cast<unsigned>(i / 20)); },
       {"frozen"},
       {}},
      {"hand on the lens",
       [=](int i) { return noise(test::blurred(test::uniform(90), 1), i); },
       {"covered"},
       {}},
      {"defocus", [=](int i) { return noise(test::blurred(test::crop(canvas()), 4), i); }, {"blurred"}, {}},
      {"shifted a little", [](int i) { return street(seed(i), 2, 1); }, {}, {}},
      {"turned aside", [](int i) { return street(seed(i), 14, 0); }, {"moved"}, {}},
      {"turned far aside", [](int i) { return street(seed(i), 30, -20); }, {"moved"}, {}},
      {"another place", [=](int i) { return noise(test::crop(test::make_canvas(99)), i); }, {"moved"}, {}},
      {"lamp off",
       [=](int i) { return noise(test::brighter(test::crop(canvas()), 0.45), i); },
       {"light-change"},
       {"light-change"}},
      {"infra-red", [=](int i) { return noise(test::brighter(test::crop(canvas()), -0.5, 200), i); }, {}, {}},
      {"exposure follows",
       [=](int i) { return noise(test::brighter(test::crop(canvas()), 1 - 0.003 * i), i); },
       {},
       {}},
  };
}

TEST(HealthMonitor, EverySceneRaisesItsKindAndNoOther) {
  for (const Scene &scene : scenes()) {
    Stream stream;
    stream.show_street(seconds(5));
    ASSERT_EQ(stream.raised, Kinds{}) << scene.name;
    stream.show(seconds(14), scene.picture);
    EXPECT_EQ(stream.raised, scene.kinds) << scene.name;
  }
}

TEST(HealthMonitor, WithoutAReferenceFewerAreTold) {
  for (const Scene &scene : scenes()) {
    Stream stream(nullptr);
    stream.show_street(seconds(5));
    stream.show(seconds(14), scene.picture);
    EXPECT_EQ(stream.raised, scene.without_reference) << scene.name;
  }
}

TEST(HealthMonitor, EveryKindEndsWhenTheStreetIsBack) {
  for (const Scene &scene : scenes()) {
    Stream stream;
    stream.show_street(seconds(5));
    stream.show(seconds(14), scene.picture);
    stream.show_street(seconds(6));
    for (const HealthState &state : stream.report.states) EXPECT_FALSE(state.holds) << scene.name;
    EXPECT_FALSE(stream.report.holds_anomalies_back) << scene.name;
  }
}

TEST(HealthMonitor, DuskForAnHourRaisesNothing) {
  Stream stream;
  for (int minute = 0; minute < 60; ++minute) {
    const double gain = 1 - minute * 0.012;
    stream.show(seconds(2), [=](int i) {
      return test::noisy(test::brighter(test::crop(canvas()), gain), sensor_noise, seed(1000 * minute + i));
    });
    stream.jump(seconds(57));
  }
  EXPECT_EQ(stream.raised, Kinds{});
}

TEST(HealthMonitor, TheShiftIsToldBeforeItIsAnEvent) {
  Stream stream;
  stream.show(seconds(2), [](int i) { return street(seed(i), 2, -1); });
  ASSERT_TRUE(stream.report.shift);
  EXPECT_NEAR(stream.report.shift->x * test::side, -2, 0.5);
  EXPECT_NEAR(stream.report.shift->y * test::side, 1, 0.5);
}

TEST(HealthMonitor, SomebodyBeforeAMovedCameraDoesNotEndIt) {
  Stream stream;
  stream.show(seconds(7), [](int i) { return street(seed(i), 14, 0); });
  EXPECT_TRUE(stream.report[HealthKind::Moved].holds);
  stream.show(seconds(8), [](int i) { return test::noisy(test::uniform(150), 20, seed(i)); });
  EXPECT_TRUE(stream.report[HealthKind::Moved].holds || stream.report[HealthKind::Covered].holds);
}

TEST(HealthMonitor, LightHoldsAnomaliesBackUntilItHasSettled) {
  Stream stream;
  stream.show_street(seconds(5));
  EXPECT_FALSE(stream.report.holds_anomalies_back);
  const auto dark = [](int i) { return test::noisy(test::brighter(test::crop(canvas()), 0.45), 1, seed(i)); };
  stream.show(step, dark);
  EXPECT_TRUE(stream.report.holds_anomalies_back);
  stream.show(seconds(4), dark);
  EXPECT_FALSE(stream.report.holds_anomalies_back);
}

TEST(HealthMonitor, AnomaliesAreHeldBackFromTheFirstBlackPicture) {
  Stream stream;
  stream.show_street(seconds(5));
  stream.show(milliseconds(400), [](int) { return test::uniform(2); });
  EXPECT_TRUE(stream.report.holds_anomalies_back);
  EXPECT_FALSE(stream.report[HealthKind::Black].holds);
  stream.show_street(milliseconds(500));
  EXPECT_FALSE(stream.report.holds_anomalies_back);  // nothing had happened
}

TEST(HealthMonitor, AKindThatIsOffRaisesNothingAndHoldsNothingBack) {
  Stream stream;
  stream.settings.kinds = health_kinds_of("frozen,blurred");
  stream.show(seconds(5), [](int i) { return test::noisy(test::uniform(2), 1, seed(i)); });
  EXPECT_EQ(stream.raised, Kinds{});
  EXPECT_FALSE(stream.report.holds_anomalies_back);
}

TEST(HealthMonitor, FreezeTimeSays) {
  Stream stream;
  stream.settings.freeze_time = seconds(3);
  stream.show(milliseconds(2900), [](int) { return street(1); });
  EXPECT_EQ(stream.raised, Kinds{});
  stream.show(milliseconds(300), [](int) { return street(1); });
  EXPECT_EQ(stream.raised, Kinds{"frozen"});
}

// If the learned pictures were still, a still picture cannot be distinguished from a frozen one.
TEST(HealthMonitor, AStillSceneThatWasLearnedIsNotFrozen) {
  ReferenceLearner learner;
  for (int i = 0; i < 250; ++i) learner.add(street(1), step * i);
  const HealthReference still = learner.finish();
  Stream stream(&still);
  stream.show(seconds(20), [](int) { return street(1); });
  EXPECT_EQ(stream.raised, Kinds{});
}

TEST(HealthMonitor, LightThatWasLearnedIsNormal) {
  ReferenceLearner learner;
  for (int i = 0; i < 200; ++i)
    learner.add(i / 40 % 2 == 0 ? street(seed(i)) : test::brighter(street(seed(i)), 0.45), step * i);
  const HealthReference with_lamp = learner.finish();
  Stream stream(&with_lamp);
  stream.show_street(seconds(3));
  stream.show(seconds(3), [](int i) { return test::brighter(street(seed(i)), 0.45); });
  EXPECT_EQ(stream.raised, Kinds{});
}

TEST(HealthMonitor, AJumpOfAnHourIsNoFrozenPicture) {
  Stream stream;
  stream.show(seconds(1), [](int) { return street(1); });
  stream.jump(hours(1));
  stream.show(seconds(1), [](int) { return street(1); });
  EXPECT_EQ(stream.raised, Kinds{});
}

TEST(HealthMonitor, BadPicturesAreTaken) {
  HealthMonitor monitor;
  const HealthSettings settings;
  EXPECT_FALSE(monitor.update({}, seconds(0), settings, nullptr).holds_anomalies_back);
  monitor.update({1, 1, {0}}, seconds(0), settings, nullptr);
  monitor.update({1, 1, {255}}, seconds(1), settings, &learned());
  monitor.update({3, 2000, std::vector<std::uint8_t>(6000, 9)}, seconds(2), settings, &learned());
  monitor.update(street(1), seconds(1), settings, &learned());  // backwards
  monitor.update(street(1), hours(3), settings, &learned());
  EXPECT_FALSE(monitor.report()[HealthKind::Frozen].holds);
  monitor.reset();
  EXPECT_EQ(monitor.report()[HealthKind::Black].score, 0);
}

TEST(HealthKinds, AreNamed) {
  EXPECT_EQ(health_kinds_of("all"), HealthSettings().kinds);
  EXPECT_EQ(health_kinds_of("none"), HealthKinds{});
  EXPECT_EQ(health_kinds_of(""), HealthKinds{});
  EXPECT_EQ(health_kinds_of("black,light-change"), (HealthKinds{true, false, false, false, false, true}));
  try {
    health_kinds_of("black,rain");
    FAIL();
  } catch (const Error &error) {
    EXPECT_NE(std::string(error.what()).find("rain"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("light-change"), std::string::npos);
  }
}

}  // namespace
}  // namespace uniad
