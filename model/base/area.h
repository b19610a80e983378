// SPDX-License-Identifier: Apache-2.0
// A rectangle in relative coordinates.
#pragma once

namespace uniad {

// A part of a frame, in 0..1 of its width and height. It may extend beyond the frame.
struct Area {
  double x = 0, y = 0, width = 1, height = 1;

  // The position of u, v = 0..1 of the frame in cells that divide the area evenly: column c spans c to c + 1.
  double column_at(double u, int columns) const { return (u - x) / width * columns; }
  double row_at(double v, int rows) const { return (v - y) / height * rows; }

  bool operator==(const Area &) const = default;
};

}  // namespace uniad
