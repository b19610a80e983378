// SPDX-License-Identifier: Apache-2.0
// Learns what cameras look like where they are in order, from the pictures of a training.
#pragma once

#include <span>

#include "model/health/reference.h"
#include "training/data/source.h"
#include "training/train/features.h"

namespace uniad {

// Adds every picture that it is called with, of these items, to `learner`, and leaves it as it is. All of
// them must outlive it. frame_rate: of videos; 0: not known.
PictureChange health_observer(ReferenceLearner &learner, std::span<const Item> items, double frame_rate,
                              const InputConfig &input);

}  // namespace uniad
