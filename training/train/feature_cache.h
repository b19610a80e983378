// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "training/data/source.h"
#include "training/data/visit.h"
#include "training/progress.h"
#include "training/train/cache_options.h"
#include "training/train/feature_extractor.h"

namespace uniad {

class FeatureRows;

// Features that were computed once: in half precision, in memory as far as its bound goes, and in files, a
// picture each, FOLDER/NETWORK/XX/ITEM: digests of everything that the features depend on, so that a file is
// right or is never asked for: NETWORK of weights, preprocessing, precision and program version, ITEM of the
// picture's path, size, time of change and frame.
//
// Files are written beside and renamed, so any number of processes may share a folder. A file that is damaged
// counts as missing and is written again. Where the folder cannot be written (a full disk), the user is told
// once, and what fits neither memory nor disk is computed anew whenever it is asked for. One caller at a
// time.
class FeatureCache {
 public:
  // Both must outlive it.
  FeatureCache(FeatureExtractor &extractor, Progress &progress, FeatureCacheOptions options);

  // Features of every item that can be read, in the order of the items, computed `batch` pictures at a time
  // where they are not known. The memory that rows take stays counted when they are gone. Throws Error when
  // interrupted.
  FeatureRows read(std::span<const Item> items, int batch, const std::string &stage);

 private:
  friend class FeatureRows;

  std::filesystem::path file_of(const Item &item) const;  // empty: none can be kept
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

// The features of some pictures as a matrix of which rows are asked for. The cache must outlive it.
class FeatureRows {
 public:
  std::int64_t rows() const { return std::ssize(rows_); }
  const Item &item(std::int64_t row) const { return rows_[static_cast<std::size_t>(row)].item; }
  const std::vector<Unread> &unread() const { return unread_; }  // items that have no row

  // (rows asked for, channels, H / 16, W / 16), fp32, in that order; the values are those of half precision.
  // Throws Error where features must be computed again and the picture has gone.
  torch::Tensor gather(std::span<const std::int64_t> rows) const;

 private:
  friend class FeatureCache;

  struct Row {
    Item item;
    std::filesystem::path file;  // empty: none can be kept
    torch::Tensor half;          // undefined: not in memory
  };

  FeatureCache *cache_ = nullptr;
  std::vector<Row> rows_;
  std::vector<Unread> unread_;
};

}  // namespace uniad
