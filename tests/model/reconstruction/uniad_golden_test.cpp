// SPDX-License-Identifier: Apache-2.0
#include "model/reconstruction/uniad.h"

#include <gtest/gtest.h>

#include "model/backbone/backbone.h"
#include "model/reconstruction/feature_loss.h"
#include "tests/support/formula.h"

namespace uniad {
namespace {

using test::expect_element;
using test::expect_golden;

// All numbers were computed by the reference's modules in float64.
struct GoldenTensor {
  double mean, first, mid, last;
};

void expect_tensor(const torch::Tensor &tensor, const GoldenTensor &golden, const std::string &what) {
  expect_golden(tensor.mean(), golden.mean, what + " mean");
  expect_element(tensor, 0, golden.first, what);
  expect_element(tensor, tensor.numel() / 2, golden.mid, what);
  expect_element(tensor, tensor.numel() - 1, golden.last, what);
}

UniAD formula_uniad(const ReconstructionConfig &config) {
  UniAD uniad(config, 272, 14, 14);
  uniad->to(torch::kFloat64);
  EXPECT_EQ(test::fill_by_formula(*uniad), 132U);
  uniad->eval();
  return uniad;
}

torch::Tensor formula_neck_of_b4() {
  const auto backbone = make_backbone({"efficientnet-b4", {1, 2, 3, 4, 5}, PaddingRule::StaticSame, 1e-3});
  backbone->to(torch::kFloat64);
  test::fill_by_formula(*backbone, {"_conv_head.weight", "_bn1.weight", "_bn1.bias", "_bn1.running_mean",
                                    "_bn1.running_var", "_fc.weight", "_fc.bias"});
  auto taps = backbone->forward(test::sine_input({1, 3, 224, 224}, 0.01));
  taps.pop_back();
  return neck(taps, 14, 14);
}

struct GoldenCase {
  GoldenTensor projected, encoded, decoded, reconstruction, map;
  double loss, max, std;
};

void expect_case(const torch::Tensor &features, const GoldenCase &golden) {
  UniAD uniad = formula_uniad({});
  const torch::Tensor projected = uniad->embed(features);
  expect_tensor(projected, golden.projected, "after input_proj");
  const torch::Tensor encoded = uniad->encode(projected);
  expect_tensor(encoded, golden.encoded, "encoder out");
  expect_tensor(uniad->decode(encoded), golden.decoded, "decoder out");
  const torch::Tensor reconstruction = uniad->forward(features);
  expect_tensor(reconstruction, golden.reconstruction, "feature_rec");
  const torch::Tensor map =
      torch::upsample_bilinear2d(anomaly_grid(FeatureLoss::Mse, features, reconstruction).unsqueeze(1),
                                 {224, 224}, /*align_corners=*/true);
  expect_tensor(map, golden.map, "pred");
  expect_golden(torch::mse_loss(reconstruction, features), golden.loss, "mse loss");
  expect_golden(torch::avg_pool2d(map, 16, 1).max(), golden.max, "max score");
  expect_golden(map.std(/*unbiased=*/false), golden.std, "std score");
}

TEST(UniADGolden, PositionTable) {
  const torch::NoGradGuard no_grad;
  UniAD uniad = formula_uniad({});
  expect_tensor(uniad->pos_embed(), {-7.27525718e-05, -0.0668925221, -0.0668925221, 0.0880945214}, "pos");
}

TEST(UniADGolden, InputA) {
  const torch::NoGradGuard no_grad;
  expect_case(test::sine_input({1, 272, 14, 14}, 0.013),
              {{0.00182535294, -0.0120812668, 0.0330886225, -0.0056037376},
               {-0.00597749542, -1.90470675, -1.90039432, -0.163080646},
               {-0.00415427634, -1.49979973, -1.45421948, -0.593842649},
               {0.00103627842, -0.814381931, 0.163544457, 0.901595476},
               {14.5458244, 16.0037222, 12.4145905, 14.9986875},
               0.7808743,
               16.5960693,
               1.47238473});
}

TEST(UniADGolden, InputB) {
  const torch::NoGradGuard no_grad;
  expect_case(formula_neck_of_b4(), {{0.013582237, 2.23794623, 2.23222267, -2.13573671},
                                     {-0.00599702364, -1.76848959, -1.76863282, -0.23845876},
                                     {-0.00415379134, -1.49724761, -1.45162793, -0.593484336},
                                     {0.00103747227, -0.814068917, 0.163427709, 0.901241629},
                                     {20.7900964, 21.0922423, 18.5786499, 20.0146821},
                                     1.57726886,
                                     22.5432967,
                                     1.16937921});
}

}  // namespace
}  // namespace uniad
