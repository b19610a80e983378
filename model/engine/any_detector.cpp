// SPDX-License-Identifier: Apache-2.0
// The functions of Detector that all implementations share.
#include <cmath>

#include "model/base/error.h"
#include "model/engine/cuda_module.h"
#include "model/engine/detector.h"
#include "model/engine/engine.h"

namespace uniad {

std::optional<int> Detector::cuda_device(const std::string &device) {
  const std::string chosen = choose_device(device);
  if (chosen == "cpu") return std::nullopt;
  return cuda_device_number(chosen);
}

bool Detector::holds_unsaved(const std::filesystem::path &model) {
  return model_store_of(model)->has_unsaved();
}

std::vector<Detection> Detector::detect(std::span<const FrameView> frames) {
  std::vector<Detection> detections;
  detect(frames, detections);
  for (const Detection &detection : detections)
    if (!std::isfinite(detection.score))
      throw Error(ErrorKind::InvalidArgument, "detect", "the score of a frame is not finite",
                  "the model file is damaged: train it again");
  return detections;
}

}  // namespace uniad
