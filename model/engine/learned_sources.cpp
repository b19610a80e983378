// SPDX-License-Identifier: Apache-2.0
#include "model/engine/learned_sources.h"

#include "model/file/provenance.h"

namespace uniad {

void LearnedSources::use(const HealthReferences &references) {
  for (const auto &[source, reference] : references)
    health_[source] = std::make_shared<const HealthReference>(reference);
}

void LearnedSources::use(const MotionReferences &references) {
  for (const auto &[source, reference] : references)
    motion_[source] = std::make_shared<const MotionReference>(reference);
}

void LearnedSources::use(const Provenance &provenance) {
  for (const SourceProvenance &source : provenance.sources) aspect_ratios_[source.name] = source.aspect_ratio;
}

double LearnedSources::aspect_ratio(const std::string &source) const {
  const auto own = aspect_ratios_.find(source);
  if (own != aspect_ratios_.end()) return own->second;
  double common = 0;
  for (const auto &[name, ratio] : aspect_ratios_) {
    if (common > 0 && !same_aspect_ratio(ratio, common)) return 0;
    common = ratio;
  }
  return common;
}

std::shared_ptr<const HealthReference> LearnedSources::health(const std::string &source) const {
  const auto known = health_.find(source);
  return known == health_.end() ? nullptr : known->second;
}

std::shared_ptr<const MotionReference> LearnedSources::motion(const std::string &source) const {
  const auto known = motion_.find(source);
  if (known != motion_.end()) return known->second;
  return motion_.size() == 1 && aspect_ratios_.size() <= 1 ? motion_.begin()->second : nullptr;
}

}  // namespace uniad
