// SPDX-License-Identifier: Apache-2.0
// The reference for camera health: what pictures look like while the camera is in order, and how that is
// learned.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/health/picture.h"
#include "model/health/watches.h"

namespace uniad {

// Measurements of one picture.
struct PictureMeasures {
  double mean = 0;       // luma, 0..255
  double bright = 0;     // luma; 95 % of the pixels are darker
  double detail = 0;     // mean length of the gradient at scene_side, in levels over two pixels
  double sharpness = 0;  // energy of the finest structures as a share of that of coarse ones
};

PictureMeasures measure(const GrayPicture &picture,
                        const LumaPlane &scene);  // scene: the picture at scene_side

// One look of a scene, such as by day, by night, or with the lamps on.
struct SceneLook {
  static constexpr int deviation_side = 56;

  GrayPicture mean;       // scene_side x scene_side
  GrayPicture deviation;  // deviation_side x deviation_side: standard deviations of pixels, in levels
  std::int64_t pictures = 0;
  double detail = 0;     // pictures are rarely below it: mean - 2 standard deviations
  double sharpness = 0;  // likewise
};

// What was learned of a source; about 16 kB per look.
struct HealthReference {
  static constexpr std::size_t most_looks = 3;

  std::vector<SceneLook> looks;  // most pictures first; empty: nothing was learned
  double darkest = 255;          // the smallest PictureMeasures::bright
  double jump = 0;               // the largest LightStep::jump
  // The smallest change (largest_change) within still_window; absent if pictures had no times.
  std::optional<double> stillest;

  bool empty() const { return looks.empty(); }
};

// By source.
using HealthReferences = std::map<std::string, HealthReference>;

// Merges the references of sources in `learned` into `known`.
void merge_into(HealthReferences &known, const HealthReferences &learned);

// The length of the windows among which the stillest is determined.
inline constexpr std::chrono::seconds still_window{10};

// Merges two references of a source. Similar looks become one.
HealthReference merge(HealthReference a, const HealthReference &b);

// The mean picture of the look with the most pictures, at width x height; empty if nothing was learned.
GrayPicture mean_picture(const HealthReference &reference, int width, int height);

// Learns the reference of a source from its pictures, in order. Takes about a millisecond per picture at
// first, and less later.
class ReferenceLearner {
 public:
  // time: absent for a picture that is not part of a stream.
  void add(const GrayPicture &picture, std::optional<std::chrono::nanoseconds> time);
  HealthReference finish() const;

 private:
  // Sums for the mean, and for the value that pictures are rarely below.
  struct Sums {
    double sum = 0;
    double squares = 0;
    void add(double value) {
      sum += value;
      squares += value * value;
    }
    double low(std::int64_t count) const;
  };
  struct Candidate {
    std::int64_t pictures = 0;
    std::vector<double> sum;  // of each pixel
    std::vector<double> squares;
    Sums detail;
    Sums sharpness;

    LumaPlane mean() const;
  };

  void add_look(const GrayPicture &picture, const LumaPlane &scene);
  void follow(const GrayPicture &picture, const LumaPlane &scene, std::chrono::nanoseconds time);
  Candidate &candidate_of(const LumaPlane &scene);

  std::vector<Candidate> candidates_;
  std::int64_t seen_ = 0;
  double darkest_ = 255;
  double jump_ = 0;
  std::optional<double> stillest_;
  StillPicture window_;
  LightWatch light_;
};

}  // namespace uniad
