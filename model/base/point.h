// SPDX-License-Identifier: Apache-2.0
// A point in a plane.
#pragma once

namespace uniad {

struct Point {
  double x = 0;
  double y = 0;

  bool operator==(const Point &) const = default;
};

}  // namespace uniad
