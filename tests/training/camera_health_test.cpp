// SPDX-License-Identifier: Apache-2.0
// Tests camera health on real footage: reports nothing for cameras in order, and reports what is wrong with
// others.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "model/health/monitor.h"
#include "model/preprocess/preprocess.h"
#include "tests/support/shared.h"
#include "training/data/source.h"
#include "training/data/visit.h"

namespace uniad {
namespace {

constexpr int side = 224;

struct Clip {
  const char *path;
  double frame_rate;
  int learned;  // number of frames to learn, from the first on; they are normal
};

std::ostream &operator<<(std::ostream &out, const Clip &clip) {
  return out << clip.path;
}

// Visits the gray picture of each frame, at width x width.
void visit_luma(const std::filesystem::path &path, int width,
                const std::function<void(std::size_t frame, GrayPicture luma)> &visitor) {
  const std::vector<std::string> specs{path.string()};
  InputConfig input;
  input.width = input.height = width;
  Preprocessor preprocessor(input);
  std::vector<std::uint8_t> rgb(std::size_t{3} * static_cast<std::size_t>(width) *
                                static_cast<std::size_t>(width));
  constexpr std::size_t most = 1000;  // frames
  for (Source &source : open_sources(specs)) {
    source.train.resize(std::min(source.train.size(), most));
    visit_items(source.train, [&](std::size_t index, const FrameView &frame) {
      preprocessor.resize(frame, rgb);
      GrayPicture luma;
      luma_of_rgb(rgb, width, width, luma);
      visitor(index, std::move(luma));
    });
  }
}

std::chrono::nanoseconds time_of(std::size_t frame, double frame_rate) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(1e9 * static_cast<double>(frame) / frame_rate));
}

// The kinds that are raised while something is shown.
class Raised {
 public:
  explicit Raised(const HealthReference &reference) : reference_(reference) {}
  void show(const GrayPicture &luma, std::chrono::nanoseconds time) {
    report = monitor_.update(luma, time, {}, &reference_);
    for (std::size_t kind = 0; kind < health_kinds; ++kind)
      if (report.states[kind].holds) kinds.insert(std::string(health_kind_names[kind]));
  }

  std::set<std::string> kinds;
  HealthReport report;

 private:
  const HealthReference &reference_;
  HealthMonitor monitor_;
};

class RealClips : public testing::TestWithParam<Clip> {};

TEST_P(RealClips, RaiseNothing) {
  UNIAD_NEED_SHARED(path, std::string("data/video/") + GetParam().path);
  const auto [name, frame_rate, learned] = GetParam();
  ReferenceLearner learner;
  HealthReference reference;
  Raised raised(reference);
  visit_luma(path, side,
             [&, rate = frame_rate, last = static_cast<std::size_t>(learned)](std::size_t frame,
                                                                              const GrayPicture &luma) {
               if (frame < last) {
                 learner.add(luma, time_of(frame, rate));
                 return;
               }
               if (frame == last) reference = learner.finish();
               raised.show(luma, time_of(frame, rate));
             });
  EXPECT_FALSE(reference.empty());
  EXPECT_EQ(raised.kinds, std::set<std::string>{});
}

INSTANTIATE_TEST_SUITE_P(
    All, RealClips,
    testing::Values(Clip{"conveyor/conveyor.mp4", 90, 500}, Clip{"clips/bottle-detection.mp4", 29.8, 170},
                    Clip{"clips/car-detection.mp4", 12.5, 120},
                    Clip{"clips/one-by-one-person-detection.mp4", 10, 400},
                    Clip{"clips/retail-1080p-hevc.mp4", 30, 200}, Clip{"light_change/clouds.mp4", 25, 600},
                    Clip{"avenue/train/10.mp4", 25, 400}, Clip{"avenue/train/11.mp4", 25, 400},
                    Clip{"avenue/train/12.avi", 25, 50}, Clip{"avenue/train/16.avi", 25, 100},
                    Clip{"avenue/test/17.avi", 25, 100}, Clip{"avenue/test/20.avi", 25, 100},
                    Clip{"ped1/Test001.avi", 10, 60}, Clip{"ped1/Test019.avi", 10, 60},
                    Clip{"ped1/Test024.avi", 10, 60}, Clip{"room/09-06.mp4", 5, 600},
                    Clip{"room/09-12.mp4", 5, 600}));

// A picture of 256x256 around the one of 224x224, so that shifts are exact crops.
GrayPicture crop(const GrayPicture &large, int x, int y) {
  GrayPicture picture{side, side, {}};
  const int margin = (large.width - side) / 2;
  for (int row = 0; row < side; ++row) {
    const std::uint8_t *from =
        large.values.data() + std::ptrdiff_t{margin + y + row} * large.width + (margin + x);
    picture.values.insert(picture.values.end(), from, from + side);
  }
  return picture;
}

TEST(RealFaults, AreRaised) {
  UNIAD_NEED_SHARED(path, "data/video/clips/one-by-one-person-detection.mp4");
  constexpr double rate = 10;
  std::vector<GrayPicture> frames;
  visit_luma(path, 256, [&](std::size_t frame, GrayPicture luma) {
    if (frame < 600) frames.push_back(std::move(luma));
  });
  ReferenceLearner learner;
  for (std::size_t i = 0; i < 400; ++i) learner.add(crop(frames[i], 0, 0), time_of(i, rate));
  const HealthReference reference = learner.finish();
  const auto brightness = [](GrayPicture picture, double gain, double offset) {
    for (std::uint8_t &value : picture.values)
      value = static_cast<std::uint8_t>(std::clamp(gain * value + offset, 0.0, 255.0));
    return picture;
  };
  using Fault = std::function<GrayPicture(std::size_t)>;
  const std::vector<std::tuple<const char *, Fault, std::set<std::string>>> faults{
      {"none", [&](std::size_t i) { return crop(frames[i], 0, 0); }, {}},
      {"2 px", [&](std::size_t i) { return crop(frames[i], 2, 0); }, {}},
      {"12 px", [&](std::size_t i) { return crop(frames[i], 12, 0); }, {"moved"}},
      {"covered",
       [&](std::size_t i) { return brightness(crop(frames[i], 0, 0), 0, 90.0 + static_cast<double>(i % 5)); },
       {"covered"}},
      {"black", [&](std::size_t i) { return brightness(crop(frames[i], 0, 0), 0.02, 0); }, {"black"}},
      {"frozen", [&](std::size_t) { return crop(frames[450], 0, 0); }, {"frozen"}},
      {"lamp",
       [&](std::size_t i) { return brightness(crop(frames[i], 0, 0), i < 500 ? 1 : 0.4, 0); },
       {"light-change"}}};
  for (const auto &[name, fault, kinds] : faults) {
    Raised raised(reference);
    for (std::size_t i = 420; i < 600; ++i) raised.show(fault(i), time_of(i, rate));
    EXPECT_EQ(raised.kinds, kinds) << name;
  }
  // The shift is measured in pixels, whether or not the camera counts as moved.
  for (const int shift : {1, 2, 4, 12, 16}) {
    Raised raised(reference);
    raised.show(crop(frames[450], shift, 0), time_of(0, rate));
    ASSERT_TRUE(raised.report.shift) << shift;
    EXPECT_NEAR(raised.report.shift->x * side, -shift, 0.6) << shift;
  }
}

}  // namespace
}  // namespace uniad
