// SPDX-License-Identifier: Apache-2.0
// Reads pictures as network input.
#pragma once

#include <cstdint>
#include <vector>

#include "training/data/augment.h"
#include "training/data/source.h"
#include "training/train/feature_extractor.h"
#include "training/train/learn.h"

namespace uniad {

// Readers that read the pictures again for every step, for features that change in training. Pictures are
// accessed by their number in `items`. They throw Error if a picture can no longer be read.

// Features of pictures that are augmented in every epoch, computed by `extractor`, which must outlive the
// reader, and standardized by the network.
FeatureReader varied_features(FeatureExtractor &extractor, const Network &network, std::vector<Item> items,
                              const Augmentation &augmentation, std::uint64_t seed);

// Features of a backbone that is trained, computed by the network with gradient.
FeatureReader learning_features(Network &network, const InputConfig &input, std::vector<Item> items,
                                const Augmentation &augmentation, std::uint64_t seed);

}  // namespace uniad
