// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

#include <span>
#include <string>
#include <vector>

#include "model/network.h"
#include "training/data/source.h"
#include "training/data/visit.h"
#include "training/progress.h"

namespace uniad {

// The frozen backbone's features of pictures: constants of the training, so they are computed once and kept
// in half precision.
struct Features {
  torch::Tensor values;  // (pictures that could be read, channels, H / 16, W / 16), fp16
  std::vector<Unread> unread;
};

// Raw features (never standardised) of every item, `batch` pictures at a time. Throws Error when interrupted.
Features extract_features(Network &network, const InputConfig &input, std::span<const Item> items, int batch,
                          const std::string &stage, Progress &progress);

// Mean and standard deviation + 1e-6 of each channel over all tokens of all pictures, in fp32.
struct ChannelStatistics {
  torch::Tensor mean;
  torch::Tensor std;
};
ChannelStatistics channel_statistics(const std::vector<torch::Tensor> &values);

}  // namespace uniad
