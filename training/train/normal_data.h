// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/file/model_file.h"
#include "training/progress.h"
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

  // The numbers of those that are held back, or of the others.
  std::vector<std::int64_t> numbers(bool of_held_back) const;
};

// What is normal of all sources: features that are read once.
struct NormalData {
  std::vector<NormalPictures> pictures;  // of each source
  std::vector<SourceFeatures> sources;
  std::vector<Item> trained;  // one source after the other
};

// Those of a set with these numbers, which they lose: they are counted anew from 0.
FeatureSet some_of(const FeatureSet &set, std::vector<std::int64_t> chosen);

FeatureSet as_set(FeatureRows rows);

// Features of the items that can be read; the progress is told of the others.
FeatureRows read_items(FeatureCache &cache, const std::vector<Item> &items, int batch,
                       const std::string &source, const std::string &what, Progress &progress);

// What is normal in options.sources, of which the provenance is told. Throws Error where nothing of a source
// can be read. The cache must outlive it.
NormalData read_normal(FeatureCache &cache, const TrainOptions &options, Provenance &provenance,
                       Progress &progress);

}  // namespace uniad
