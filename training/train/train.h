// SPDX-License-Identifier: Apache-2.0
// Trains a model and writes it.
#pragma once

#include "training/base/progress.h"
#include "training/train/options.h"

namespace uniad {

// Trains a model on the normal data in options.sources and writes it to options.model with its calibration.
// On interruption (training/base/interrupt.h), throws Error with the checkpoint that was saved. Throws Error
// if the loss is not finite, and on errors of model/.
void train(const TrainOptions &options, Progress &progress);

}  // namespace uniad
