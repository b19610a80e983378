// SPDX-License-Identifier: Apache-2.0
// Reads normal pictures and splits them into training and held-out data.
#pragma once

#include <cstdint>
#include <memory>
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
  std::shared_ptr<const ZoneGrid> zones;  // may be null
  std::vector<Item> items;
  std::vector<bool> held_back;
  std::vector<int> folds;

  // Returns the numbers of the held-out pictures or, if `of_held_back` is false, of the others.
  std::vector<std::int64_t> numbers(bool of_held_back) const;
};

// The normal data of all sources, whose features are read once.
struct NormalData {
  std::vector<NormalPictures> pictures;  // of each source
  std::vector<SourceFeatures> sources;
  std::vector<Item> trained;  // the items to train on, one source after the other
  HealthReferences health;
};

// Returns the subset with these numbers, renumbered from 0.
FeatureSet some_of(const FeatureSet &set, std::vector<std::int64_t> chosen);

FeatureSet as_set(FeatureRows rows);

// Returns the features of those of a source's items that can be read, and reports the others to `progress`.
FeatureRows read_items(FeatureCache &cache, const std::vector<Item> &items, const TrainOptions &options,
                       const std::string &source, const std::string &what, Progress &progress,
                       const PictureChange &observe = {});

// Reads the normal data of options.sources and adds it to `provenance`. If the features of a source are
// cached, reads some of its pictures again for `health`. Throws Error if no item of a source can be read. The
// cache must outlive the result.
NormalData read_normal(FeatureCache &cache, const TrainOptions &options, Provenance &provenance,
                       Progress &progress);

}  // namespace uniad
