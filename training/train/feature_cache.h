// SPDX-License-Identifier: Apache-2.0
// Caches features in memory and on disk.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "training/base/progress.h"
#include "training/data/source.h"
#include "training/data/visit.h"
#include "training/train/cache_options.h"
#include "training/train/feature_extractor.h"
#include "training/train/features.h"

namespace uniad {

class FeatureRows;

// Caches features in half precision: in memory up to a limit, and in files, one per picture, named
// FOLDER/NETWORK/XX/ITEM. NETWORK and ITEM are digests of everything that the features depend on, so that a
// file is never used for other features: NETWORK of weights, preprocessing, precision and program version,
// ITEM of the picture's path, size, modification time and frame, and of what is painted over ignored pixels.
//
// Files are written atomically, so any number of processes may share a folder. A damaged file is treated as
// missing and is written again. If the folder cannot be written to (a full disk), this is reported once, and
// features that fit neither in memory nor on disk are recomputed whenever they are needed. Not thread-safe.
class FeatureCache {
 public:
  // The extractor and the progress must outlive the cache.
  FeatureCache(FeatureExtractor &extractor, Progress &progress, FeatureCacheOptions options);

  // Features of every item that can be read, in the order of the items, computed in batches of `batch`
  // pictures if they are not cached. The memory of rows remains counted after their destruction. observe, if
  // given, is called for every picture that is not cached. zones: of the items; null: none. Throws Error on
  // interruption.
  FeatureRows read(std::span<const Item> items, int batch, const std::string &stage,
                   const PictureChange &observe = {}, const Zones *zones = nullptr);

  const InputConfig &input() const { return extractor_.input(); }

 private:
  friend class FeatureRows;

  // Sets the zones, shows them the first item that can be read, and returns a digest of how they change the
  // pictures. Empty if they do not.
  std::string begin_zones(const Zones *zones, std::span<const Item> items);
  // Empty if it cannot be cached. paint: from begin_zones().
  std::filesystem::path file_of(const Item &item, const std::string &paint) const;
  bool has_file(const std::filesystem::path &file) const;
  torch::Tensor load(const std::filesystem::path &file) const;  // undefined: missing or damaged
  void store(const std::filesystem::path &file, const torch::Tensor &half);
  bool take_memory();  // for one row
  std::uint64_t row_bytes() const;
  torch::Tensor compute(std::span<const Item> items);  // fp32; throws Error for one that cannot be read
  void stop_writing(const std::string &reason);
  void trim() const;

  FeatureExtractor &extractor_;
  Progress &progress_;
  FeatureCacheOptions options_;
  std::filesystem::path network_folder_;
  std::uint64_t memory_left_;
  bool writes_;
};

// The features of some pictures as a matrix with access by row. The cache must outlive it.
class FeatureRows {
 public:
  std::int64_t rows() const { return std::ssize(rows_); }
  const Item &item(std::int64_t row) const { return rows_[static_cast<std::size_t>(row)].item; }
  const std::vector<Unread> &unread() const { return unread_; }  // items that have no row
  // The zones of the items on the grid of their features; null if there are none.
  std::shared_ptr<const ZoneGrid> zones() const { return zones_ ? zones_->grid() : nullptr; }

  // (requested rows, channels, H / 16, W / 16), fp32, in that order, with values in half precision. Throws
  // Error if features must be recomputed but the picture can no longer be read.
  torch::Tensor gather(std::span<const std::int64_t> rows) const;

 private:
  friend class FeatureCache;

  struct Row {
    Item item;
    std::filesystem::path file;  // empty if it cannot be cached
    torch::Tensor half;          // undefined: not in memory
  };

  FeatureCache *cache_ = nullptr;
  std::shared_ptr<ZonesInForce> zones_;  // may be null
  std::vector<Row> rows_;
  std::vector<Unread> unread_;
};

}  // namespace uniad
