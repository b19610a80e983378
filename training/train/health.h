// SPDX-License-Identifier: Apache-2.0
// Learns the normal appearance of each camera's picture from training pictures.
#pragma once

#include <span>

#include "model/health/reference.h"
#include "training/data/source.h"
#include "training/train/features.h"

namespace uniad {

// Returns a function that adds every picture of these items to `learner` and does not change the picture. The
// learner and the items must outlive it. frame_rate: of videos, in frames per second; 0: not known.
PictureChange health_observer(ReferenceLearner &learner, std::span<const Item> items, double frame_rate,
                              const InputConfig &input);

}  // namespace uniad
