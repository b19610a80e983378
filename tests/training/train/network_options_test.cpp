// SPDX-License-Identifier: Apache-2.0
#include "training/train/network_options.h"

#include <gtest/gtest.h>

namespace uniad {
namespace {

ReconstructionConfig applied(const NetworkOptions &options) {
  ModelConfig config;
  apply(options, config);
  return *config.reconstruction;
}

NetworkOptions of(NetworkName network) {
  NetworkOptions options;
  options.network = network;
  return options;
}

TEST(NetworkOptions, NothingSaidChangesNothing) {
  const ReconstructionConfig r = applied({});
  EXPECT_EQ(r.kind, NetworkKind::UniAD);
  EXPECT_EQ(r.queries, QueryEmbedding::Layer);
  EXPECT_EQ(r.jitter_scale, 20);
  EXPECT_TRUE(r.mask_encoder && r.mask_decoder_first && r.mask_decoder_second);
}

TEST(NetworkOptions, BaselinesAreThePapers) {
  const ReconstructionConfig transformer = applied(of(NetworkName::Transformer));
  EXPECT_EQ(transformer.kind, NetworkKind::UniAD);
  EXPECT_EQ(transformer.queries, QueryEmbedding::One);
  EXPECT_FALSE(transformer.mask_encoder || transformer.mask_decoder_first || transformer.mask_decoder_second);
  EXPECT_EQ(transformer.jitter_scale, 0);
  EXPECT_EQ(applied(of(NetworkName::Mlp)).kind, NetworkKind::Mlp);
  EXPECT_EQ(applied(of(NetworkName::Mlp)).queries, QueryEmbedding::One);
  EXPECT_EQ(applied(of(NetworkName::Cnn)).kind, NetworkKind::Cnn);
  EXPECT_EQ(applied(of(NetworkName::Cnn)).jitter_scale, 0);
}

TEST(NetworkOptions, WhatIsSaidGoesBeforeTheBaseline) {
  NetworkOptions options = of(NetworkName::Transformer);
  options.mask = MaskPlaces{.encoder = true, .decoder_second = true};
  options.mask_size = 9;
  options.jitter_scale = 5;
  options.queries = QueryEmbedding::None;
  const ReconstructionConfig r = applied(options);
  EXPECT_TRUE(r.mask_encoder);
  EXPECT_FALSE(r.mask_decoder_first);
  EXPECT_TRUE(r.mask_decoder_second);
  EXPECT_EQ(r.mask_height, 9);
  EXPECT_EQ(r.mask_width, 9);
  EXPECT_EQ(r.jitter_scale, 5);
  EXPECT_EQ(r.queries, QueryEmbedding::None);
}

// A model with only statistics also has taps, a size and a score.
TEST(NetworkOptions, AModelWithoutReconstructionStaysWithoutOne) {
  NetworkOptions options;
  options.stages = {2, 3};
  options.input_height = 256;
  options.input_width = 320;
  options.score = ScoreKind::Mean;
  ModelConfig config;
  config.reconstruction.reset();
  apply(options, config);
  EXPECT_FALSE(config.reconstruction);
  EXPECT_EQ(config.backbone.stages, (std::vector<int>{2, 3}));
  EXPECT_EQ(config.input.height, 256);
  EXPECT_EQ(config.input.width, 320);
  EXPECT_EQ(config.score, ScoreKind::Mean);
}

}  // namespace
}  // namespace uniad
