// SPDX-License-Identifier: Apache-2.0
// What statistics of normal features cost: learning them, once the features are there, and judging by them,
// against the network alone. usage: statistics_bench MODEL [ROUNDS]; MODEL: of the recipe `fast`, whose
// network is judged with, without and alone.
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <vector>

#include "model/network.h"
#include "model/statistics/learn_statistics.h"

namespace uniad {
namespace {

template <typename Work>
double milliseconds(Work work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + std::ssize(values) / 2, values.end());
  return values[values.size() / 2];
}

void time_learning(const Network &network, int rows, int columns, int pictures) {
  // A few products that differ by their mean.
  const torch::Tensor products = torch::randn({8, network.channels(), 1, 1});
  StatisticsLearner learner({}, {});
  std::vector<double> adds;
  for (int i = 0; i < pictures; ++i) {
    const torch::Tensor features = products[i % 8] + torch::randn({network.channels(), rows, columns});
    adds.push_back(milliseconds([&] { learner.add("", i % StatisticsLearner::folds, features, {}); }));
  }
  const double finish = milliseconds([&] { learner.finish(); });
  std::cout << pictures << " pictures of " << network.channels() << " channels: " << median(adds)
            << " ms to add one, " << finish / 1000 << " s to finish\n";
}

void time_judging(const Model &model, int rounds) {
  const auto with = make_network(model, "model");
  Model alone_model = model;
  alone_model.config.statistics.reset();
  const auto alone = make_network(alone_model, "model");
  Model instant_model = model;
  instant_model.config.reconstruction.reset();
  instant_model.config.statistics->residuals = false;
  const auto instant = make_network(instant_model, "model");

  const c10::InferenceMode inference;
  const torch::Tensor picture = torch::randn({1, 3, model.config.input.height, model.config.input.width})
                                    .contiguous(torch::MemoryFormat::ChannelsLast);
  std::vector<double> times[3];
  for (int round = 0; round < rounds + 3; ++round) {
    int side = 0;
    for (const auto &network : {with, alone, instant}) {
      const double time = milliseconds([&] { network->judge(picture); });
      if (round >= 3) times[side].push_back(time);
      ++side;
    }
  }
  std::cout << "a picture: UniAD with statistics " << median(times[0]) << " ms, UniAD alone "
            << median(times[1]) << " ms, statistics alone " << median(times[2]) << " ms; ratios "
            << median(times[0]) / median(times[1]) << " (goal 1.01) and "
            << median(times[1]) / median(times[2]) << " (goal 1.5)\n";
}

void run(int argc, char **argv) {
  if (argc < 2) throw std::runtime_error("usage: statistics_bench MODEL [ROUNDS]");
  torch::manual_seed(1);
  const torch::NoGradGuard no_grad;
  const Model model = read_model(argv[1]);
  const auto network = make_network(model, argv[1]);
  const int rows = model.config.input.height / 16;
  const int columns = model.config.input.width / 16;
  for (const int pictures : {400, 1000}) time_learning(*network, rows, columns, pictures);
  if (model.config.reconstruction && model.config.statistics)
    time_judging(model, argc > 2 ? std::atoi(argv[2]) : 30);
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
