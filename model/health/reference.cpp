// SPDX-License-Identifier: Apache-2.0
#include "model/health/reference.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <utility>

#include "model/health/scene_edges.h"

namespace uniad {
namespace {

constexpr double same_look = 0.6;     // correlation of edges; at least: two pictures show the same look
constexpr double alike_looks = 0.85;  // the same for two means, which have no noise
constexpr std::size_t most_candidates = 6;
constexpr double least_share = 0.05;     // of the pictures; a candidate with fewer is not a look of the scene
constexpr std::int64_t all_until = 200;  // pictures; after these, every fifth is used
constexpr std::int64_t one_in = 5;
constexpr double rounding = 0.075;  // variance that rounding to levels adds to the finest structures

constexpr std::size_t scene_pixels = std::size_t{scene_side} * scene_side;

LumaPlane of_scene_side(std::vector<float> values) {
  return {scene_side, scene_side, std::move(values)};
}

double variance_of_details(const LumaPlane &plane) {
  const LumaPlane coarse = smooth(plane);
  double sum = 0;
  for (std::size_t i = 0; i < plane.values.size(); ++i) {
    const double difference = plane.values[i] - coarse.values[i];
    sum += difference * difference;
  }
  return sum / static_cast<double>(std::max<std::size_t>(plane.values.size(), 1));
}

LumaPlane as_plane(const GrayPicture &picture) {
  return {picture.width, picture.height, {picture.values.begin(), picture.values.end()}};
}

GrayPicture as_picture(const LumaPlane &plane) {
  GrayPicture picture{plane.width, plane.height, {}};
  picture.values.reserve(plane.values.size());
  for (const float value : plane.values)
    picture.values.push_back(static_cast<std::uint8_t>(std::lround(std::clamp(value, 0.0F, 255.0F))));
  return picture;
}

LumaPlane edges_of_mean(const LumaPlane &mean) {
  return halve(edges_to_match(mean));
}

SceneLook merge(const SceneLook &a, const SceneLook &b) {
  const double share = static_cast<double>(b.pictures) / static_cast<double>(a.pictures + b.pictures);
  const auto mix = [share](const GrayPicture &x, const GrayPicture &y) {
    GrayPicture mixed = x;
    for (std::size_t i = 0; i < x.values.size(); ++i)
      mixed.values[i] =
          static_cast<std::uint8_t>(std::lround((1 - share) * x.values[i] + share * y.values[i]));
    return mixed;
  };
  return {mix(a.mean, b.mean), mix(a.deviation, b.deviation), a.pictures + b.pictures,
          std::min(a.detail, b.detail), std::min(a.sharpness, b.sharpness)};
}

void keep_most_frequent(std::vector<SceneLook> &looks) {
  std::stable_sort(looks.begin(), looks.end(),
                   [](const SceneLook &a, const SceneLook &b) { return a.pictures > b.pictures; });
  if (looks.size() > HealthReference::most_looks) looks.resize(HealthReference::most_looks);
}

}  // namespace

PictureMeasures measure(const GrayPicture &picture, const LumaPlane &scene) {
  PictureMeasures measures;
  std::array<std::size_t, 256> histogram{};
  for (const std::uint8_t level : picture.values) ++histogram[level];
  std::size_t below = 0;
  double sum = 0;
  for (std::size_t level = 0; level < histogram.size(); ++level) {
    sum += static_cast<double>(level * histogram[level]);
    if (100 * below < 95 * picture.values.size()) measures.bright = static_cast<double>(level);
    below += histogram[level];
  }
  measures.mean = sum / static_cast<double>(picture.values.size());
  const LumaPlane lengths = edges_to_match(scene);
  measures.detail =
      std::accumulate(lengths.values.begin(), lengths.values.end(), 0.0) / static_cast<double>(scene_pixels);
  const double fine = std::max(variance_of_details(as_plane(picture)) - rounding, 0.0);
  const double coarse = variance_of_details(halve(halve(scene)));
  measures.sharpness = coarse > rounding ? std::sqrt(fine / coarse) : 0;
  return measures;
}

HealthReference merge(HealthReference a, const HealthReference &b) {
  if (a.empty()) return b;
  if (b.empty()) return a;
  for (const SceneLook &look : b.looks) {
    const LumaPlane edges = edges_of_mean(as_plane(look.mean));
    const auto alike = std::find_if(a.looks.begin(), a.looks.end(), [&](const SceneLook &other) {
      return correlation(edges, edges_of_mean(as_plane(other.mean))) >= alike_looks;
    });
    if (alike == a.looks.end())
      a.looks.push_back(look);
    else
      *alike = merge(*alike, look);
  }
  keep_most_frequent(a.looks);
  a.darkest = std::min(a.darkest, b.darkest);
  a.jump = std::max(a.jump, b.jump);
  if (b.stillest) a.stillest = std::min(a.stillest.value_or(*b.stillest), *b.stillest);
  return a;
}

void merge_into(HealthReferences &known, const HealthReferences &learned) {
  for (const auto &[source, reference] : learned) known[source] = merge(std::move(known[source]), reference);
}

GrayPicture mean_picture(const HealthReference &reference, int width, int height) {
  if (reference.empty()) return {};
  return as_picture(reduce(reference.looks.front().mean, width, height));
}

double ReferenceLearner::Sums::low(std::int64_t count) const {
  const double mean = sum / static_cast<double>(count);
  return std::max(mean - 2 * std::sqrt(std::max(squares / static_cast<double>(count) - mean * mean, 0.0)),
                  0.0);
}

LumaPlane ReferenceLearner::Candidate::mean() const {
  LumaPlane plane = of_scene_side(std::vector<float>(scene_pixels));
  for (std::size_t i = 0; i < scene_pixels; ++i)
    plane.values[i] = static_cast<float>(sum[i] / static_cast<double>(pictures));
  return plane;
}

void ReferenceLearner::add(const GrayPicture &picture, std::optional<std::chrono::nanoseconds> time) {
  if (picture.empty()) return;
  const LumaPlane scene = reduce(picture, scene_side, scene_side);
  if (time) follow(picture, scene, *time);
  ++seen_;
  if (seen_ <= all_until || seen_ % one_in == 0) add_look(picture, scene);
}

// Windows do not overlap, and the largest change in each counts.
void ReferenceLearner::follow(const GrayPicture &picture, const LumaPlane &scene,
                              std::chrono::nanoseconds time) {
  constexpr double any = 256;
  constexpr std::int64_t fewest = 3;
  window_.add(picture, time, any);
  if (window_.duration() >= still_window) {
    if (window_.pictures() >= fewest)
      stillest_ = std::min(stillest_.value_or(window_.change()), window_.change());
    window_.reset();
  }
  jump_ = std::max(jump_, light_.add(scene, time, any).jump);
}

ReferenceLearner::Candidate &ReferenceLearner::candidate_of(const LumaPlane &scene) {
  const LumaPlane edges = edges_of_mean(scene);
  double best = -2;
  Candidate *nearest = nullptr;
  for (Candidate &candidate : candidates_) {
    const double value = correlation(edges, edges_of_mean(candidate.mean()));
    if (value <= best) continue;
    best = value;
    nearest = &candidate;
  }
  if (best >= same_look || candidates_.size() == most_candidates) return *nearest;
  candidates_.push_back({0, std::vector<double>(scene_pixels), std::vector<double>(scene_pixels), {}, {}});
  return candidates_.back();
}

void ReferenceLearner::add_look(const GrayPicture &picture, const LumaPlane &scene) {
  const PictureMeasures measures = measure(picture, scene);
  darkest_ = std::min(darkest_, measures.bright);
  Candidate &candidate = candidate_of(scene);
  ++candidate.pictures;
  candidate.detail.add(measures.detail);
  candidate.sharpness.add(measures.sharpness);
  for (std::size_t i = 0; i < scene_pixels; ++i) {
    const double value = scene.values[i];
    candidate.sum[i] += value;
    candidate.squares[i] += value * value;
  }
}

HealthReference ReferenceLearner::finish() const {
  HealthReference reference;
  std::int64_t total = 0;
  for (const Candidate &candidate : candidates_) total += candidate.pictures;
  for (const Candidate &candidate : candidates_) {
    if (static_cast<double>(candidate.pictures) < least_share * static_cast<double>(total)) continue;
    const LumaPlane mean = candidate.mean();
    LumaPlane deviation = mean;
    for (std::size_t i = 0; i < scene_pixels; ++i) {
      const double value = mean.values[i];
      const double variance = candidate.squares[i] / static_cast<double>(candidate.pictures) - value * value;
      deviation.values[i] = static_cast<float>(std::sqrt(std::max(variance, 0.0)));
    }
    reference.looks.push_back({as_picture(mean), as_picture(halve(deviation)), candidate.pictures,
                               candidate.detail.low(candidate.pictures),
                               candidate.sharpness.low(candidate.pictures)});
  }
  keep_most_frequent(reference.looks);
  reference.darkest = darkest_;
  reference.jump = jump_;
  reference.stillest = stillest_;
  return reference;
}

}  // namespace uniad
