// SPDX-License-Identifier: Apache-2.0
// A training step (batch 8, cached b4 features) against the authors' step, built here from torch's own
// modules the way their code is: sequence first, MultiheadAttention with a float mask, Dropout, one random
// mask an element. Prints the median of the ratios over interleaved rounds.
#include <torch/torch.h>

#include <cstdlib>
#include <iostream>

#include "tests/bench/timing.h"
#include "training/train/step.h"

namespace {

constexpr int dim = 256;
constexpr int tokens = 196;
constexpr int channels = 272;

struct AuthorsLayerImpl : torch::nn::Module {
  explicit AuthorsLayerImpl(bool is_decoder) : decoder(is_decoder) {
    const auto attention = [] {
      return torch::nn::MultiheadAttention(torch::nn::MultiheadAttentionOptions(dim, 8).dropout(0.1));
    };
    const auto norm = [] { return torch::nn::LayerNorm(torch::nn::LayerNormOptions({dim})); };
    first = register_module("first", attention());
    if (decoder) {
      second = register_module("second", attention());
      query = register_module("query", torch::nn::Embedding(tokens, dim));
      norm3 = register_module("norm3", norm());
    }
    linear1 = register_module("linear1", torch::nn::Linear(dim, 1024));
    linear2 = register_module("linear2", torch::nn::Linear(1024, dim));
    norm1 = register_module("norm1", norm());
    norm2 = register_module("norm2", norm());
    drop = register_module("drop", torch::nn::Dropout(0.1));
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
  AuthorsUniADImpl() {
    input = register_module("input", torch::nn::Linear(channels, dim));
    output = register_module("output", torch::nn::Linear(dim, channels));
    norm = register_module("norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({dim})));
    pos = register_parameter("pos", torch::rand({tokens, 1, dim}));
    register_module("layers", layers);
    for (int i = 0; i < 8; ++i) layers->push_back(AuthorsLayer(i >= 4));
    mask = uniad::neighbour_mask(14, 14, 7, 7);
  }

  torch::Tensor forward(const torch::Tensor &features) {
    torch::Tensor x = features.flatten(2).permute({2, 0, 1});
    x = x + torch::randn_like(x) * (x.norm(2, 2, true) * 20 / channels);
    x = input(x);
    torch::Tensor memory = x;
    for (std::size_t i = 0; i < layers->size(); ++i) {
      x = layers->at<AuthorsLayerImpl>(i).forward(x, memory, pos, mask);
      if (i < 4) memory = x;
    }
    return output(norm(x)).permute({1, 2, 0}).reshape(features.sizes());
  }

  torch::nn::Linear input{nullptr}, output{nullptr};
  torch::nn::LayerNorm norm{nullptr};
  torch::nn::ModuleList layers;
  torch::Tensor pos, mask;
};
TORCH_MODULE(AuthorsUniAD);

}  // namespace

int main(int argc, char **argv) {
  using uniad::bench::median;
  using uniad::bench::milliseconds;
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 30;
  torch::manual_seed(1);
  const torch::Tensor features = torch::randn({8, channels, 14, 14});

  AuthorsUniAD authors;
  torch::optim::AdamW authors_optimiser(authors->parameters(),
                                        torch::optim::AdamWOptions(1e-4).weight_decay(1e-4));
  const auto authors_step = [&] {
    authors_optimiser.zero_grad();
    torch::mse_loss(authors(features), features).backward();
    torch::nn::utils::clip_grad_norm_(authors->parameters(), 0.1);
    authors_optimiser.step();
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
    uniad::Optimiser optimiser(network->parameters(), 1e-4);
    const auto our_step = [&] {
      uniad::training_step(network, features, optimiser, {1e-3, way.clip, way.bf16});
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
