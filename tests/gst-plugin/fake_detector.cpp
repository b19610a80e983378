// SPDX-License-Identifier: Apache-2.0
#include "tests/gst-plugin/fake_detector.h"

#include <stdexcept>

namespace uniad {

namespace {

class FakeDetector : public Detector {
 public:
  FakeDetector() { ++test::fake_network().open_detectors; }
  ~FakeDetector() override { --test::fake_network().open_detectors; }

  void submit(std::span<const FrameView> frames, Done done) override {
    std::vector<Detection> detections;
    try {
      for (const auto &frame : frames) detections.push_back(test::fake_network().judge(frame));
    } catch (...) {
      done({}, std::current_exception());
      return;
    }
    done(detections, nullptr);
  }

  const ModelConfig &config() const override { return config_; }
  const Calibration &calibration() const override { return test::fake_network().calibration; }
  std::string description() const override { return "fake"; }

 private:
  ModelConfig config_;
};

}  // namespace

std::shared_ptr<Detector> Detector::open(const std::filesystem::path & /*model*/,
                                         const DetectorOptions & /*options*/) {
  if (!test::fake_network().open_error.empty()) throw std::runtime_error(test::fake_network().open_error);
  return std::make_shared<FakeDetector>();
}

std::vector<Detection> Detector::detect(std::span<const FrameView> frames) {
  std::vector<Detection> result;
  std::exception_ptr failure;
  submit(frames, [&](std::span<const Detection> detections, std::exception_ptr error) {
    result.assign(detections.begin(), detections.end());
    failure = std::move(error);
  });
  if (failure) std::rethrow_exception(failure);
  return result;
}

}  // namespace uniad

namespace uniad::test {

FakeNetwork &fake_network() {
  static FakeNetwork network;
  return network;
}

Detection FakeNetwork::first_byte(const FrameView &frame) {
  const float value = static_cast<float>(*frame.planes[0].data) / 255.0F;
  Detection detection;
  detection.grid = {14, 14, std::vector<float>(196, value)};
  detection.score = value;
  return detection;
}

}  // namespace uniad::test
