// SPDX-License-Identifier: Apache-2.0
#include "training/train/features.h"

#include <algorithm>
#include <cstdint>
#include <future>
#include <numeric>
#include <utility>

#include "model/base/error.h"
#include "model/preprocess/preprocess.h"
#include "training/base/interrupt.h"
#include "training/data/report.h"

namespace uniad {

namespace {

// A batch of pictures at the network's input size that the engine processes together.
class Batch {
 public:
  Batch(const InputConfig &input, int capacity)
      : width_(input.width),
        height_(input.height),
        pixels_(static_cast<std::size_t>(capacity) * picture_size()) {}

  bool full() const { return (indices_.size() + 1) * picture_size() > pixels_.size(); }
  const std::vector<std::size_t> &indices() const { return indices_; }
  void clear() { indices_.clear(); }

  // Adds a picture and returns its pixels, R G B, for writing.
  std::span<std::uint8_t> add(std::size_t index) {
    indices_.push_back(index);
    return std::span(pixels_).subspan((indices_.size() - 1) * picture_size(), picture_size());
  }

  std::vector<FrameView> frames() const {
    std::vector<FrameView> views(indices_.size());
    for (std::size_t i = 0; i < views.size(); ++i) {
      views[i].layout = PixelLayout::RGB;
      views[i].width = width_;
      views[i].height = height_;
      views[i].planes[0] = {pixels_.data() + i * picture_size(), std::ptrdiff_t{3} * width_};
    }
    return views;
  }

 private:
  std::size_t picture_size() const {
    return std::size_t{3} * static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_);
  }

  int width_;
  int height_;
  std::vector<std::uint8_t> pixels_;
  std::vector<std::size_t> indices_;
};

}  // namespace

std::vector<Unread> visit_features(FeatureExtractor &extractor, std::span<const Item> items, int batch,
                                   const FeatureVisitor &visitor, const PictureChange &change,
                                   const VisitListener &listener, const FrameObserver &observe) {
  const torch::NoGradGuard no_grad;
  Preprocessor preprocessor(extractor.input());
  Batch filling(extractor.input(), batch);
  Batch running(extractor.input(), batch);
  std::future<torch::Tensor> features;  // result of `running`
  const auto finish = [&] {
    if (features.valid()) visitor(running.indices(), features.get());
    running.clear();
  };
  const auto start = [&] {
    finish();
    if (filling.indices().empty()) return;
    std::swap(filling, running);
    features =
        std::async(std::launch::async, [&, frames = running.frames()] { return extractor.run(frames); });
  };
  VisitListener all = listener;
  if (observe) all.between = observe;
  std::vector<Unread> unread = visit_items(
      items,
      [&](std::size_t index, const FrameView &frame) {
        const std::span<std::uint8_t> rgb = filling.add(index);
        preprocessor.resize(frame, rgb);
        if (change) change(index, rgb);
        if (observe) observe(index, items[index].frame, frame);
        if (filling.full()) start();
      },
      all);
  start();
  finish();
  return unread;
}

std::vector<Unread> visit_features(FeatureExtractor &extractor, std::span<const Item> items, int batch,
                                   const std::string &stage, const FeatureVisitor &visitor,
                                   Progress &progress, const PictureChange &change,
                                   const FrameObserver &observe) {
  progress.begin(stage, static_cast<std::int64_t>(items.size()));
  auto unread = visit_features(
      extractor, items, batch, visitor,
      [&](std::size_t index, std::span<std::uint8_t> rgb) {
        if (change) change(index, rgb);
        if (interrupted())
          throw Error(ErrorKind::Interrupted, "train", "interrupted while reading pictures",
                      "run the command again, with --resume if there is a checkpoint");
        progress.update(static_cast<std::int64_t>(index) + 1);
      },
      tell_by(progress), observe);
  progress.end();
  return unread;
}

Features extract_features(FeatureExtractor &extractor, std::span<const Item> items, int batch,
                          const std::string &stage, Progress &progress) {
  std::vector<torch::Tensor> parts;
  Features features;
  features.unread = visit_features(
      extractor, items, batch, stage,
      [&](std::span<const std::size_t>, const torch::Tensor &some) {
        parts.push_back(some.to(torch::kFloat16));
      },
      progress);
  const std::vector<std::int64_t> &shape = extractor.shape();
  parts.push_back(torch::empty({0, shape[0], shape[1], shape[2]}, torch::kFloat16));
  features.values = torch::cat(parts);
  return features;
}

FeatureSet in_memory(const torch::Tensor &values) {
  return {values.size(0), [values](std::span<const std::int64_t> numbers) {
            const auto chosen =
                torch::tensor(c10::IntArrayRef(numbers.data(), numbers.size()), torch::kInt64);
            return values.index_select(0, chosen).to(torch::kFloat32);
          }};
}

void visit_set(const FeatureSet &set, int batch, const std::function<void(const torch::Tensor &)> &visitor) {
  std::vector<std::int64_t> numbers;
  for (std::int64_t first = 0; first < set.pictures; first += batch) {
    numbers.resize(static_cast<std::size_t>(std::min<std::int64_t>(batch, set.pictures - first)));
    std::iota(numbers.begin(), numbers.end(), first);
    visitor(set.gather(numbers));
  }
}

namespace {

constexpr int statistics_batch = 8;  // pictures; a small number limits memory

// (channels, tokens) in double.
torch::Tensor tokens_of(const torch::Tensor &features) {
  return features.to(torch::kFloat64).transpose(0, 1).flatten(1);
}

}  // namespace

ChannelStatistics channel_statistics(std::span<const FeatureSet> sets) {
  torch::Tensor sum;
  torch::Tensor squares;
  std::int64_t count = 0;
  for (const FeatureSet &set : sets) {
    visit_set(set, statistics_batch, [&](const torch::Tensor &features) {
      const torch::Tensor tokens = tokens_of(features);
      sum = sum.defined() ? sum + tokens.sum(1) : tokens.sum(1);
      squares = squares.defined() ? squares + tokens.square().sum(1) : tokens.square().sum(1);
      count += tokens.size(1);
    });
  }
  const torch::Tensor mean = sum / count;
  const torch::Tensor variance = (squares / count - mean.square()).clamp_min(0);
  return {mean.to(torch::kFloat32), (variance.sqrt() + 1e-6).to(torch::kFloat32)};
}

torch::Tensor whitening_of(std::span<const FeatureSet> sets,
                           const std::function<torch::Tensor(const torch::Tensor &)> &standardize) {
  constexpr double shrinkage = 0.05;
  torch::Tensor products;
  std::int64_t count = 0;
  for (const FeatureSet &set : sets) {
    visit_set(set, statistics_batch, [&](const torch::Tensor &features) {
      const torch::Tensor tokens = tokens_of(standardize(features));
      const torch::Tensor some = tokens.mm(tokens.t());
      products = products.defined() ? products + some : some;
      count += tokens.size(1);
    });
  }
  const torch::Tensor covariance = products / count;  // the mean is 0 after `standardize`
  const torch::Tensor identity = torch::eye(covariance.size(0), torch::kFloat64);
  const torch::Tensor shrunk =
      (1 - shrinkage) * covariance + (shrinkage * covariance.diag().mean() + 1e-6) * identity;
  return at::linalg_solve_triangular(at::linalg_cholesky(shrunk), identity, /*upper=*/false)
      .to(torch::kFloat32);
}

}  // namespace uniad
