// SPDX-License-Identifier: Apache-2.0
#include "model/cuda/convolution_kernel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "model/cuda/grid.h"

namespace uniad::test {
namespace {

double reference(double x, Activation activation) {
  if (activation == Activation::Relu) return std::max(x, 0.0);
  if (activation == Activation::Relu6) return std::clamp(x, 0.0, 6.0);
  if (activation == Activation::Silu) return x / (1 + std::exp(-x));
  return x;
}

template <typename Element, int lanes>
void expect_reference(float relative) {
  constexpr int pictures = 2;
  constexpr int height = 5;
  constexpr int width = 37;
  constexpr int channels = 3 * lanes;
  using Pack = cuda::Pack<Element, lanes>;
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, 4);
  std::vector<float> bias(channels);
  for (float &value : bias) value = normal(random);
  std::vector<Pack> skip(std::size_t{pictures * height * width} * 3);
  for (Pack &pack : skip)
    for (Element &value : pack.values) cuda::store(normal(random), value);

  for (const auto activation : {Activation::None, Activation::Relu, Activation::Relu6, Activation::Silu})
    for (const bool with_skip : {false, true}) {
      std::vector<Pack> values(skip.rbegin(), skip.rend());
      const std::vector<Pack> before = values;
      cuda::FinishConvolution<Element, lanes> body{};
      body.values = values.data();
      body.skip = with_skip ? skip.data() : nullptr;
      body.bias = bias.data();
      body.packs = 3;
      body.row_packs = 3 * width;
      body.activation = activation;
      cuda::HostLauncher{}(body, {body.row_packs, pictures * height});
      for (std::size_t i = 0; i < values.size(); ++i)
        for (std::size_t lane = 0; lane < lanes; ++lane) {
          double x = cuda::load(before[i].values[lane]) + bias[i % 3 * lanes + lane];
          if (with_skip) x += cuda::load(skip[i].values[lane]);
          const double expected = reference(x, activation);
          ASSERT_NEAR(cuda::load(values[i].values[lane]), expected, std::abs(expected) * relative + 1e-6);
        }
    }
}

TEST(CudaConvolution, AddsBiasAndSkipAndActivates) {
  expect_reference<float, 4>(1e-5F);
  expect_reference<float, 1>(1e-5F);
  expect_reference<cuda::Bf16, 8>(1 / 256.F);
  expect_reference<cuda::Bf16, 1>(1 / 256.F);
  expect_reference<cuda::Fp16, 8>(1 / 2048.F);
}

TEST(CudaConvolution, SiluHasNoHoleFarOut) {
  EXPECT_EQ(cuda::activate(-1000, Activation::Silu), 0);
  EXPECT_EQ(cuda::activate(1000, Activation::Silu), 1000);
  EXPECT_TRUE(std::isnan(cuda::activate(NAN, Activation::Silu)));
}

}  // namespace
}  // namespace uniad::test
