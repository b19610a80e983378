// SPDX-License-Identifier: Apache-2.0
// What a recipe learns in so many steps: the mean loss of its last hundred steps, and the image and pixel
// AUROC of each class, for several seeds over the same features. usage: recipes_bench fast|paper STEPS SEEDS
// WEIGHTS DATA...
#include <torch/torch.h>

#include <cstdlib>
#include <iostream>
#include <map>

#include "model/backbone/taps.h"
#include "model/engine/score.h"
#include "model/file/weights.h"
#include "training/evaluate/figures.h"
#include "training/train/features.h"
#include "training/train/learn.h"

namespace uniad {
namespace {

struct TestFeatures {
  std::vector<Item> items;  // without those that could not be read
  torch::Tensor values;
};

std::vector<Item> without(const std::vector<Item> &items, const std::vector<Unread> &unread) {
  std::vector<Item> kept;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const bool missing =
        std::any_of(unread.begin(), unread.end(), [i](const Unread &entry) { return entry.index == i; });
    if (!missing) kept.push_back(items[i]);
  }
  return kept;
}

void run(int argc, char **argv) {
  if (argc < 6) throw std::runtime_error("usage: recipes_bench fast|paper STEPS SEEDS WEIGHTS DATA...");
  TrainOptions options;
  options.recipe = std::string(argv[1]) == "paper" ? Recipe::Paper : Recipe::Fast;
  options.steps = std::atoll(argv[2]);
  const int seeds = std::atoi(argv[3]);
  const BackboneWeights weights = read_backbone_weights(argv[4]);
  const std::vector<std::string> specs(argv + 5, argv + argc);
  const std::vector<Source> sources = open_sources(specs);

  ModelConfig config;
  config.backbone = weights.config;
  config.input.mean = weights.mean;
  config.input.std = weights.std;
  Progress progress;
  std::vector<SourceFeatures> raw;
  std::vector<TestFeatures> tests;
  {
    Network network(config);
    load_tensors(*network.backbone, weights.tensors, "", argv[4]);
    network.eval();
    FeatureExtractor extractor(network, config);
    for (const Source &source : sources) {
      raw.push_back({source.name, extract_features(extractor, source.train, 8, source.name, progress).values,
                     torch::empty({0})});
      Features features = extract_features(extractor, source.test, 8, source.name + ": test", progress);
      tests.push_back({without(source.test, features.unread), features.values});
    }
  }
  std::int64_t pictures = 0;
  for (const SourceFeatures &source : raw) pictures += source.train.size(0);
  const Schedule schedule = make_schedule(options, pictures);
  config.reconstruction->dropout = schedule.dropout;

  for (int seed = 1; seed <= seeds; ++seed) {
    torch::manual_seed(static_cast<std::uint64_t>(seed));
    Network network(config);
    network.eval();
    std::vector<SourceFeatures> learned;
    for (const SourceFeatures &source : raw)
      learned.push_back({source.name, source.train.clone(), source.held_back});
    if (schedule.standardise) standardise(network, learned);
    double last_hundred = 0;
    learn(network, learned, schedule, 8, false, [&](std::int64_t step, const StepResult &result, double) {
      if (step > schedule.steps - 100) last_hundred += result.loss / 100;
    });
    std::map<std::string, ClassFigures> classes;
    for (std::size_t i = 0; i < tests.size(); ++i) {
      Judge judge(tests[i].items, config.input.width, config.input.height);
      for (std::size_t k = 0; k < tests[i].items.size(); ++k) {
        const torch::Tensor features = network.standardise(
            tests[i].values[static_cast<std::int64_t>(k)].unsqueeze(0).to(torch::kFloat32));
        const torch::Tensor values = grids_of(network, features, 1).contiguous();
        const float *first = values.data_ptr<float>();
        const Grid grid{static_cast<int>(values.size(2)),
                        static_cast<int>(values.size(1)),
                        {first, first + values.numel()}};
        judge.add(tests[i].items[k], grid, image_score(grid, ScoreKind::Max));
      }
      classes[raw[i].name] = judge.figures(std::nullopt);
    }
    std::cout << argv[1] << ", " << schedule.steps << " steps, seed " << seed << ": loss of the last hundred "
              << last_hundred;
    for (const auto &[name, figures] : classes) {
      std::cout << "; " << name;
      for (const char *figure : {"image_auroc", "pixel_auroc"}) {
        if (const auto found = figures.figures.find(figure); found != figures.figures.end())
          std::cout << ' ' << found->second;
      }
    }
    const Figures means = mean(classes);
    std::cout << "; mean image " << means.at("image_auroc") << " pixel " << means.at("pixel_auroc")
              << std::endl;
  }
}

}  // namespace
}  // namespace uniad

int main(int argc, char **argv) {
  try {
    uniad::run(argc, argv);
  } catch (const std::exception &error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
  return 0;
}
