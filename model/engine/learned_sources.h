// SPDX-License-Identifier: Apache-2.0
// What a model has learned of each source besides statistics and thresholds.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "model/file/model_file.h"
#include "model/health/reference.h"
#include "model/motion/motion_reference.h"

namespace uniad {

// Not thread-safe.
class LearnedSources {
 public:
  // Replace what is known of these sources.
  void use(const HealthReferences &references);
  void use(const MotionReferences &references);
  void use(const Provenance &provenance);
  void set_aspect_ratio(const std::string &source, double ratio) { aspect_ratios_[source] = ratio; }

  // See Detector.
  double aspect_ratio(const std::string &source) const;
  std::shared_ptr<const HealthReference> health(const std::string &source) const;
  std::shared_ptr<const MotionReference> motion(const std::string &source) const;

 private:
  std::map<std::string, std::shared_ptr<const HealthReference>> health_;
  std::map<std::string, std::shared_ptr<const MotionReference>> motion_;
  std::map<std::string, double> aspect_ratios_;  // of pictures
};

}  // namespace uniad
