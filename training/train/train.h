// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "training/progress.h"
#include "training/train/options.h"

namespace uniad {

// Learns what is normal in options.sources and writes options.model with its calibration. Polls interrupted()
// (training/interrupt.h): when it says so, throws Error naming the checkpoint that is kept. Throws Error when
// the loss stops being a number, and on anything that model/ refuses.
void train(const TrainOptions &options, Progress &progress);

}  // namespace uniad
