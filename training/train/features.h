// SPDX-License-Identifier: Apache-2.0
// The features of all pictures of a training.
#pragma once

#include <torch/torch.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "training/base/progress.h"
#include "training/data/source.h"
#include "training/data/visit.h"
#include "training/train/feature_extractor.h"

namespace uniad {

// Called with the features (pictures, channels, H / 16, W / 16), fp32, of a few pictures, and with the index
// of each among the items.
using FeatureVisitor =
    std::function<void(std::span<const std::size_t> indices, const torch::Tensor &features)>;

// Called with the index of an item and its picture at input size (R G B, height x width x 3), for example to
// augment it.
using PictureChange = std::function<void(std::size_t index, std::span<std::uint8_t> rgb)>;

// Called with the index of an item and its picture as it was read. It is also called for frames of a video
// that are decoded between two items, with their number and the index of the next item. number: of the frame
// in its video; absent for a picture.
using FrameObserver =
    std::function<void(std::size_t index, std::optional<std::int64_t> number, const FrameView &frame)>;

// Passes the features of every item that can be read to `visitor`, on the calling thread, in batches of
// `batch` pictures, while the engine and the decoders process the next ones. change, if given, is called for
// every picture at input size and may modify it. Returns the items that could not be read.
std::vector<Unread> visit_features(FeatureExtractor &extractor, std::span<const Item> items, int batch,
                                   const FeatureVisitor &visitor, const PictureChange &change = {},
                                   const VisitListener &listener = {}, const FrameObserver &observe = {});

// The same, reported as a stage of the progress. Throws Error on interruption.
std::vector<Unread> visit_features(FeatureExtractor &extractor, std::span<const Item> items, int batch,
                                   const std::string &stage, const FeatureVisitor &visitor,
                                   Progress &progress, const PictureChange &change = {},
                                   const FrameObserver &observe = {});

// The features of a frozen backbone. They do not change in training, so they are computed once and kept in
// half precision.
struct Features {
  torch::Tensor values;  // (pictures that could be read, channels, H / 16, W / 16), fp16
  std::vector<Unread> unread;
};

// Features of every item, as from visit_features(): raw features if the network does not standardize yet.
Features extract_features(FeatureExtractor &extractor, std::span<const Item> items, int batch,
                          const std::string &stage, Progress &progress);

// Raw features of some pictures, accessed by number: (numbers, channels, H / 16, W / 16), fp32, in that
// order.
struct FeatureSet {
  std::int64_t pictures = 0;
  std::function<torch::Tensor(std::span<const std::int64_t> numbers)> gather;
};

FeatureSet in_memory(const torch::Tensor &values);  // (pictures, channels, H / 16, W / 16), any type

// Passes all features of the set to `visitor` in batches.
void visit_set(const FeatureSet &set, int batch, const std::function<void(const torch::Tensor &)> &visitor);

// Mean and standard deviation + 1e-6 of each channel over all tokens of all pictures, in fp32.
struct ChannelStatistics {
  torch::Tensor mean;
  torch::Tensor std;
};
ChannelStatistics channel_statistics(std::span<const FeatureSet> sets);

// Returns the whitening matrix W, (channels, channels), fp32, with W covariance W^T = 1 over all tokens of
// the features after `standardize`. The covariance is first shrunk by 1/20 toward a multiple of the identity.
torch::Tensor whitening_of(std::span<const FeatureSet> sets,
                           const std::function<torch::Tensor(const torch::Tensor &)> &standardize);

}  // namespace uniad
