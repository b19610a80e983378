// SPDX-License-Identifier: Apache-2.0
#include "tests/gst-plugin/fake_detector.h"

#include <stdexcept>
#include <utility>

namespace uniad {

namespace {

class FakeDetector : public Detector {
 public:
  FakeDetector() { ++test::fake_network().open_detectors; }
  ~FakeDetector() override { --test::fake_network().open_detectors; }

  void detect(std::span<const FrameView> frames, std::vector<Detection> &detections) override {
    detections.clear();
    for (const auto &frame : frames)
      detections.push_back(learning_ ? learn_from(frame) : test::fake_network().judge(frame));
  }

  void pause() override { ++test::fake_network().pauses; }
  const ModelConfig &config() const override { return config_; }
  void learn(const LearnOptions &options) override {
    if (!test::fake_network().learn_error.empty()) throw std::runtime_error(test::fake_network().learn_error);
    test::fake_network().learn_options = options;
    learning_ = Learning{};
    learning_->wanted = options.frames;
    learning_->wanted_time = options.time;
    first_.reset();
    source_ = options.source;
  }

  std::optional<Learning> finish_learning() override {
    if (!learning_) return std::nullopt;
    Learning result = *std::exchange(learning_, std::nullopt);
    if (result.frames == 0) throw std::runtime_error("no frame came that could be learned from");
    result.finished = true;
    result.normal = ScoreStatistics{0.5, 0.25, 0.0625, result.frames};
    test::fake_network().calibration.sources[source_] = *result.normal;
    return result;
  }

  void follow(const Detection & /*normal*/) override { ++test::fake_network().followed; }
  double drift() const override { return 0.01 * test::fake_network().followed; }
  void save(const std::filesystem::path &path) override {
    if (!test::fake_network().save_error.empty()) throw std::runtime_error(test::fake_network().save_error);
    test::fake_network().saved.push_back(path);
  }

  std::shared_ptr<const Calibration> calibration() const override {
    return std::make_shared<Calibration>(test::fake_network().calibration);
  }
  double aspect_ratio(const std::string & /*source*/) const override {
    return test::fake_network().aspect_ratio;
  }
  std::string description() const override { return "fake"; }
  std::string remark() const override { return test::fake_network().remark; }

 private:
  Detection learn_from(const FrameView &frame) {
    Detection detection;
    ++learning_->frames;
    if (!first_) first_ = frame.time;
    learning_->time = *frame.time - *first_;
    const bool enough = learning_->frames >= learning_->wanted && learning_->time >= learning_->wanted_time;
    detection.learning = enough ? finish_learning() : learning_;
    return detection;
  }

  ModelConfig config_;
  std::optional<Learning> learning_;
  std::optional<std::chrono::nanoseconds> first_;  // time of the first frame that it learns from
  std::string source_;
};

}  // namespace

std::shared_ptr<Detector> Detector::open(const std::filesystem::path & /*model*/,
                                         const DetectorOptions &options) {
  test::fake_network().options = options;
  if (!test::fake_network().open_error.empty()) throw std::runtime_error(test::fake_network().open_error);
  return std::make_shared<FakeDetector>();
}

std::optional<int> Detector::cuda_device(const std::string &device) {
  test::fake_network().asked_device = device;
  return test::fake_network().cuda_device;
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
