// SPDX-License-Identifier: Apache-2.0
// Tests zones in three generated scenes: a burnt-in clock, a moving tree and a monitor in view. The model is
// learned without zones, while all three are still.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>

#include "model/base/error.h"
#include "model/engine/detector.h"
#include "model/engine/judgment.h"
#include "model/file/weights.h"
#include "tests/support/scratch_folder.h"

namespace uniad {
namespace {

constexpr int side = 224;
constexpr const char *backbone = "efficientnet-lite2";

struct Box {
  int left, top, right, bottom;

  // In coordinates from 0 to 1, relative to the frame.
  std::vector<Point> polygon() const {
    const double l = left / double{side};
    const double t = top / double{side};
    const double r = right / double{side};
    const double b = bottom / double{side};
    return {{l, t}, {r, t}, {r, b}, {l, b}};
  }
  bool overlaps(const Region &region) const {
    const auto x = [](float share) { return share * side; };
    return x(region.x) < static_cast<float>(right) && x(region.x + region.width) > static_cast<float>(left) &&
           x(region.y) < static_cast<float>(bottom) && x(region.y + region.height) > static_cast<float>(top);
  }
};

constexpr Box clock_box{8, 8, 88, 24};
constexpr Box tree_box{144, 32, 208, 128};
constexpr Box monitor_box{32, 128, 96, 176};
constexpr Box object_box{128, 152, 160, 200};

// The contents of the picture besides the yard.
struct Scene {
  int time = 0;      // that the clock shows
  int wind = 0;      // displacement of the leaves in pixels
  int channel = -1;  // that the monitor shows; below 0: it is off
  bool object = false;
};

int hash(int a, int b, int c) {
  auto bits = static_cast<std::uint32_t>(a * 7919 + b * 104729 + c * 1299709);
  bits = (bits ^ (bits >> 15)) * 0x2c1b3c6dU;
  bits = (bits ^ (bits >> 12)) * 0x297a2d39U;
  return static_cast<int>((bits ^ (bits >> 15)) % 256);
}

class Yard {
 public:
  // A frame of a camera with noise, under light that varies a little.
  std::vector<std::uint8_t> frame(const Scene &scene) {
    std::normal_distribution<double> noise(0, 1.5);
    const double light = 1 + 0.02 * noise(random_);
    std::vector<std::uint8_t> pixels;
    for (int y = 0; y < side; ++y)
      for (int x = 0; x < side; ++x)
        for (int c = 0; c < 3; ++c)
          pixels.push_back(static_cast<std::uint8_t>(
              std::clamp(std::lround(light * color(scene, x, y, c) + noise(random_)), 0L, 255L)));
    return pixels;
  }

 private:
  static bool in(const Box &box, int x, int y) {
    return x >= box.left && x < box.right && y >= box.top && y < box.bottom;
  }

  static double color(const Scene &scene, int x, int y, int c) {
    if (in(clock_box, x, y)) return hash(x / 4, y / 4, scene.time) > 128 ? 240 : 20;
    if (in(tree_box, x, y)) return hash((x + scene.wind) / 3, y / 3, 5) / (c == 1 ? 2 : 4) + 10;
    if (in(monitor_box, x, y)) return scene.channel < 0 ? 15 : hash(x / 12, y / 12, 10 * scene.channel + c);
    if (scene.object && in(object_box, x, y)) return c == 0 ? 230 : 40;
    return 70 + hash(x / 28, y / 28, 0) / 3.0 + 8 * std::sin(x / 5.0);
  }

  std::mt19937 random_{1};
};

class ZoneScenes : public test::ScratchFolder {
 protected:
  void SetUp() override {
    try {
      need_weight_file(backbone);
    } catch (const Error &error) {
      GTEST_SKIP() << error.what();
    }
    DetectorOptions options;
    options.device = "cpu";
    options.new_on_backbone = backbone;
    detector_ = Detector::open(file("yard.safetensors"), options);
  }

  void learn(const std::vector<Scene> &scenes) {
    LearnOptions options;
    options.source = "yard";
    options.frames = std::ssize(scenes);
    options.wait = true;
    detector_->learn(options);
    for (const Scene &scene : scenes) see(scene);
    detector_->end_learning();
  }

  Detection see(const Scene &scene) {
    const std::vector<std::uint8_t> pixels = yard_.frame(scene);
    FrameView view;
    view.layout = PixelLayout::RGB;
    view.width = view.height = side;
    view.planes[0] = {pixels.data(), 3 * side};
    return detector_->detect({&view, 1}).front();
  }

  double threshold() const { return detector_->calibration()->find("yard")->threshold; }

  Judgment judge(const Scene &scene) { return judgment_of(see(scene), threshold()); }

  int alarms(const std::vector<Scene> &scenes) {
    return static_cast<int>(std::count_if(scenes.begin(), scenes.end(),
                                          [&](const Scene &scene) { return judge(scene).anomalous; }));
  }

  void ignore(const Box &box) {
    detector_->set_zones({{{"", ZoneKind::Ignore, box.polygon(), {}, {}}}, {}});
    see({});  // the scores of a still scene
  }

  // Expects that the moving part raises an alarm, that ignoring it prevents the alarm, and that an object
  // beside it still raises one.
  void expect_only_the_zone_silences(const std::vector<Scene> &moving, const Box &box) {
    learn(std::vector<Scene>(60));
    EXPECT_EQ(alarms(std::vector<Scene>(10)), 0);
    EXPECT_EQ(alarms(moving), std::ssize(moving));
    ignore(box);
    EXPECT_EQ(alarms(moving), 0);
    Scene with_object = moving.back();
    with_object.object = true;
    const Judgment found = judge(with_object);
    ASSERT_TRUE(found.anomalous);
    EXPECT_TRUE(object_box.overlaps(found.regions[0]));
    for (const Region &region : found.regions) EXPECT_TRUE(object_box.overlaps(region));
  }

  Yard yard_;
  std::shared_ptr<Detector> detector_;
};

TEST_F(ZoneScenes, ABurntInClock) {
  std::vector<Scene> ticking(10);
  for (int i = 0; i < 10; ++i) ticking[static_cast<std::size_t>(i)].time = i + 1;
  expect_only_the_zone_silences(ticking, clock_box);
}

TEST_F(ZoneScenes, AMovingTree) {
  std::vector<Scene> windy(10);
  for (int i = 0; i < 10; ++i) windy[static_cast<std::size_t>(i)].wind = 20 + 7 * i;
  expect_only_the_zone_silences(windy, tree_box);
}

TEST_F(ZoneScenes, AMonitorInView) {
  std::vector<Scene> on(10);
  for (int i = 0; i < 10; ++i) on[static_cast<std::size_t>(i)].channel = i;
  expect_only_the_zone_silences(on, monitor_box);
}

// Every cell that is not ignored, even next to the zone, keeps its value within 5 % of the threshold. Camera
// health does not use ignored parts either.
TEST_F(ZoneScenes, WhatIsIgnoredDoesNotReachTheCellsAroundIt) {
  learn(std::vector<Scene>(60));
  ignore(monitor_box);
  yard_ = Yard();
  const Detection still = see({});
  yard_ = Yard();  // the same noise
  Scene on;
  on.channel = 3;
  const Detection flashing = see(on);
  EXPECT_EQ(still.scene_distance, flashing.scene_distance);
  EXPECT_EQ(still.luma.values, flashing.luma.values);
  for (std::size_t i = 0; i < still.grid.values.size(); ++i) {
    if (still.zones->kept.cells[i] == 0) continue;
    EXPECT_NEAR(still.grid.values[i], flashing.grid.values[i], 0.05 * threshold()) << i;
  }
}

// A monitor that flashes during learning must not make the detector less sensitive beside it.
TEST_F(ZoneScenes, WhatIsIgnoredIsNotLearned) {
  ignore(monitor_box);
  std::vector<Scene> flashing(60);
  for (int i = 0; i < 60; ++i) flashing[static_cast<std::size_t>(i)].channel = i % 7;
  learn(flashing);
  yard_ = Yard();
  const int with_flashes = alarms(flashing);
  yard_ = Yard();  // the same noise
  EXPECT_EQ(with_flashes, alarms(std::vector<Scene>(60)));
  EXPECT_LE(with_flashes, 2);
  Scene with_object;
  with_object.object = true;
  EXPECT_TRUE(judge(with_object).anomalous);
  detector_->set_zones({});
  Scene other;
  other.channel = 99;
  EXPECT_TRUE(judge(other).anomalous);
}

}  // namespace
}  // namespace uniad
