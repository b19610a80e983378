// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace uniad {

// A part of a frame, in 0..1 of its width and height. It may reach beyond the frame.
struct Area {
  double x = 0, y = 0, width = 1, height = 1;

  // Where u, v = 0..1 of the frame lie in cells that share the area evenly: column c reaches from c to c + 1.
  double column_at(double u, int columns) const { return (u - x) / width * columns; }
  double row_at(double v, int rows) const { return (v - y) / height * rows; }

  bool operator==(const Area &) const = default;
};

}  // namespace uniad
