// SPDX-License-Identifier: Apache-2.0
// Choices with their names in model files and on the command line.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "model/config/model_config.h"

namespace uniad {

// The values of a choice and their names, in model files and on the command line.
template <typename Enum>
using Choices = std::vector<std::pair<Enum, std::string>>;

template <typename Enum>
std::string name_of(Enum value, const Choices<Enum> &names) {
  return std::find_if(names.begin(), names.end(), [value](const auto &n) { return n.first == value; })
      ->second;
}

inline Choices<PaddingRule> padding_choices() {
  return {{PaddingRule::StaticSame, "static-same"},
          {PaddingRule::DynamicSame, "dynamic-same"},
          {PaddingRule::Symmetric, "symmetric"}};
}
inline Choices<PositionEmbedding> position_choices() {
  return {{PositionEmbedding::Learned, "learned"}, {PositionEmbedding::Sine, "sine"}};
}
inline Choices<NetworkKind> kind_choices() {
  return {{NetworkKind::UniAD, "uniad"}, {NetworkKind::Mlp, "mlp"}, {NetworkKind::Cnn, "cnn"}};
}
inline Choices<QueryEmbedding> query_choices() {
  return {{QueryEmbedding::None, "none"}, {QueryEmbedding::One, "one"}, {QueryEmbedding::Layer, "layer"}};
}
inline Choices<DecoderVariant> variant_choices() {
  return {{DecoderVariant::A, "a"}, {DecoderVariant::B, "b"}, {DecoderVariant::C, "c"},
          {DecoderVariant::D, "d"}, {DecoderVariant::E, "e"}, {DecoderVariant::F, "f"}};
}
inline Choices<FeatureLoss> loss_choices() {
  return {{FeatureLoss::Mse, "mse"},
          {FeatureLoss::NormalizedMse, "normalised-mse"},
          {FeatureLoss::Cosine, "cosine"}};
}
inline Choices<ScoreKind> score_choices() {
  return {{ScoreKind::Max, "max"}, {ScoreKind::Mean, "mean"}, {ScoreKind::Std, "std"}};
}
inline Choices<MotionUse> motion_choices() {
  return {{MotionUse::Auto, "auto"}, {MotionUse::On, "on"}, {MotionUse::Off, "off"}};
}

}  // namespace uniad
