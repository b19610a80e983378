// SPDX-License-Identifier: Apache-2.0
// Keeps what update_means() needs of the frames that were judged last.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "model/scoring/zone_grid.h"

namespace uniad {

struct JudgedFrame {
  std::uint64_t id = 0;
  std::size_t cluster = 0;
  std::vector<float> features;
  std::shared_ptr<const ZoneGrid> zones;  // may be null
};

// The two newest frames.
class JudgedFrames {
 public:
  // A frame with a new id, in place of the oldest.
  JudgedFrame &next() {
    JudgedFrame &frame = frames_[++newest_ % frames_.size()];
    frame.id = newest_;
    return frame;
  }

  // Null if it is not one of them.
  const JudgedFrame *find(std::uint64_t id) const {
    const JudgedFrame &frame = frames_[id % frames_.size()];
    return id != 0 && frame.id == id ? &frame : nullptr;
  }

 private:
  std::uint64_t newest_ = 0;
  std::array<JudgedFrame, 2> frames_;
};

}  // namespace uniad
