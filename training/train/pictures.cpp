// SPDX-License-Identifier: Apache-2.0
#include "training/train/pictures.h"

#include <utility>

#include "model/base/error.h"
#include "model/preprocess/preprocess.h"
#include "training/data/visit.h"
#include "training/train/features.h"

namespace uniad {
namespace {

std::vector<Item> chosen(const std::vector<Item> &items, const torch::Tensor &numbers) {
  std::vector<Item> some;
  for (std::int64_t i = 0; i < numbers.numel(); ++i)
    some.push_back(items[static_cast<std::size_t>(numbers[i].item<std::int64_t>())]);
  return some;
}

PictureChange change_of(const InputConfig &input, const Augmentation &augmentation, std::uint64_t seed,
                        const torch::Tensor &numbers, std::int64_t epoch) {
  if (!augmentation.any()) return {};
  return [=](std::size_t index, std::span<std::uint8_t> rgb) {
    const auto picture = numbers[static_cast<std::int64_t>(index)].item<std::int64_t>();
    augment(rgb, input.width, input.height, augmentation,
            {seed, static_cast<std::uint64_t>(epoch), static_cast<std::uint64_t>(picture)});
  };
}

void require_all(const std::vector<Unread> &unread) {
  if (!unread.empty())
    throw Error(ErrorKind::InvalidArgument, unread.front().reason,
                "was readable when the training started but no longer is",
                "do not move the pictures until the training has finished");
}

}  // namespace

FeatureReader varied_features(FeatureExtractor &extractor, const Network &network, std::vector<Item> items,
                              const Augmentation &augmentation, std::uint64_t seed) {
  return [&extractor, &network, items = std::move(items), augmentation, seed](const torch::Tensor &numbers,
                                                                              std::int64_t epoch) {
    torch::Tensor features = torch::empty({0});
    if (numbers.numel() == 0) return StepPictures{features, {}};
    require_all(visit_features(
        extractor, chosen(items, numbers), static_cast<int>(numbers.numel()),
        [&](std::span<const std::size_t>, const torch::Tensor &all) { features = network.standardize(all); },
        change_of(extractor.input(), augmentation, seed, numbers, epoch)));
    return StepPictures{features, {}};
  };
}

FeatureReader learning_features(Network &network, const InputConfig &input, std::vector<Item> items,
                                const Augmentation &augmentation, std::uint64_t seed) {
  return [&network, input, items = std::move(items), augmentation, seed](const torch::Tensor &numbers,
                                                                         std::int64_t epoch) {
    if (numbers.numel() == 0) return StepPictures{torch::empty({0}), {}};
    Preprocessor preprocessor(input);
    torch::Tensor pixels = torch::empty({numbers.numel(), input.height, input.width, 3}, torch::kUInt8);
    const auto change = change_of(input, augmentation, seed, numbers, epoch);
    require_all(visit_items(chosen(items, numbers), [&](std::size_t index, const FrameView &frame) {
      const torch::Tensor picture = pixels[static_cast<std::int64_t>(index)];
      const std::span<std::uint8_t> rgb(picture.data_ptr<std::uint8_t>(),
                                        static_cast<std::size_t>(picture.numel()));
      preprocessor.resize(frame, rgb);
      if (change) change(index, rgb);
    }));
    const auto channel_wise = [](const std::array<float, 3> &values) {
      return torch::tensor(c10::ArrayRef<float>(values.data(), values.size()));
    };
    const torch::Tensor images =
        (pixels.to(torch::kFloat32) / 255 - channel_wise(input.mean)) / channel_wise(input.std);
    return StepPictures{network.features(images.permute({0, 3, 1, 2})), {}};
  };
}

}  // namespace uniad
