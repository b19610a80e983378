// SPDX-License-Identifier: Apache-2.0
// Hides the ignored parts of a stream from the network.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/scoring/zones.h"

namespace uniad {

// The receptive field of a feature is larger than its cell, so what happens in an ignored part of the frame
// changes the features around it. Therefore, the ignored pixels of the network's input are painted with what
// the first picture of the stream shows there, adjusted by the median change of brightness of the other
// pixels since then. (A model that was learned without zones has learned the whole picture. Of all methods
// that were tried, this one changes its scores least; docs/zones.md.)
class InputPaint {
 public:
  // The pixels of one picture that are needed for painting.
  struct Seen {
    std::vector<float> ignored;      // 3 x ignored pixels; empty: no picture yet
    std::vector<float> kept;         // 3 x a sample of the other pixels
    std::vector<float> differences;  // working memory
  };

  // width, height: of the network's input. A pixel also counts as ignored if ignored pixels of the frame
  // contribute to it when the frame is resized.
  InputPaint(const Zones &zones, int width, int height);

  bool ignores_any() const { return !pixels_.empty(); }
  bool needs_first() const { return ignores_any() && first_.ignored.empty(); }
  // The indices of the ignored pixels in a plane, and what the first picture shows, which together determine
  // how a picture is painted.
  const std::vector<std::uint32_t> &pixels() const { return pixels_; }
  const Seen &first() const { return first_; }

  // Stores what the picture shows in `seen`, and paints the picture if there is a first one. image: 3 x
  // height x width. Any number of threads may call it concurrently, but not during remember().
  void apply(std::span<float> image, Seen &seen) const;

  // If this is the first picture, what it showed is painted from now on.
  void remember(const Seen &seen);

 private:
  std::size_t plane_;                  // pixels of a channel
  std::vector<std::uint32_t> pixels_;  // indices of ignored pixels in a plane
  std::vector<std::uint32_t> others_;  // indices of a sample of the other pixels
  Seen first_;
};

}  // namespace uniad
