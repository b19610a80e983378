// SPDX-License-Identifier: Apache-2.0
// Hides what is ignored of a stream from the network.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/scoring/zones.h"

namespace uniad {

// A network sees further than a cell: what happens in an ignored part of the frame changes the features
// around it. So the ignored pixels of the network's input are painted with what the first picture of the
// stream shows there, moved by the median of how much brighter or darker the others are since. (A model that
// was learned without zones knows the picture as it is: of all that was tried, this changes its scores least;
// docs/zones.md.)
class InputPaint {
 public:
  // What one picture shows.
  struct Seen {
    std::vector<float> ignored;      // 3 x ignored pixels; empty: nothing was seen
    std::vector<float> kept;         // 3 x some of the others
    std::vector<float> differences;  // working memory
  };

  // For input of this size. Pixels that a frame's ignored pixels reach when it is resized count as ignored.
  InputPaint(const Zones &zones, int width, int height);

  bool ignores_any() const { return !pixels_.empty(); }

  // Notes what a picture shows, and paints it once there is a first one. image: 3 x height x width. Any
  // number of threads, but not during remember().
  void apply(std::span<float> image, Seen &seen) const;

  // What this picture showed is painted from now on, if it is the first.
  void remember(const Seen &seen);

 private:
  std::size_t plane_;                  // pixels of a channel
  std::vector<std::uint32_t> pixels_;  // ignored ones, in a plane
  std::vector<std::uint32_t> others_;  // some that are not
  Seen first_;
};

}  // namespace uniad
