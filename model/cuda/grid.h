// SPDX-License-Identifier: Apache-2.0
// Divides planes into blocks of threads, for launching kernels on a GPU or on the host.
#pragma once

#include "model/base/host_device.h"

namespace uniad::cuda {

// A kernel is a body: a plain struct whose operator()(x, y) processes one position of a plane, independent of
// other positions. A plane is divided into these blocks of threads, both on a GPU and on the host.
struct Extent {
  int width = 0;
  int height = 0;
};
struct Index {
  int x = 0;
  int y = 0;
};

constexpr Extent block{32, 8};

constexpr Extent blocks_over(Extent plane) {
  return {(plane.width + block.width - 1) / block.width, (plane.height + block.height - 1) / block.height};
}

// The work of one thread; threads of the last blocks may be outside the plane.
template <typename Body>
UNIAD_HOST_DEVICE inline void run_thread(const Body &body, Extent plane, Index of_block, Index in_block) {
  const int x = of_block.x * block.width + in_block.x;
  const int y = of_block.y * block.height + in_block.y;
  if (x < plane.width && y < plane.height) body(x, y);
}

// Runs every thread of every block, one after the other.
struct HostLauncher {
  template <typename Body>
  void operator()(const Body &body, Extent plane) const {
    const Extent blocks = blocks_over(plane);
    Index b;
    Index t;
    for (b.y = 0; b.y < blocks.height; ++b.y)
      for (b.x = 0; b.x < blocks.width; ++b.x)
        for (t.y = 0; t.y < block.height; ++t.y)
          for (t.x = 0; t.x < block.width; ++t.x) run_thread(body, plane, b, t);
  }
};

}  // namespace uniad::cuda
