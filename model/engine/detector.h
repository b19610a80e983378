// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "model/engine/score.h"
#include "model/file/model_file.h"
#include "model/preprocess/frame_view.h"

namespace uniad {

struct DetectorOptions {
  std::string device = "auto";     // auto, cpu, cuda, cuda:N
  std::string precision = "auto";  // auto, fp32, bf16
};

// The network's word on one frame, before any threshold.
struct Detection {
  Grid grid;        // input size / 16, e.g. 14x14
  float score = 0;  // config().score of it
};

// A model ready to judge frames: the only door to the network, free of torch types. Thread-safe.
class Detector {
 public:
  // Called once for every submit, with one Detection a frame in the frames' order, or with the error that
  // stopped it (then the span is empty). May run on another thread, and before submit returns; must not
  // throw.
  using Done = std::function<void(std::span<const Detection> detections, std::exception_ptr error)>;

  // Throws Error (file, configuration, missing tensors, unknown or absent device).
  static std::shared_ptr<Detector> open(const std::filesystem::path &model,
                                        const DetectorOptions &options = {});

  virtual ~Detector() = default;
  Detector(const Detector &) = delete;
  Detector &operator=(const Detector &) = delete;

  // Judges frames of any sizes and layouts as one batch. The frames must stay valid until `done` is called.
  virtual void submit(std::span<const FrameView> frames, Done done) = 0;

  // The same, waiting for the result; throws what stopped it.
  std::vector<Detection> detect(std::span<const FrameView> frames);

  virtual const ModelConfig &config() const = 0;
  virtual const Calibration &calibration() const = 0;
  virtual std::string description() const = 0;  // "efficientnet-b4 at 224x224, cpu, fp32": what `auto` became

 protected:
  Detector() = default;
};

}  // namespace uniad
