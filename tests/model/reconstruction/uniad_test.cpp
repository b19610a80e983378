// SPDX-License-Identifier: Apache-2.0
#include "model/reconstruction/uniad.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <numbers>

#include "model/reconstruction/dropout.h"
#include "model/reconstruction/training_attention.h"

namespace uniad {
namespace {

// dim equals the number of channels, so that the input projection can be the identity.
ReconstructionConfig small() {
  ReconstructionConfig config;
  config.dim = 64;
  config.heads = 4;
  config.feedforward = 32;
  config.encoder_layers = 2;
  config.decoder_layers = 2;
  config.mask_height = 3;
  config.mask_width = 3;
  config.dropout = 0;
  return config;
}

UniAD with_identity_input(const ReconstructionConfig &config) {
  const torch::NoGradGuard no_grad;
  UniAD uniad(config, config.dim, 6, 6);
  uniad->input_proj->weight.copy_(torch::eye(config.dim));
  uniad->input_proj->bias.zero_();
  return uniad;
}

TEST(NeighborMask, HidesExactlyTheWindowAroundEachQuery) {
  const int height = 5;
  const int width = 7;
  const torch::Tensor mask = neighbor_mask(height, width, 3, 5);
  for (int qy = 0; qy < height; ++qy) {
    for (int qx = 0; qx < width; ++qx) {
      for (int ky = 0; ky < height; ++ky) {
        for (int kx = 0; kx < width; ++kx) {
          const bool near = std::abs(qy - ky) <= 1 && std::abs(qx - kx) <= 2;
          EXPECT_EQ(mask[qy * width + qx][ky * width + kx].item<float>(),
                    near ? -std::numeric_limits<float>::infinity() : 0.0F);
        }
      }
    }
  }
}

TEST(NeighborMask, LeavesTheReferencesNumberOfKeys) {
  const torch::Tensor allowed = (neighbor_mask(14, 14, 7, 7) == 0).sum(1);
  EXPECT_EQ(allowed[7 * 14 + 7].item<int>(), 147);
  EXPECT_EQ(allowed[0].item<int>(), 180);
}

TEST(NeighborMask, EvenSizeIsTheNextOddOne) {
  EXPECT_TRUE(torch::equal(neighbor_mask(14, 14, 6, 6), neighbor_mask(14, 14, 7, 7)));
}

TEST(Jitter, IsAsStrongAsTheTokenAndTheScaleSay) {
  const torch::NoGradGuard no_grad;
  ReconstructionConfig config = small();
  config.jitter_scale = 20;
  UniAD uniad = with_identity_input(config);
  torch::manual_seed(3);
  const torch::Tensor features = torch::randn({64, 64, 6, 6}) * 5;
  const torch::Tensor tokens = features.flatten(2).transpose(1, 2);
  const torch::Tensor noise = (uniad->embed(features) - tokens) / tokens.norm(2, -1, true);
  EXPECT_NEAR(noise.std().item<double>(), 20.0 / 64, 0.002);
  EXPECT_NEAR(noise.mean().item<double>(), 0.0, 0.002);
}

TEST(Jitter, IsDrawnOnceAForward) {
  const torch::NoGradGuard no_grad;
  ReconstructionConfig config = small();
  config.jitter_probability = 0.25;
  UniAD uniad = with_identity_input(config);
  torch::manual_seed(3);
  const torch::Tensor features = torch::randn({2, 64, 6, 6});
  const torch::Tensor tokens = features.flatten(2).transpose(1, 2);
  int jittered = 0;
  for (int i = 0; i < 400; ++i) {
    const torch::Tensor changed = (uniad->embed(features) != tokens).any(-1);
    ASSERT_EQ(changed.all().item<bool>(), changed.any().item<bool>()) << "all tokens or none";
    jittered += changed.all().item<bool>() ? 1 : 0;
  }
  EXPECT_NEAR(jittered, 100, 35);  // within four standard deviations of a binomial
}

TEST(Jitter, IsForTrainingOnly) {
  const torch::NoGradGuard no_grad;
  UniAD uniad = with_identity_input(small());
  uniad->eval();
  const torch::Tensor features = torch::randn({1, 64, 6, 6});
  EXPECT_TRUE(torch::equal(uniad->embed(features), features.flatten(2).transpose(1, 2)));
}

TEST(Dropout, KeepsItsShareAndTheMean) {
  torch::manual_seed(5);
  const torch::Tensor dropped = seeded_dropout(torch::ones({1001, 999}), 0.1, true);
  EXPECT_NEAR(dropped.eq(0).to(torch::kFloat64).mean().item<double>(), 0.1, 0.002);
  EXPECT_NEAR(dropped.max().item<double>(), 1 / 0.9, 1e-6);
  EXPECT_NEAR(dropped.mean().item<double>(), 1.0, 0.002);
  const torch::Tensor input = torch::randn({3, 4});
  EXPECT_TRUE(torch::equal(seeded_dropout(input, 0.1, false), input));
}

TEST(Attention, TrainingAndInferenceTakeTheSameWeightsToTheSameResult) {
  const torch::NoGradGuard no_grad;
  MultiheadAttention attention(64, 4, 0.0);
  attention->to(torch::kFloat64);
  const torch::Tensor query = torch::randn({1, 36, 64}, torch::kFloat64);
  const torch::Tensor key = torch::randn({3, 36, 64}, torch::kFloat64);
  const torch::Tensor mask = neighbor_mask(6, 6, 3, 3).to(torch::kFloat64);
  attention->train();
  const torch::Tensor training = attention(query, key, key, mask);
  attention->eval();
  EXPECT_LT((attention(query, key, key, mask) - training).abs().max().item<double>(), 1e-12);
}

TEST(Dropout, ItsGradientHasTheSameMask) {
  const torch::Tensor input = torch::ones({333, 77}, torch::requires_grad());
  const torch::Tensor dropped = seeded_dropout(input, 0.3, true);
  dropped.sum().backward();
  EXPECT_TRUE(torch::equal(input.grad(), dropped.detach()));
  EXPECT_FALSE(torch::equal(seeded_dropout(input, 0.3, true), dropped));
}

struct Inputs {
  torch::Tensor q = torch::randn({1, 9, 8}, torch::dtype(torch::kFloat64).requires_grad(true));
  torch::Tensor k = torch::randn({3, 9, 8}, torch::dtype(torch::kFloat64).requires_grad(true));
  torch::Tensor v = torch::randn({3, 9, 8}, torch::dtype(torch::kFloat64).requires_grad(true));
  torch::Tensor mask = neighbor_mask(3, 3, 1, 1).to(torch::kFloat64);

  torch::autograd::variable_list leaves() const { return {q, k, v}; }
  torch::Tensor attend(double dropout) const { return training_attention(q, k, v, mask, 2, dropout); }
};

TEST(TrainingAttention, HasTheResultAndGradientOfItsFormula) {
  torch::manual_seed(3);
  const Inputs in;
  const torch::Tensor goal = torch::randn({3, 9, 8}, torch::kFloat64);
  const auto split = [](const torch::Tensor &x) { return x.view({x.size(0), 9, 2, 4}).transpose(1, 2); };
  const torch::Tensor scores = torch::matmul(split(in.q), split(in.k).transpose(2, 3)) / 2 + in.mask;
  const torch::Tensor formula =
      torch::matmul(scores.softmax(-1), split(in.v)).transpose(1, 2).reshape({3, 9, 8});
  const torch::Tensor ours = in.attend(0);
  EXPECT_LT((ours - formula).abs().max().item<double>(), 1e-12);
  const auto expected = torch::autograd::grad({(formula * goal).sum()}, in.leaves());
  const auto gradients = torch::autograd::grad({(ours * goal).sum()}, in.leaves());
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_LT((gradients[i] - expected[i]).abs().max().item<double>(), 1e-12) << i;
}

TEST(TrainingAttention, NoMaskIsAMaskThatHidesNothing) {
  torch::manual_seed(3);
  const Inputs in;
  const torch::Tensor without = training_attention(in.q, in.k, in.v, torch::Tensor(), 2, 0);
  const torch::Tensor nothing = torch::zeros({9, 9}, torch::kFloat64);
  EXPECT_TRUE(torch::allclose(without, training_attention(in.q, in.k, in.v, nothing, 2, 0)));
  without.sum().backward();
  EXPECT_TRUE(in.q.grad().defined());
}

TEST(TrainingAttention, DropsTheSameWeightsInBothPasses) {
  torch::manual_seed(3);
  const Inputs in;
  const torch::Tensor goal = torch::randn({3, 9, 8}, torch::kFloat64);
  const auto loss = [&] {
    torch::manual_seed(7);  // the same mask each time
    return (in.attend(0.4) * goal).sum();
  };
  EXPECT_NE(loss().item<double>(), (in.attend(0) * goal).sum().item<double>());
  const auto gradients = torch::autograd::grad({loss()}, in.leaves());
  const torch::NoGradGuard no_grad;
  constexpr double step = 1e-5;
  for (std::size_t leaf = 0; leaf < gradients.size(); ++leaf) {
    torch::Tensor values = in.leaves()[leaf].view(-1);
    for (std::int64_t i = 0; i < values.size(0); i += 5) {
      values[i] += step;
      const double above = loss().item<double>();
      values[i] -= 2 * step;
      const double below = loss().item<double>();
      values[i] += step;
      EXPECT_NEAR(gradients[leaf].view(-1)[i].item<double>(), (above - below) / (2 * step), 1e-8) << leaf;
    }
  }
}

// DETR's sine embedding, entry by entry from its definition.
TEST(PositionTable, SineIsDetrs) {
  const int dim = 8;
  const int height = 3;
  const int width = 5;
  const torch::Tensor table = PositionTable(PositionEmbedding::Sine, dim, height, width)->forward();
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int i = 0; i < dim; ++i) {
        const bool row_half = i < dim / 2;
        const int feature = i % (dim / 2);
        const double scaled =
            2 * std::numbers::pi * (row_half ? y + 1 : x + 1) / ((row_half ? height : width) + 1e-6);
        const double angle = scaled / std::pow(10000.0, 2.0 * (feature / 2) / (dim / 2));
        EXPECT_NEAR(table[y * width + x][i].item<double>(),
                    feature % 2 == 0 ? std::sin(angle) : std::cos(angle), 1e-12);
      }
    }
  }
}

TEST(UniAD, LayersStartAlikeWhereTheReferenceCopiesThem) {
  UniAD uniad(small(), 64, 6, 6);
  const auto parameters = uniad->named_parameters();
  const auto layer = [&](const std::string &part, int number, const std::string &name) {
    return parameters["transformer." + part + ".layers." + std::to_string(number) + "." + name];
  };
  EXPECT_TRUE(
      torch::equal(layer("decoder", 0, "learned_embed.weight"), layer("decoder", 1, "learned_embed.weight")));
  EXPECT_TRUE(torch::equal(layer("decoder", 0, "self_attn.in_proj_weight"),
                           layer("decoder", 1, "self_attn.in_proj_weight")));
  EXPECT_TRUE(torch::equal(layer("encoder", 0, "self_attn.in_proj_weight"),
                           layer("encoder", 1, "self_attn.in_proj_weight")));
  EXPECT_FALSE(torch::equal(layer("encoder", 0, "linear1.weight"), layer("encoder", 1, "linear1.weight")));
  EXPECT_EQ(layer("encoder", 0, "linear1.bias").abs().max().item<float>(), 0.0F);
}

// With every branch set to zero, post-norm leaves two normalizations per layer, and pre-norm leaves only the
// residual stream.
TEST(UniAD, PreNormKeepsTheResidualStream) {
  const torch::NoGradGuard no_grad;
  for (const bool pre_norm : {false, true}) {
    ReconstructionConfig config = small();
    config.pre_norm = pre_norm;
    Encoder encoder(config);
    encoder->eval();
    for (const auto &item : encoder->named_parameters()) {
      const bool last_of_branch =
          item.key().find("out_proj") != std::string::npos || item.key().find("linear2") != std::string::npos;
      if (last_of_branch) item.value().zero_();
    }
    const torch::Tensor tokens = torch::randn({1, 36, 64}) * 3 + 1;
    const torch::Tensor position = torch::zeros({36, 64});
    torch::Tensor expected = tokens;
    const int norms = pre_norm ? 1 : 2 * config.encoder_layers;  // pre-norm: the final encoder norm only
    for (int i = 0; i < norms; ++i) expected = torch::layer_norm(expected, {64});
    EXPECT_LT((encoder(tokens, position, torch::Tensor()) - expected).abs().max().item<double>(), 1e-5)
        << (pre_norm ? "pre-norm" : "post-norm");
  }
}

}  // namespace
}  // namespace uniad
