// SPDX-License-Identifier: Apache-2.0
// A training step (batch 8, cached b4 features) against the authors' step, built here from torch's own
// modules the way their code is: sequence first, MultiheadAttention with a float mask, Dropout, one random
// mask an element. usage:
// train_step_bench [ROUNDS]: the median of the ratios of time over interleaved rounds
// train_step_bench loss WEIGHTS STEPS DATA...: the losses of both, from the same weights on the same pictures
// with the same jitter, by the recipe fast
#include <torch/torch.h>

#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "model/file/weights.h"
#include "tests/bench/timing.h"
#include "training/train/batches.h"
#include "training/train/features.h"
#include "training/train/recipe.h"
#include "training/train/step.h"

namespace {

constexpr int dim = 256;
constexpr int tokens = 196;
constexpr int channels = 272;

struct AuthorsLayerImpl : torch::nn::Module {
  AuthorsLayerImpl(bool is_decoder, double dropout) : decoder(is_decoder) {
    const auto attention = [&] {
      return torch::nn::MultiheadAttention(torch::nn::MultiheadAttentionOptions(dim, 8).dropout(dropout));
    };
    const auto norm = [] { return torch::nn::LayerNorm(torch::nn::LayerNormOptions({dim})); };
    first = register_module("self_attn", attention());
    if (decoder) {
      second = register_module("multihead_attn", attention());
      query = register_module("learned_embed", torch::nn::Embedding(tokens, dim));
      norm3 = register_module("norm3", norm());
    }
    linear1 = register_module("linear1", torch::nn::Linear(dim, 1024));
    linear2 = register_module("linear2", torch::nn::Linear(1024, dim));
    norm1 = register_module("norm1", norm());
    norm2 = register_module("norm2", norm());
    drop = register_module("drop", torch::nn::Dropout(dropout));
  }

  static torch::Tensor attend(torch::nn::MultiheadAttention &attention, const torch::Tensor &q,
                              const torch::Tensor &k, const torch::Tensor &v, const torch::Tensor &mask) {
    return std::get<0>(attention(q, k, v, torch::Tensor(), true, mask));
  }

  torch::Tensor feed_forward(const torch::Tensor &x) { return drop(linear2(drop(torch::relu(linear1(x))))); }

  torch::Tensor forward(const torch::Tensor &out, const torch::Tensor &memory, const torch::Tensor &pos,
                        const torch::Tensor &mask) {
    if (!decoder) {
      const torch::Tensor x = norm1(out + drop(attend(first, out + pos, out + pos, out, mask)));
      return norm2(x + feed_forward(x));
    }
    const torch::Tensor q = query->weight.unsqueeze(1).repeat({1, memory.size(1), 1});
    torch::Tensor x = norm1(q + drop(attend(first, q + pos, memory + pos, memory, mask)));
    x = norm2(x + drop(attend(second, x + pos, out + pos, out, mask)));
    return norm3(x + feed_forward(x));
  }

  bool decoder;
  torch::nn::MultiheadAttention first{nullptr}, second{nullptr};
  torch::nn::Embedding query{nullptr};
  torch::nn::Linear linear1{nullptr}, linear2{nullptr};
  torch::nn::LayerNorm norm1{nullptr}, norm2{nullptr}, norm3{nullptr};
  torch::nn::Dropout drop{nullptr};
};
TORCH_MODULE(AuthorsLayer);

struct AuthorsUniADImpl : torch::nn::Module {
  explicit AuthorsUniADImpl(double dropout) {
    input = register_module("input_proj", torch::nn::Linear(channels, dim));
    output = register_module("output_proj", torch::nn::Linear(dim, channels));
    norm =
        register_module("transformer_decoder_norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({dim})));
    row = register_module("pos_embed_row_embed", torch::nn::Embedding(14, dim / 2));
    column = register_module("pos_embed_col_embed", torch::nn::Embedding(14, dim / 2));
    for (int i = 0; i < 8; ++i)
      layers.push_back(register_module(
          (i < 4 ? "transformer_encoder_layers_" : "transformer_decoder_layers_") + std::to_string(i % 4),
          AuthorsLayer(i >= 4, dropout)));
    mask = uniad::neighbor_mask(14, 14, 7, 7);
  }

  torch::Tensor forward(const torch::Tensor &features) {
    torch::Tensor x = features.flatten(2).permute({2, 0, 1});
    if (torch::rand({1}).item<double>() <= 1) {
      const torch::Tensor noise = torch::randn_like(features.flatten(2).transpose(1, 2));
      x = x + noise.transpose(0, 1) * (x.norm(2, 2, true) * 20 / channels);
    }
    x = input(x);
    const torch::Tensor pos = torch::cat({column->weight.unsqueeze(0).expand({14, -1, -1}),
                                          row->weight.unsqueeze(1).expand({-1, 14, -1})},
                                         2)
                                  .flatten(0, 1)
                                  .unsqueeze(1);
    torch::Tensor memory = x;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      x = layers[i]->forward(x, memory, pos, mask);
      if (i < 4) memory = x;
    }
    return output(norm(x)).permute({1, 2, 0}).reshape(features.sizes());
  }

  torch::nn::Linear input{nullptr}, output{nullptr};
  torch::nn::LayerNorm norm{nullptr};
  torch::nn::Embedding row{nullptr}, column{nullptr};
  std::vector<AuthorsLayer> layers;
  torch::Tensor mask;
};
TORCH_MODULE(AuthorsUniAD);

// The weights of ours; names of modules have no dots.
void take_weights(AuthorsUniAD &authors, const uniad::UniAD &ours) {
  const torch::NoGradGuard no_grad;
  auto parameters = authors->named_parameters();
  for (const auto &item : ours->named_parameters()) {
    std::string name = item.key();
    const std::size_t parts = name.starts_with("transformer.decoder.norm") ? 2
                              : name.starts_with("transformer")            ? 3
                              : name.starts_with("pos_embed")              ? 1
                                                                           : 0;
    for (std::size_t i = 0; i < parts; ++i) name[name.find('.')] = '_';
    parameters[name].copy_(item.value());
  }
}

// Standardized features of all training pictures.
torch::Tensor features_of(const std::string &weight_file, const std::vector<std::string> &data) {
  const uniad::BackboneWeights weights = uniad::read_backbone_weights(weight_file);
  uniad::ModelConfig config = uniad::config_on(weights);
  config.reconstruction.reset();
  config.statistics.emplace();
  uniad::Network network(config);
  uniad::load_tensors(*network.backbone, weights.tensors, "", weight_file);
  network.eval();
  uniad::FeatureExtractor extractor(network, config);
  std::vector<uniad::Item> items;
  for (const uniad::Source &source : uniad::open_sources(data))
    items.insert(items.end(), source.train.begin(), source.train.end());
  std::vector<torch::Tensor> all;
  uniad::Progress progress;
  const torch::NoGradGuard no_grad;
  uniad::visit_features(
      extractor, items, 8, "features",
      [&](std::span<const std::size_t>, const torch::Tensor &features) { all.push_back(features.clone()); },
      progress);
  const torch::Tensor raw = torch::cat(all);
  const torch::Tensor mean = raw.mean({0, 2, 3}, true);
  return (raw - mean) / (raw.std({0, 2, 3}, true, true) + 1e-6);
}

void compare_losses(int argc, char **argv) {
  if (argc < 5) throw std::runtime_error("usage: train_step_bench loss WEIGHTS STEPS DATA...");
  const torch::Tensor features = features_of(argv[2], {argv + 4, argv + argc});
  uniad::TrainOptions options;
  options.recipe = uniad::Recipe::Fast;
  options.steps = std::atoi(argv[3]);
  const uniad::Schedule schedule = uniad::make_schedule(options, features.size(0));
  uniad::Batches batches({features.size(0)}, 8, false, 1);

  torch::manual_seed(1);
  uniad::ReconstructionConfig config;
  config.dropout = 0;
  uniad::UniAD ours(config, channels, 14, 14);
  ours->train();
  AuthorsUniAD authors(0.0);
  take_weights(authors, ours);
  uniad::Optimizer optimizer(ours->parameters(), schedule.weight_decay);
  torch::optim::AdamW authors_optimizer(authors->parameters(),
                                        torch::optim::AdamWOptions(1e-3).weight_decay(schedule.weight_decay));

  constexpr std::int64_t interval = 50;
  double our_sum = 0;
  double authors_sum = 0;
  for (std::int64_t step = 0; step < schedule.steps; ++step) {
    const torch::Tensor batch = features.index_select(0, batches.at(step).pictures);
    const double rate = uniad::learning_rate(schedule, step);
    torch::manual_seed(static_cast<std::uint64_t>(step));
    our_sum += uniad::training_step(ours, batch, optimizer, {rate, schedule.clip, false}).loss;

    torch::manual_seed(static_cast<std::uint64_t>(step));
    for (auto &group : authors_optimizer.param_groups()) group.options().set_lr(rate);
    authors_optimizer.zero_grad();
    const torch::Tensor loss = torch::mse_loss(authors(batch), batch);
    authors_sum += loss.item<double>();
    loss.backward();
    torch::nn::utils::clip_grad_norm_(authors->parameters(), schedule.clip);
    authors_optimizer.step();

    if ((step + 1) % interval != 0) continue;
    std::cout << "step " << step + 1 << ": loss of the last " << interval << " steps " << our_sum / interval
              << ", the authors' " << authors_sum / interval << ", ratio " << our_sum / authors_sum
              << std::endl;
    our_sum = authors_sum = 0;
  }
}

void compare_times(int rounds) {
  using uniad::bench::median;
  using uniad::bench::milliseconds;
  torch::manual_seed(1);
  const torch::Tensor features = torch::randn({8, channels, 14, 14});

  AuthorsUniAD authors(0.1);
  torch::optim::AdamW authors_optimizer(authors->parameters(),
                                        torch::optim::AdamWOptions(1e-4).weight_decay(1e-4));
  const auto authors_step = [&] {
    authors_optimizer.zero_grad();
    torch::mse_loss(authors(features), features).backward();
    torch::nn::utils::clip_grad_norm_(authors->parameters(), 0.1);
    authors_optimizer.step();
  };

  struct Way {
    const char *name;
    double dropout;
    bool bf16;
    double clip;
    double goal;
  };
  for (const Way &way : {Way{"fp32, dropout 0.1 (paper)", 0.1, false, 0.1, 0.6},
                         Way{"fp32, no dropout (fast)", 0.0, false, 1.0, 0.45},
                         Way{"bf16, no dropout (fast)", 0.0, true, 1.0, 0.3}}) {
    uniad::ReconstructionConfig config;
    config.dropout = way.dropout;
    uniad::UniAD network(config, channels, 14, 14);
    network->train();
    uniad::Optimizer optimizer(network->parameters(), 1e-4);
    const auto our_step = [&] {
      uniad::training_step(network, features, optimizer, {1e-3, way.clip, way.bf16});
    };
    authors_step();
    our_step();
    std::vector<double> ratios;
    std::vector<double> ours;
    for (int i = 0; i < rounds; ++i) {
      const double theirs = milliseconds(authors_step);
      ours.push_back(milliseconds(our_step));
      ratios.push_back(ours.back() / theirs);
    }
    std::cout << way.name << ": " << median(ours) << " ms, " << median(ratios)
              << " of the authors' step (goal " << way.goal << ")" << std::endl;
  }
}

}  // namespace

int main(int argc, char **argv) {
  if (argc > 1 && std::string_view(argv[1]) == "loss")
    compare_losses(argc, argv);
  else
    compare_times(argc > 1 ? std::atoi(argv[1]) : 30);
}
