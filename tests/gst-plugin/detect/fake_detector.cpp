// SPDX-License-Identifier: Apache-2.0
#include "tests/gst-plugin/detect/fake_detector.h"

#include <algorithm>
#include <mutex>
#include <stdexcept>
#include <utility>

namespace uniad {

namespace {

class FakeDetector : public Detector {
 public:
  FakeDetector(std::filesystem::path path, const DetectorOptions &options)
      : path_(std::move(path)), tell_(options.tell) {
    ++test::fake_network().open_detectors;
  }
  ~FakeDetector() override { --test::fake_network().open_detectors; }

  void detect(std::span<const FrameView> frames, std::vector<Detection> &detections) override {
    detections.clear();
    for (const auto &frame : frames) {
      test::fake_network().frames_with_motion += frame.motion ? 1 : 0;
      detections.push_back(learning_ ? learn_from(frame) : test::fake_network().judge(frame));
      if (!detections.back().unjudged) judge_zones(detections.back());
    }
  }

  void pause() override { ++test::fake_network().pauses; }

  void set_source(const std::string & /*source*/) override {}

  std::vector<std::string> set_zones(Zones zones) override {
    std::shared_ptr<const ZoneGrid> grid;
    if (!zones.empty()) grid = std::make_shared<ZoneGrid>(zones_on(std::move(zones), {14, 14, {}}));
    const std::lock_guard lock(mutex_);
    zones_ = std::move(grid);
    return zones_ ? warnings_about(*zones_) : std::vector<std::string>();
  }

  const ModelConfig &config() const override { return config_; }
  bool learn(const LearnOptions &options) override {
    if (!test::fake_network().learn_error.empty()) throw std::runtime_error(test::fake_network().learn_error);
    test::fake_network().learn_options = options;
    if (options.once && test::fake_network().calibration.sources.contains(options.source)) return false;
    learning_ = test::fake_network().interrupted.value_or(LearningProgress{});
    learning_->state = LearningProgress::State::Learning;
    learning_->source = options.source;
    learning_->wanted = options.frames;
    learning_->wanted_time = options.time;
    first_.reset();
    tell_(*learning_);
    return true;
  }

  void end_learning() override {
    if (!learning_) return;
    learning_->state = LearningProgress::State::Interrupted;
    if (learning_->frames > 0) learning_->kept = "/kept/here";
    test::fake_network().interrupted = learning_;
    tell_(*std::exchange(learning_, std::nullopt));
  }

  void update_means(const Detection & /*normal*/) override { ++test::fake_network().followed; }
  double drift() const override { return 0.01 * test::fake_network().followed; }
  void save() override {
    if (!test::fake_network().save_error.empty()) throw std::runtime_error(test::fake_network().save_error);
    test::fake_network().saved.push_back(path_);
  }

  std::shared_ptr<const Calibration> calibration() const override {
    return std::make_shared<Calibration>(test::fake_network().calibration);
  }
  double aspect_ratio(const std::string & /*source*/) const override {
    return test::fake_network().aspect_ratio;
  }
  std::shared_ptr<const HealthReference> health_reference(const std::string & /*source*/) const override {
    return test::fake_network().health;
  }
  std::shared_ptr<const MotionReference> motion_reference(const std::string & /*source*/) const override {
    return test::fake_network().motion;
  }
  std::string description() const override { return "fake"; }
  std::string warning() const override { return test::fake_network().warning; }

 private:
  void judge_zones(Detection &detection) const {
    const std::lock_guard lock(mutex_);
    detection.zones = zones_;
    if (!zones_) return;
    for (const JudgedPart &part : zones_->parts)
      detection.part_scores.push_back(Scorer(part.cells, ScoreKind::Max).score(detection.grid));
    detection.score = *std::max_element(detection.part_scores.begin(), detection.part_scores.end());
  }

  Detection learn_from(const FrameView &frame) {
    Detection detection;
    detection.unjudged = true;
    ++learning_->frames;
    if (!first_) first_ = frame.time;
    learning_->time = *frame.time - *first_;
    const bool enough = learning_->frames >= learning_->wanted && learning_->time >= learning_->wanted_time;
    if (!enough) {
      tell_(*learning_);
      return detection;
    }
    LearningProgress done = *std::exchange(learning_, std::nullopt);
    done.state = LearningProgress::State::Done;
    done.normal = ScoreStatistics{0.5, 0.25, 0.0625, done.frames};
    test::fake_network().calibration.sources[done.source] = *done.normal;
    tell_(done);
    LearningProgress saved = done;
    saved.state = LearningProgress::State::Saved;
    try {
      save();
    } catch (const std::exception &error) {
      saved.state = LearningProgress::State::Unsaved;
      saved.failure = error.what();
    }
    tell_(saved);
    return detection;
  }

  const std::filesystem::path path_;
  const std::function<void(const LearningProgress &)> tell_;
  ModelConfig config_;
  std::optional<LearningProgress> learning_;
  mutable std::mutex mutex_;                       // guards the zones
  std::shared_ptr<const ZoneGrid> zones_;          // null: none
  std::optional<std::chrono::nanoseconds> first_;  // time of the first frame to learn from
};

}  // namespace

std::shared_ptr<Detector> Detector::open(const std::filesystem::path &model, const DetectorOptions &options) {
  test::fake_network().options = options;
  if (test::fake_network().open_error) throw Error(*test::fake_network().open_error);
  return std::make_shared<FakeDetector>(model, options);
}

std::optional<int> Detector::cuda_device(const std::string &device) {
  test::fake_network().asked_device = device;
  return test::fake_network().cuda_device;
}

bool Detector::holds_unsaved(const std::filesystem::path & /*model*/) {
  return test::fake_network().holds_unsaved;
}

std::vector<Detection> Detector::detect(std::span<const FrameView> frames) {
  std::vector<Detection> detections;
  detect(frames, detections);
  return detections;
}

}  // namespace uniad

namespace uniad::test {

FakeNetwork &fake_network() {
  static FakeNetwork network;
  return network;
}

void FakeNetwork::reset() {
  *this = FakeNetwork();
}

Detection FakeNetwork::first_byte(const FrameView &frame) {
  const float value = static_cast<float>(*frame.planes[0].data) / 255.0F;
  Detection detection;
  detection.grid = {14, 14, std::vector<float>(196, value)};
  detection.score = value;
  return detection;
}

}  // namespace uniad::test
