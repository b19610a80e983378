// SPDX-License-Identifier: Apache-2.0
// How many pictures a second become features, side by side in rounds: LibTorch's network, the engine on
// pictures in memory, the trainer's way from files (decoding, resizing, engine), and decoding alone. usage:
// features_bench WEIGHTS PICTURES ROUNDS DATA...
#include <torch/torch.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "model/file/weights.h"
#include "model/preprocess/preprocess.h"
#include "tests/bench/timing.h"
#include "training/train/features.h"

namespace uniad {
namespace {

constexpr int batch = 8;
constexpr int libtorch_batches = 3;

std::vector<Item> spread(const std::vector<Source> &sources, std::size_t count) {
  std::vector<Item> all;
  for (const Source &source : sources) all.insert(all.end(), source.train.begin(), source.train.end());
  std::vector<Item> chosen;
  for (std::size_t i = 0; i < std::min(count, all.size()); ++i)
    chosen.push_back(all[i * all.size() / std::min(count, all.size())]);
  return chosen;
}

void run(int argc, char **argv) {
  if (argc < 5) throw std::runtime_error("usage: features_bench WEIGHTS PICTURES ROUNDS DATA...");
  const BackboneWeights weights = read_backbone_weights(argv[1]);
  const std::vector<std::string> specs(argv + 4, argv + argc);
  const std::vector<Item> items = spread(open_sources(specs), static_cast<std::size_t>(std::atoi(argv[2])));
  ModelConfig config = config_on(weights);
  config.reconstruction.reset();
  config.statistics.emplace();
  Network network(config);
  load_tensors(*network.backbone, weights.tensors, "", argv[1]);
  network.eval();
  FeatureExtractor extractor(network, config);
  Progress progress;

  const auto count = static_cast<double>(items.size());
  const int height = config.input.height;
  const int width = config.input.width;
  const std::vector<std::uint8_t> noise(std::size_t{3} * static_cast<std::size_t>(width * height), 99);
  FrameView frame;
  frame.layout = PixelLayout::RGB;
  frame.width = width;
  frame.height = height;
  frame.planes[0] = {noise.data(), std::ptrdiff_t{3} * width};
  const std::vector<FrameView> frames(batch, frame);
  const torch::Tensor images =
      torch::zeros({batch, 3, height, width}).contiguous(torch::MemoryFormat::ChannelsLast);

  const torch::NoGradGuard no_grad;
  for (int round = 0; round < std::atoi(argv[3]); ++round) {
    const double libtorch = milliseconds([&] {
      for (int i = 0; i < libtorch_batches; ++i) network.features(images);
    });
    const double engine = milliseconds([&] {
      for (std::size_t i = 0; i < items.size(); i += batch) extractor.run(frames);
    });
    const double files = milliseconds([&] {
      visit_features(
          extractor, items, batch, "features", [](std::span<const std::size_t>, const torch::Tensor &) {},
          progress);
    });
    const double decoding = milliseconds([&] { visit_items(items, [](std::size_t, const FrameView &) {}); });
    std::cout << "pictures/s: libtorch " << 1000 * batch * libtorch_batches / libtorch << ", engine "
              << 1000 * count / engine << ", from files " << 1000 * count / files << " (" << engine / files
              << " of the engine's), decoding alone " << 1000 * count / decoding << std::endl;
  }
}

}  // namespace
}  // namespace uniad

int main(int argc, char **argv) {
  uniad::run(argc, argv);
}
