// SPDX-License-Identifier: Apache-2.0
#include "training/train/features.h"

#include "model/error.h"
#include "model/preprocess/preprocess.h"
#include "training/interrupt.h"

namespace uniad {

std::vector<Unread> visit_features(Network &network, const InputConfig &input, std::span<const Item> items,
                                   int batch, const std::string &stage, const FeatureVisitor &visitor,
                                   Progress &progress) {
  const torch::NoGradGuard no_grad;
  Preprocessor preprocessor(input);
  const torch::Tensor images = torch::empty({batch, 3, input.height, input.width});
  std::vector<std::size_t> waiting;
  const auto run_batch = [&] {
    if (waiting.empty()) return;
    const auto count = static_cast<std::int64_t>(waiting.size());
    visitor(waiting,
            network.features(images.narrow(0, 0, count).contiguous(torch::MemoryFormat::ChannelsLast)));
    waiting.clear();
  };
  progress.begin(stage, static_cast<std::int64_t>(items.size()));
  std::vector<Unread> unread = visit_items(items, [&](std::size_t index, const FrameView &frame) {
    if (interrupted())
      throw Error("train", "interrupted while reading pictures", "nothing was learned yet: start again");
    const std::int64_t size = 3 * std::int64_t{input.height} * input.width;
    preprocessor.run(frame,
                     {images.data_ptr<float>() + std::ssize(waiting) * size, static_cast<std::size_t>(size)});
    waiting.push_back(index);
    if (std::ssize(waiting) == batch) run_batch();
    progress.update(static_cast<std::int64_t>(index) + 1);
  });
  run_batch();
  progress.end();
  return unread;
}

Features extract_features(Network &network, const InputConfig &input, std::span<const Item> items, int batch,
                          const std::string &stage, Progress &progress) {
  std::vector<torch::Tensor> parts;
  Features features;
  features.unread = visit_features(
      network, input, items, batch, stage,
      [&](std::span<const std::size_t>, const torch::Tensor &some) {
        parts.push_back(some.to(torch::kFloat16, /*non_blocking=*/false, /*copy=*/false,
                                torch::MemoryFormat::Contiguous));
      },
      progress);
  features.values = parts.empty() ? torch::empty({0, network.channels(), input.height / 16, input.width / 16},
                                                 torch::kFloat16)
                                  : torch::cat(parts);
  return features;
}

ChannelStatistics channel_statistics(const std::vector<torch::Tensor> &values) {
  // Picture by picture in double: a whole cache in fp32 would double its memory.
  torch::Tensor sum;
  torch::Tensor squares;
  std::int64_t tokens = 0;
  for (const torch::Tensor &source : values) {
    for (std::int64_t i = 0; i < source.size(0); ++i) {
      const torch::Tensor picture = source[i].flatten(1).to(torch::kFloat64);
      const torch::Tensor picture_sum = picture.sum(1);
      const torch::Tensor picture_squares = picture.square().sum(1);
      sum = sum.defined() ? sum + picture_sum : picture_sum;
      squares = squares.defined() ? squares + picture_squares : picture_squares;
      tokens += picture.size(1);
    }
  }
  const torch::Tensor mean = sum / tokens;
  const torch::Tensor variance = (squares / tokens - mean.square()).clamp_min(0);
  return {mean.to(torch::kFloat32), (variance.sqrt() + 1e-6).to(torch::kFloat32)};
}

torch::Tensor whitening_of(const std::vector<torch::Tensor> &standardised) {
  constexpr double shrinkage = 0.05;
  const std::int64_t channels = standardised.front().size(1);
  torch::Tensor products = torch::zeros({channels, channels}, torch::kFloat64);
  std::int64_t tokens = 0;
  for (const torch::Tensor &source : standardised) {
    for (std::int64_t i = 0; i < source.size(0); ++i) {
      const torch::Tensor picture = source[i].flatten(1).to(torch::kFloat64);
      products += picture.mm(picture.t());
      tokens += picture.size(1);
    }
  }
  const torch::Tensor covariance = products / tokens;  // the mean is 0
  const torch::Tensor identity = torch::eye(channels, torch::kFloat64);
  const torch::Tensor shrunk =
      (1 - shrinkage) * covariance + (shrinkage * covariance.diag().mean() + 1e-6) * identity;
  return at::linalg_solve_triangular(at::linalg_cholesky(shrunk), identity, /*upper=*/false)
      .to(torch::kFloat32);
}

}  // namespace uniad
