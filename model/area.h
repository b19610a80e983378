// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace uniad {

// A part of a frame, in 0..1 of its width and height. It may reach beyond the frame.
struct Area {
  double x = 0, y = 0, width = 1, height = 1;

  bool operator==(const Area &) const = default;
};

}  // namespace uniad
