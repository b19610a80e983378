// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "training/data/augment.h"
#include "training/data/source.h"
#include "training/train/feature_extractor.h"
#include "training/train/learn.h"

namespace uniad {

// Readers that read the pictures anew for every step, where features are no constants. What they read is
// `items`, by number. They throw Error where a picture has gone.

// Of pictures that look different in every epoch, by `extractor`, which must outlive the reader, and the
// network's standardising.
FeatureReader varied_features(FeatureExtractor &extractor, const Network &network, std::vector<Item> items,
                              const Augmentation &augmentation, std::uint64_t seed);

// Of a backbone that learns: by the network, with gradient.
FeatureReader learning_features(Network &network, const InputConfig &input, std::vector<Item> items,
                                const Augmentation &augmentation, std::uint64_t seed);

}  // namespace uniad
