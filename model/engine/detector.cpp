// SPDX-License-Identifier: Apache-2.0
#include "model/engine/detector.h"

#include <torch/torch.h>

#include <future>
#include <mutex>
#include <utility>

#include "model/error.h"
#include "model/network.h"

namespace uniad {
namespace {

torch::ScalarType choose_precision(const std::string &precision) {
  if (precision == "auto" || precision == "fp32") return torch::kFloat32;
  if (precision == "bf16") return torch::kBFloat16;
  throw Error("precision", "unknown value '" + precision + "'", "use auto, fp32 or bf16");
}

void require_cpu(const std::string &device) {
  if (device == "auto" || device == "cpu") return;
  if (device.starts_with("cuda"))
    throw Error(device, "this build has no CUDA module", "use device=cpu or device=auto");
  throw Error("device", "unknown value '" + device + "'", "use auto, cpu or cuda:N");
}

// Runs each batch on the caller's thread. One at a time: LibTorch's own threads already fill the machine.
class CpuDetector : public Detector {
 public:
  CpuDetector(const Model &model, const std::string &where, torch::ScalarType precision)
      : config_(model.config),
        calibration_(model.calibration),
        precision_(precision),
        preprocessor_(model.config.input),
        network_(make_network(model, where)) {
    network_->set_precision(precision);
  }

  void submit(std::span<const FrameView> frames, Done done) override {
    std::vector<Detection> detections;
    std::exception_ptr error;
    try {
      detections = judge(frames);
    } catch (...) {
      error = std::current_exception();  // handed to `done`, which is the caller's catch
    }
    done(detections, error);
  }

  const ModelConfig &config() const override { return config_; }
  const Calibration &calibration() const override { return calibration_; }

  std::string description() const override {
    return config_.backbone.name + " at " + std::to_string(config_.input.width) + "x" +
           std::to_string(config_.input.height) + ", cpu, " +
           (precision_ == torch::kFloat32 ? "fp32" : "bf16");
  }

 private:
  std::vector<Detection> judge(std::span<const FrameView> frames) {
    const std::scoped_lock lock(mutex_);
    const c10::InferenceMode inference;
    const auto count = static_cast<std::int64_t>(frames.size());
    const std::int64_t pixels = std::int64_t{config_.input.height} * config_.input.width;
    const torch::Tensor images = torch::empty({count, 3, config_.input.height, config_.input.width});
    for (std::int64_t i = 0; i < count; ++i) {
      preprocessor_.run(frames[static_cast<std::size_t>(i)],
                        {images.data_ptr<float>() + i * 3 * pixels, static_cast<std::size_t>(3 * pixels)});
    }
    const torch::Tensor grids = network_
                                    ->grid(images.to(precision_, /*non_blocking=*/false, /*copy=*/false,
                                                     torch::MemoryFormat::ChannelsLast))
                                    .to(torch::kFloat32)
                                    .contiguous();
    const auto rows = static_cast<int>(grids.size(1));
    const auto columns = static_cast<int>(grids.size(2));
    std::vector<Detection> detections;
    for (std::int64_t i = 0; i < count; ++i) {
      const float *values = grids.data_ptr<float>() + i * rows * columns;
      Grid grid{columns, rows, {values, values + std::ptrdiff_t{rows} * columns}};
      const float score = image_score(grid, config_.score);
      detections.push_back({std::move(grid), score});
    }
    return detections;
  }

  const ModelConfig config_;
  const Calibration calibration_;
  const torch::ScalarType precision_;
  std::mutex mutex_;  // the preprocessor's buffers and the network serve one batch at a time
  Preprocessor preprocessor_;
  std::shared_ptr<Network> network_;
};

}  // namespace

std::shared_ptr<Detector> Detector::open(const std::filesystem::path &model, const DetectorOptions &options) {
  require_cpu(options.device);
  const torch::ScalarType precision = choose_precision(options.precision);
  return std::make_shared<CpuDetector>(read_model(model), model.string(), precision);
}

std::vector<Detection> Detector::detect(std::span<const FrameView> frames) {
  std::promise<std::vector<Detection>> promise;
  submit(frames, [&promise](std::span<const Detection> detections, std::exception_ptr error) {
    if (error) {
      promise.set_exception(std::move(error));
    } else {
      promise.set_value({detections.begin(), detections.end()});
    }
  });
  return promise.get_future().get();
}

}  // namespace uniad
