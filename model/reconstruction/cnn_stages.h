// SPDX-License-Identifier: Apache-2.0
// The stages of the CNN baseline.
#pragma once

#include <array>

namespace uniad {

// A stage of the CNN baseline (paper, appendix B.1): ResNet-34's numbers of blocks, channels from `dim`.
struct CnnStage {
  int blocks = 0;
  int channels = 0;
};

inline std::array<CnnStage, 4> cnn_stages(int dim) {
  return {{{3, dim}, {4, dim / 2}, {6, dim / 2}, {3, dim}}};
}

}  // namespace uniad
