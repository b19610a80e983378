// SPDX-License-Identifier: Apache-2.0
// Reads normal pictures and splits them into training and held-out data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/file/model_file.h"
#include "model/health/reference.h"
#include "training/base/progress.h"
#include "training/train/feature_cache.h"
#include "training/train/learn.h"
#include "training/train/options.h"

namespace uniad {

// A source's normal pictures that could be read, in the order of its items.
struct NormalPictures {
  FeatureSet features;
  std::vector<Item> items;
  std::vector<bool> held_back;
  std::vector<int> folds;

  // The numbers of the held-out pictures, or of the others.
  std::vector<std::int64_t> numbers(bool of_held_back) const;
};

// The normal data of all sources, whose features are read once.
struct NormalData {
  std::vector<NormalPictures> pictures;  // of each source
  std::vector<SourceFeatures> sources;
  std::vector<Item> trained;  // one source after the other
  HealthReferences health;
};

// The subset with these numbers, renumbered from 0.
FeatureSet some_of(const FeatureSet &set, std::vector<std::int64_t> chosen);

FeatureSet as_set(FeatureRows rows);

// Features of the items that can be read; the others are reported to `progress`.
FeatureRows read_items(FeatureCache &cache, const std::vector<Item> &items, int batch,
                       const std::string &source, const std::string &what, Progress &progress,
                       const PictureChange &observe = {});

// Reads the normal data of options.sources and adds it to `provenance`. Pictures whose features are cached
// are read again for `health`, some of them. Throws Error if nothing of a source can be read. The cache must
// outlive it.
NormalData read_normal(FeatureCache &cache, const TrainOptions &options, Provenance &provenance,
                       Progress &progress);

}  // namespace uniad
