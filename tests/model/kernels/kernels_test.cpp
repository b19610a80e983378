// SPDX-License-Identifier: Apache-2.0
// Compares every kernel of every instruction set that this machine has with sums of the same elements in
// double.
#include "model/kernels/kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/kernels/instruction_sets.h"
#include "model/kernels/packed_layer.h"
#include "tests/model/kernels/instruction_limit.h"
#include "tests/model/kernels/table.h"

namespace uniad::cpu::test {
namespace {

constexpr double digits_of_sums = 1e-6;  // of the sum of sizes, for fp32 sums of several hundred products
constexpr std::array activations{Activation::None, Activation::Relu, Activation::Relu6, Activation::Silu};

Precision element_of(const Kernels &kernels) {
  return kernels.element == 4 ? Precision::Fp32 : Precision::Bf16;
}

struct InstructionSet {
  const char *limit;
  Precision precision;
  const char *name;
};

class KernelsTest : public testing::TestWithParam<InstructionSet> {
 protected:
  void SetUp() override {
    limit_.emplace(GetParam().limit);
    found_ = best_kernels(GetParam().precision);
    if (found_ == nullptr || found_->name != std::string(GetParam().name))
      GTEST_SKIP() << "this processor has no " << GetParam().limit;
  }

  const Kernels &kernels() const { return *found_; }
  // The type in which activations are stored: Fp32 or Bf16.
  Precision element() const { return element_of(kernels()); }

  // The relative error of results before they are stored as elements.
  double exactness() const { return element() == Precision::Fp32 ? 1e-6 : 3e-4; }
  float round(float value) const { return rounded(element(), value); }

  Value activated(Activation activation, const Value &x) const;

 private:
  std::optional<uniad::test::InstructionLimit> limit_;
  const Kernels *found_ = nullptr;
};

std::string name_of(Precision precision) {
  if (precision == Precision::Int8) return "int8";
  return precision == Precision::Bf16 ? "bf16" : "fp32";
}

const auto name_of_set = [](const auto &set) { return name_of(set.param.precision) + "_" + set.param.limit; };
const auto int8_sets = testing::Values(InstructionSet{"avx2", Precision::Int8, "AVX-VNNI"},
                                       InstructionSet{"avx512", Precision::Int8, "AVX-512 VNNI"});
INSTANTIATE_TEST_SUITE_P(FloatingPoint, KernelsTest,
                         testing::Values(InstructionSet{"baseline", Precision::Fp32, "baseline"},
                                         InstructionSet{"avx2", Precision::Fp32, "AVX2"},
                                         InstructionSet{"avx512", Precision::Fp32, "AVX-512"},
                                         InstructionSet{"avx512_bf16", Precision::Bf16, "AVX-512"},
                                         InstructionSet{"amx", Precision::Bf16, "AMX"}),
                         name_of_set);
INSTANTIATE_TEST_SUITE_P(Bytes, KernelsTest, int8_sets, name_of_set);

class ByteKernelsTest : public KernelsTest {};
INSTANTIATE_TEST_SUITE_P(Bytes, ByteKernelsTest, int8_sets, name_of_set);

std::size_t index(int value) {
  return static_cast<std::size_t>(value);
}

double silu(double x) {
  return x / (1 + std::exp(-x));
}

// The result for x and its tolerance. No activation has a slope above 1.1.
Value KernelsTest::activated(Activation activation, const Value &x) const {
  const double slack = 1.1 * x.slack;
  switch (activation) {
    case Activation::Relu:
      return {std::max(x.number, 0.0), slack};
    case Activation::Relu6:
      return {std::clamp(x.number, 0.0, 6.0), slack};
    case Activation::Silu:
      return {silu(x.number), slack + exactness() * std::abs(silu(x.number))};
    case Activation::None:
      break;
  }
  return x;
}

// The sum in double, and the sum of the absolute values.
struct Sum {
  double total = 0;
  double sizes = 0;
  void add(double value) {
    total += value;
    sizes += std::abs(value);
  }
  Value value() const { return {total, digits_of_sums * sizes}; }
};

TEST(BestKernels, StayBelowTheLimit) {
  const uniad::test::InstructionLimit limit("avx512");
  EXPECT_EQ(best_kernels(Precision::Bf16), nullptr);
  ASSERT_NE(best_kernels(Precision::Fp32), nullptr);
  const uniad::test::InstructionLimit lower("baseline");
  EXPECT_STREQ(best_kernels(Precision::Fp32)->name, "baseline");
}

TEST_P(KernelsTest, DescribeThemselves) {
  EXPECT_EQ(kernels().precision, GetParam().precision);
  EXPECT_EQ(kernels().depth % panel_width, 0);
  EXPECT_EQ(kernels().weight_depth % kernels().depth, 0);
  EXPECT_LE(kernels().rows, spare_rows);
}

// --- multiply

struct Shape {
  int rows, columns, depth;
};

std::string text(const Shape &shape) {
  return std::to_string(shape.rows) + " x " + std::to_string(shape.columns) + " x " +
         std::to_string(shape.depth);
}

// Rows that the precision can multiply exactly. Int8: multiples of 1/64. The first number of a row is 127 or
// -127 of these steps, and all others are a smaller, even number of steps.
std::vector<float> rows_for(const Kernels &kernels, int rows, int columns, Numbers &numbers) {
  if (kernels.precision != Precision::Int8) return normals(numbers, element_of(kernels), rows * columns);
  std::vector<float> values;
  for (int i = 0; i < rows * columns; ++i) {
    const int steps = i % columns == 0 ? (numbers.coin() ? 127 : -127) : 2 * numbers.between(-63, 63);
    values.push_back(static_cast<float>(steps) / 64);
  }
  return values;
}

// A multiplication with every optional operand, and its result by definition.
class Product {
 public:
  Product(const Kernels &kernels, const Shape &shape, Numbers &numbers)
      : kernels_(kernels),
        shape_(shape),
        weights_(rows_for(kernels, shape.columns, shape.depth, numbers)),
        bias_(normals(numbers, Precision::Fp32, shape.columns)),
        layer_(pack(kernels, weights_, shape.depth, bias_)),
        a(element_of(kernels), shape.rows + spare_rows,
          round_up(shape.depth, kernels.depth) + numbers.between(0, 20), nan),
        skip(element_of(kernels), shape.rows + spare_rows, width() + numbers.between(0, 20), nan),
        residual(Precision::Fp32, shape.rows + spare_rows, width() + numbers.between(0, 20), nan) {
    // Packed weights are zero after the last one. (Int8 does not read those inputs.)
    if (kernels.precision != Precision::Int8)
      a.set_block(0, 0, shape.rows, round_up(shape.depth, kernels.depth), [] { return 1.0F; });
    const std::vector<float> values = rows_for(kernels, shape.rows, shape.depth, numbers);
    auto next = values.begin();
    a.set_block(0, 0, shape.rows, shape.depth, [&] { return *next++; });
    skip.randomize(numbers, shape.rows, width());
    residual.randomize(numbers, shape.rows, width());
  }

  int width() const { return layer_.panels * panel_width; }

  // Multiplies each value along the depth by a different number.
  void scale(Numbers &numbers) {
    const bool bytes = kernels_.precision == Precision::Int8;
    factors_ = normals(numbers, Precision::Fp32, layer_.depth);
    // Half of an even number is an integer.
    for (std::size_t k = 0; bytes && k < factors_.size(); ++k)
      factors_[k] = k > 0 && numbers.coin() ? 0.5F : 1;
    for (std::size_t i = 0; i < weights_.size(); ++i)
      weights_[i] = rounded(element_of(kernels_), weights_[i] * factors_[i % index(shape_.depth)]);
    scaled_.resize(bytes ? 0 : layer_.weights.size());
    if (!bytes)
      kernels_.scale(layer_.weights.data(), factors_.data(), layer_.depth, layer_.panels, scaled_.data());
  }

  // The arguments without an output.
  GemmArgs task() {
    GemmArgs task = layer_.onto(shape_.rows);
    if (!scaled_.empty())
      task.b = scaled_.data();
    else if (!factors_.empty())
      task.factors = factors_.data();
    if (!with_bias) task.bias = nullptr;
    task.a = a.data();
    task.a_stride = a.columns();
    if (with_skip) {
      task.skip = skip.data();
      task.skip_stride = skip.columns();
    }
    if (with_residual) {
      task.residual = residual.floats();
      task.residual_stride = residual.columns();
    }
    return task;
  }

  // The result before activation.
  Value at(int row, int column) const {
    Sum sum;
    if (column < shape_.columns) {
      for (int k = 0; k < shape_.depth; ++k)
        sum.add(double{a.get(row, k)} * weights_[index(column * shape_.depth + k)]);
      if (with_bias) sum.add(bias_[index(column)]);
    }
    if (with_skip) sum.add(skip.get(row, column));
    if (with_residual) sum.add(residual.get(row, column));
    return sum.value();
  }

 private:
  const Kernels &kernels_;
  Shape shape_;
  std::vector<float> weights_;
  std::vector<float> bias_;
  PackedLayer layer_;
  std::vector<float> factors_;
  AlignedVector<std::byte> scaled_;

 public:
  Table a, skip, residual;
  bool with_bias = true;
  bool with_skip = false;
  bool with_residual = false;
};

TEST_P(KernelsTest, MultiplyIsTheSumOfProducts) {
  Numbers numbers(3);
  for (int rows = 1; rows <= 40; ++rows) {
    for (int i = 0; i < 12; ++i) {
      const Shape shape{rows, numbers.between(1, 70), numbers.between(1, 100)};
      Product product(kernels(), shape, numbers);
      product.with_bias = numbers.coin();
      product.with_skip = numbers.coin();
      product.with_residual = numbers.coin();
      if (i % 4 == 3) product.scale(numbers);
      GemmArgs task = product.task();
      task.activation = activations[index(i) % activations.size()];
      Table c(element(), rows + spare_rows, product.width() + 8, untouched);
      Table wide(Precision::Fp32, rows + spare_rows, product.width() + 4, untouched);
      Expected in_c(c), in_wide(wide);
      const bool wants_c = i % 3 != 0, wants_wide = i % 3 != 1;
      for (int r = 0; r < rows; ++r) {
        for (int column = 0; column < product.width(); ++column) {
          const Value value = activated(task.activation, product.at(r, column));
          if (wants_c) in_c.set(r, column, stored(element(), value));
          if (wants_wide) in_wide.set(r, column, value);
        }
      }
      if (wants_c) task.c = c.data();
      task.c_stride = c.columns();
      if (wants_wide) task.f32 = wide.floats();
      task.f32_stride = wide.columns();
      kernels().multiply(task);
      EXPECT_TRUE(in_c.holds(c)) << text(shape) << ", activation " << i % 4;
      EXPECT_TRUE(in_wide.holds(wide)) << text(shape) << ", activation " << i % 4;
    }
  }
}

TEST_P(KernelsTest, MultiplyTakesAnyNumberOfRows) {
  Numbers numbers(17);
  const Shape shape{1003, 20, 24};
  Product product(kernels(), shape, numbers);
  Table wide(Precision::Fp32, shape.rows + spare_rows, product.width(), untouched);
  Expected expected(wide);
  for (int r = 0; r < shape.rows; ++r)
    for (int column = 0; column < product.width(); ++column) expected.set(r, column, product.at(r, column));
  GemmArgs task = product.task();
  task.f32 = wide.floats();
  task.f32_stride = wide.columns();
  kernels().multiply(task);
  EXPECT_TRUE(expected.holds(wide));
}

// Each panel is a separate map with gaps between its rows.
TEST_P(KernelsTest, MultiplyLeavesGapsInWideMaps) {
  Numbers numbers(4);
  for (int i = 0; i < 200; ++i) {
    const Shape shape{numbers.between(1, 90), numbers.between(1, 48), numbers.between(1, 40)};
    Product product(kernels(), shape, numbers);
    GemmArgs task = product.task();
    task.f32_width = numbers.between(1, 35);
    task.f32_gap = numbers.between(0, 4);
    const auto place = [&](int row) {
      return task.f32_gap == 0 ? row : row + row / task.f32_width * task.f32_gap;
    };
    const int pixels = place(shape.rows - 1) + 1 + numbers.between(0, 3);
    const int panels = product.width() / panel_width;
    Table wide(Precision::Fp32, panels * pixels + spare_rows, panel_width, untouched);
    Expected expected(wide);
    for (int r = 0; r < shape.rows; ++r)
      for (int column = 0; column < product.width(); ++column)
        expected.set(column / panel_width * pixels + place(r), column % panel_width, product.at(r, column));
    task.f32 = wide.floats();
    task.f32_stride = panel_width;
    task.f32_panel = std::ptrdiff_t{pixels} * panel_width;
    kernels().multiply(task);
    EXPECT_TRUE(expected.holds(wide))
        << text(shape) << ", " << task.f32_gap << " rows left out after " << task.f32_width;
  }
}

TEST_P(ByteKernelsTest, RowsMayBeQuantizedBeforehand) {
  Numbers numbers(18);
  for (int rows : {1, 31, 32, 33, 100}) {
    const Shape shape{rows, 37, numbers.between(1, 150)};
    Product product(kernels(), shape, numbers);
    product.scale(numbers);
    GemmArgs task = product.task();
    Table wide(Precision::Fp32, rows + spare_rows, product.width(), untouched);
    Expected expected(wide);
    for (int r = 0; r < rows; ++r)
      for (int column = 0; column < product.width(); ++column) expected.set(r, column, product.at(r, column));
    std::vector<std::uint8_t> bytes(index((rows + spare_rows) * task.depth));
    std::vector<float> row_scales(index(rows + 1), untouched);
    kernels().quantize(task, bytes.data(), row_scales.data());
    EXPECT_EQ(row_scales.back(), untouched);
    task.a = bytes.data();
    task.row_scales = row_scales.data();
    task.f32 = wide.floats();
    task.f32_stride = wide.columns();
    kernels().multiply(task);
    EXPECT_TRUE(expected.holds(wide)) << text(shape);
  }
}

// The largest error of rounding numbers to steps: half a step of one factor times the other factor.
TEST_P(ByteKernelsTest, MultiplyLosesHalfAStep) {
  constexpr int rows = 37, columns = 20, depth = 90;
  Numbers numbers(16);
  const std::vector<float> weights = normals(numbers, Precision::Fp32, columns * depth);
  const PackedLayer layer = pack(kernels(), weights, depth, std::vector<float>(columns));
  Table a(element(), rows + spare_rows, round_up(depth, kernels().depth), nan);
  a.randomize(numbers, rows, depth);
  Table wide(Precision::Fp32, rows, layer.panels * panel_width, untouched);
  GemmArgs task = layer.onto(rows);
  task.a = a.data();
  task.a_stride = a.columns();
  task.f32 = wide.floats();
  task.f32_stride = wide.columns();
  kernels().multiply(task);
  Expected expected(wide);
  for (int r = 0; r < rows; ++r) {
    double most = 0;
    for (int k = 0; k < depth; ++k) most = std::max(most, std::abs(double{a.get(r, k)}));
    for (int c = 0; c < wide.columns(); ++c) {
      Value value;
      double most_weight = 0;
      const auto weight = [&](int k) { return c < columns ? double{weights[index(c * depth + k)]} : 0; };
      for (int k = 0; k < depth; ++k) most_weight = std::max(most_weight, std::abs(weight(k)));
      const double half_step = most / 254, half_weight_step = most_weight / 254;
      for (int k = 0; k < depth; ++k) {
        const double x = a.get(r, k);
        value.number += x * weight(k);
        value.slack += 1.001 * (std::abs(x) * half_weight_step + std::abs(weight(k)) * half_step +
                                half_step * half_weight_step);
      }
      expected.set(r, c, value);
    }
  }
  EXPECT_TRUE(expected.holds(wide));
}

TEST_P(KernelsTest, PackWritesNothingBehind) {
  Numbers numbers(1);
  for (int columns : {1, 16, 17, 70}) {
    for (int values : {1, 2, 31, 33, 100}) {
      const int depth = round_up(values, kernels().weight_depth);
      const int panels = round_up(columns, panel_width) / panel_width;
      const std::vector<float> weights = normals(numbers, Precision::Fp32, columns * values);
      const int size = panels * panel_width * depth * kernels().weight_element;
      std::vector<std::byte> packed(index(size + 64), std::byte{0x5A});
      std::vector<float> scales(index(panels * panel_width + 1), untouched), offsets = scales;
      kernels().pack(weights.data(), columns, values, depth, panels, packed.data(), scales.data(),
                     offsets.data());
      const bool whole = std::all_of(packed.begin() + size, packed.end(),
                                     [](std::byte byte) { return byte == std::byte{0x5A}; });
      EXPECT_TRUE(whole) << columns << " x " << values;
      EXPECT_EQ(scales.back(), untouched);
      EXPECT_EQ(offsets.back(), untouched);
    }
  }
}

TEST_P(KernelsTest, NanStaysInItsRow) {
  Numbers numbers(5);
  for (Activation activation : {Activation::None, Activation::Silu}) {
    for (int bad = 0; bad < 33; bad += 4) {
      const Shape shape{33, 20, 24};
      Product product(kernels(), shape, numbers);
      Table c(element(), shape.rows, product.width(), untouched);
      Expected expected(c);
      for (int r = 0; r < shape.rows; ++r)
        for (int column = 0; column < product.width(); ++column)
          expected.set(r, column, stored(element(), activated(activation, product.at(r, column))));
      product.a.set(bad, 7, nan);
      GemmArgs task = product.task();
      task.activation = activation;
      task.c = c.data();
      task.c_stride = c.columns();
      kernels().multiply(task);
      for (int column = 0; column < shape.columns; ++column) EXPECT_TRUE(std::isnan(c.get(bad, column)));
      c.set_block(bad, 0, 1, c.columns(), [] { return untouched; });
      for (int column = 0; column < product.width(); ++column) expected.set(bad, column, {untouched});
      EXPECT_TRUE(expected.holds(c)) << "NaN in row " << bad;
    }
  }
}

// Applies the activation to single numbers, by adding them to a product of zeros.
std::vector<float> activate(const Kernels &kernels, Activation activation, std::vector<float> numbers) {
  const int rows = static_cast<int>(numbers.size()) / panel_width;
  const Table zeros(kernels.precision, rows + spare_rows, kernels.depth, 0);
  const std::vector<float> weights(panel_width);
  const PackedLayer layer = pack(kernels, weights, 1, weights);
  Table a = zeros;
  GemmArgs task = layer.onto(rows);
  task.a = a.data();
  task.a_stride = a.columns();
  task.residual = numbers.data();
  task.residual_stride = panel_width;
  task.activation = activation;
  std::vector<float> out(numbers.size());
  task.f32 = out.data();
  task.f32_stride = panel_width;
  kernels.multiply(task);
  return out;
}

TEST_P(KernelsTest, ActivationsAreExactFromMinusToPlusOneHundred) {
  std::vector<float> numbers;
  for (int i = 0; i < 32000; ++i) numbers.push_back(static_cast<float>(i - 16000) / 160);
  for (Activation activation : activations) {
    const std::vector<float> actual = activate(kernels(), activation, numbers);
    double worst = 0;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      const double x = numbers[i];
      const double expected = activated(activation, {x}).number;
      // The relative error of e^x grows with the size of x, and results below 1e-35 may vanish.
      const double one = std::abs(expected) * (1 + std::max(-x, 0.0) / 8) + 1e-29;
      worst = std::max(worst, std::abs(actual[i] - expected) / one);
    }
    EXPECT_LT(worst, activation == Activation::Silu ? exactness() : 1e-30)
        << "activation " << static_cast<int>(activation);
  }
}

TEST_P(KernelsTest, ActivationsOfInfinityAreTheirLimits) {
  const std::vector<float> plus(panel_width, infinity), minus(panel_width, -infinity);
  EXPECT_EQ(activate(kernels(), Activation::None, plus), plus);
  EXPECT_EQ(activate(kernels(), Activation::None, minus), minus);
  EXPECT_EQ(activate(kernels(), Activation::Relu, plus), plus);
  EXPECT_EQ(activate(kernels(), Activation::Relu, minus), std::vector<float>(panel_width, 0));
  EXPECT_EQ(activate(kernels(), Activation::Relu6, plus), std::vector<float>(panel_width, 6));
  EXPECT_EQ(activate(kernels(), Activation::Relu6, minus), std::vector<float>(panel_width, 0));
  EXPECT_EQ(activate(kernels(), Activation::Silu, plus), plus);
}

// --- depthwise, squeeze

struct DepthwiseCase {
  int kernel, stride, height, width;
  Activation activation;
};

std::vector<DepthwiseCase> depthwise_cases() {
  std::vector<DepthwiseCase> cases;
  for (int kernel : {3, 5})
    for (int stride : {1, 2})
      for (int width = 1; width <= 20; ++width)
        cases.push_back({kernel, stride, 1 + width % 4, width, activations[cases.size() % 4]});
  return cases;
}

TEST_P(KernelsTest, DepthwiseFiltersEachChannel) {
  Numbers numbers(6);
  for (const DepthwiseCase &d : depthwise_cases()) {
    const int seen_width = (d.width - 1) * d.stride + d.kernel;
    const int seen_height = (d.height - 1) * d.stride + d.kernel;
    const int input_width = seen_width + numbers.between(0, 2);
    Table input(Precision::Fp32, seen_height * input_width, panel_width, nan);
    for (int y = 0; y < seen_height; ++y)
      input.set_block(y * input_width, 0, seen_width, panel_width, [&] { return numbers.normal(); });
    const int cells = d.kernel * d.kernel;
    const std::vector<float> weights = normals(numbers, Precision::Fp32, cells * panel_width);
    const std::vector<float> bias = normals(numbers, Precision::Fp32, panel_width);
    const int pixels = d.height * d.width;
    Table output(element(), pixels + 4, panel_width + 24, untouched);
    Table sums(Precision::Fp32, 1, panel_width + 8, untouched);
    Expected in_output(output), in_sums(sums);
    for (int c = 0; c < panel_width; ++c) {
      Sum over_pixels;
      double slack = 0;
      for (int pixel = 0; pixel < pixels; ++pixel) {
        Sum sum;
        sum.add(bias[index(c)]);
        for (int cell = 0; cell < cells; ++cell) {
          const int y = pixel / d.width * d.stride + cell / d.kernel;
          const int x = pixel % d.width * d.stride + cell % d.kernel;
          sum.add(double{input.get(y * input_width + x, c)} * weights[index(cell * panel_width + c)]);
        }
        const Value value = activated(d.activation, sum.value());
        in_output.set(pixel, c, stored(element(), value));
        over_pixels.add(value.number);
        slack += value.slack;
      }
      in_sums.set(0, c, {over_pixels.total, over_pixels.value().slack + slack});
    }
    DepthwiseArgs task;
    task.input = input.floats();
    task.input_width = input_width;
    task.weights = weights.data();
    task.bias = bias.data();
    task.kernel = d.kernel;
    task.stride = d.stride;
    task.height = d.height;
    task.width = d.width;
    task.activation = d.activation;
    task.output = output.data();
    task.output_stride = output.columns();
    kernels().depthwise(task);
    const std::string what = "kernel " + std::to_string(d.kernel) + ", stride " + std::to_string(d.stride) +
                             ", width " + std::to_string(d.width);
    EXPECT_TRUE(in_output.holds(output)) << what << ", without sums";
    task.sums = sums.floats();
    kernels().depthwise(task);
    EXPECT_TRUE(in_output.holds(output)) << what;
    EXPECT_TRUE(in_sums.holds(sums)) << what;
  }
}

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

TEST_P(KernelsTest, SqueezeGivesTheGate) {
  Numbers numbers(7);
  for (int channels : {16, 48, 128}) {
    for (int squeezed : {1, 4, 23}) {
      const std::vector<float> sums = normals(numbers, Precision::Fp32, channels);
      const std::vector<float> reduce = normals(numbers, Precision::Fp32, squeezed * channels);
      const std::vector<float> reduce_bias = normals(numbers, Precision::Fp32, squeezed);
      const std::vector<float> expand = normals(numbers, Precision::Fp32, squeezed * channels);
      const std::vector<float> expand_bias = normals(numbers, Precision::Fp32, channels);
      Table inner(Precision::Fp32, 1, squeezed + 1, untouched);
      Table gate(Precision::Fp32, 1, channels + 8, untouched);
      Expected expected(gate);
      std::vector<Sum> excitation(index(channels));
      for (std::size_t i = 0; i < reduce_bias.size(); ++i) {
        double x = reduce_bias[i];
        for (std::size_t c = 0; c < sums.size(); ++c)
          x += double{reduce[i * sums.size() + c]} * sums[c] * 0.25;
        for (std::size_t c = 0; c < sums.size(); ++c)
          excitation[c].add(silu(x) * expand[i * sums.size() + c]);
      }
      for (int c = 0; c < channels; ++c) {
        Sum &sum = excitation[index(c)];
        sum.add(expand_bias[index(c)]);
        expected.set(0, c, {sigmoid(sum.total), digits_of_sums * (1 + sum.sizes)});
      }
      SqueezeExciteArgs task;
      task.sums = sums.data();
      task.inverse_count = 0.25F;
      task.channels = channels;
      task.squeezed = squeezed;
      task.reduce = reduce.data();
      task.reduce_bias = reduce_bias.data();
      task.expand = expand.data();
      task.expand_bias = expand_bias.data();
      task.inner = inner.floats();
      task.gate = gate.floats();
      kernels().squeeze(task);
      EXPECT_TRUE(expected.holds(gate)) << channels << " channels, " << squeezed;
      EXPECT_EQ(inner.get(0, squeezed), untouched);
    }
  }
}

// --- changes of type

TEST_P(KernelsTest, WidenIsExact) {
  Numbers numbers(8);
  Table input(element(), 9, panel_width + 32, nan);
  input.randomize(numbers, 9, panel_width);
  input.set(3, 2, infinity);
  Table output(Precision::Fp32, 10, panel_width, untouched);
  Expected expected(output);
  for (int r = 0; r < 9; ++r)
    for (int c = 0; c < panel_width; ++c) expected.set(r, c, {input.get(r, c)});
  kernels().to_f32(input.data(), input.columns(), 9, output.floats());
  EXPECT_TRUE(expected.holds(output));
}

// Ties in both directions, numbers that become infinite, and numbers that barely do not.
const std::vector<float> hard_to_round{1 + 0x1p-8F,
                                       1 + 0x3p-8F,
                                       1 + 0x1.0002p-8F,
                                       1 + 0x0.ffffp-8F,
                                       -1 - 0x1p-8F,
                                       -1 - 0x3p-8F,
                                       0,
                                       -0.0F,
                                       infinity,
                                       -infinity,
                                       3.4e38F,
                                       -3.4e38F,
                                       0x1.ffp127F,
                                       -0x1.ffp127F,
                                       0x1.feffffp127F,
                                       0x1.fffffep127F,
                                       1e30F,
                                       -1e-30F,
                                       0x1p-126F,
                                       100.5F,
                                       -65504,
                                       static_cast<float>(M_PI)};

TEST_P(KernelsTest, NarrowRoundsToTheNearestEven) {
  Numbers numbers(9);
  std::size_t next = 0;
  for (int count = 1; count <= 70; ++count) {
    std::vector<float> input;
    for (int i = 0; i < count; ++i)
      input.push_back(numbers.coin() ? numbers.normal() : hard_to_round[next++ % hard_to_round.size()]);
    Table output(element(), 1, count + 40, untouched);
    Expected expected(output);
    for (int i = 0; i < count; ++i) expected.set(0, i, {round(input[index(i)])});
    kernels().from_f32(input.data(), count, output.data());
    EXPECT_TRUE(expected.holds(output)) << count;
  }
}

TEST_P(KernelsTest, NarrowKeepsNan) {
  const std::vector<float> input(panel_width + 5, -nan);
  Table output(element(), 1, panel_width + 5, untouched);
  kernels().from_f32(input.data(), output.columns(), output.data());
  for (int i = 0; i < output.columns(); ++i) EXPECT_TRUE(std::isnan(output.get(0, i))) << i;
}

// --- what is done value by value

TEST_P(KernelsTest, LargerKeepsTheLargerOfBoth) {
  Numbers numbers(10);
  for (int count : {16, 48, 160}) {
    Table input(element(), 1, count, 0);
    Table output(element(), 1, count + 16, untouched);
    input.randomize(numbers, 1, count);
    output.randomize(numbers, 1, count);
    output.set(0, 5, -infinity);
    Expected expected(output);
    for (int i = 0; i < count; ++i) expected.set(0, i, {std::max(input.get(0, i), output.get(0, i))});
    kernels().larger(input.data(), count, output.data());
    EXPECT_TRUE(expected.holds(output)) << count;
  }
}

TEST_P(KernelsTest, BlendMixesFourPixelsAndStandardizes) {
  Numbers numbers(11);
  for (int channels : {16, 32, 112}) {
    Table pixels(element(), 4, channels, 0);
    pixels.randomize(numbers, 4, channels);
    const std::vector<float> scale = normals(numbers, Precision::Fp32, channels);
    const std::vector<float> offset = normals(numbers, Precision::Fp32, channels);
    Table output(Precision::Fp32, 1, channels + 16, untouched);
    Expected expected(output);
    BlendArgs task;
    for (int i = 0; i < 4; ++i) {
      task.pixels[i] = pixels.at(i, 0);
      task.weights[i] = numbers.normal();
    }
    for (int c = 0; c < channels; ++c) {
      Sum sum;
      for (int i = 0; i < 4; ++i) sum.add(double{pixels.get(i, c)} * task.weights[i] * scale[index(c)]);
      sum.add(offset[index(c)]);
      expected.set(0, c, sum.value());
    }
    task.channels = channels;
    task.scale = scale.data();
    task.offset = offset.data();
    task.output = output.floats();
    kernels().blend(task);
    EXPECT_TRUE(expected.holds(output)) << channels;
  }
}

TEST_P(KernelsTest, AddSquaresAddsToWhatIsThere) {
  Numbers numbers(12);
  Table input(Precision::Fp32, 7, 96, nan);
  input.randomize(numbers, 7, 80);
  Table sums(Precision::Fp32, 1, 9, untouched);
  Expected expected(sums);
  for (int r = 0; r < 7; ++r) {
    Sum sum;
    sum.add(untouched);
    for (int c = 0; c < 80; ++c) sum.add(double{input.get(r, c)} * input.get(r, c));
    expected.set(0, r, sum.value());
  }
  kernels().add_squares(input.floats(), input.columns(), 7, 80, sums.floats());
  EXPECT_TRUE(expected.holds(sums));
}

// --- normalize

// The tables of one normalization. Those that are not requested must stay untouched.
struct Normalized {
  static constexpr int rows = 5;
  Normalized(Precision precision, int columns, Numbers &numbers)
      : columns(columns),
        input(Precision::Fp32, rows, round_up(columns, panel_width), nan),
        offset(Precision::Fp32, rows, input.columns(), nan),
        wide(Precision::Fp32, rows, input.columns(), untouched),
        output(precision, rows, columns + 9, untouched),
        placed(output),
        weight(normals(numbers, Precision::Fp32, columns)),
        bias(normals(numbers, Precision::Fp32, columns)) {
    input.set_block(0, 0, rows, columns, [&] { return 10 + 3 * numbers.normal(); });
    offset.randomize(numbers, rows, columns);
  }

  LayerNormArgs task(bool scaled) {
    LayerNormArgs task;
    task.input = input.floats();
    task.rows = rows;
    task.columns = columns;
    task.weight = scaled ? weight.data() : nullptr;
    task.bias = scaled ? bias.data() : nullptr;
    task.f32_stride = input.columns();
    task.output_stride = output.columns();
    return task;
  }

  // The expected result for one value.
  Value at(int row, int column, bool scaled) const {
    if (!scaled) return {input.get(row, column), 0};
    double mean = 0, variance = 0;
    for (int c = 0; c < columns; ++c) mean += double{input.get(row, c)} / columns;
    for (int c = 0; c < columns; ++c) variance += std::pow(input.get(row, c) - mean, 2) / columns;
    const auto i = index(column);
    Sum sum;
    sum.add(input.get(row, column) / std::sqrt(variance + 1e-5) * weight[i]);
    sum.add(-mean / std::sqrt(variance + 1e-5) * weight[i]);
    sum.add(bias[i]);
    return sum.value();
  }

  void set(Expected &expected, bool scaled, bool add_offset, std::optional<Precision> element) const {
    for (int r = 0; r < rows; ++r) {
      for (int c = 0; c < columns; ++c) {
        Value value = at(r, c, scaled);
        if (add_offset) value.number += offset.get(r, c);
        if (add_offset) value.slack += digits_of_sums * std::abs(value.number);
        expected.set(r, c, element ? stored(*element, value) : value);
      }
    }
  }

  int columns;
  Table input, offset, wide, output, placed;
  std::vector<float> weight, bias;
};

TEST_P(KernelsTest, NormalizeIsLayerNormInEveryFormThatIsAskedFor) {
  Numbers numbers(13);
  for (int columns : {1, 2, 3, 15, 16, 17, 24, 31, 32, 40, 70}) {
    for (int wanted = 1; wanted < 16; ++wanted) {
      const bool scaled = (wanted & 1) != 0 && columns > 1;
      Normalized n(element(), columns, numbers);
      LayerNormArgs task = n.task(scaled);
      Expected in_wide(n.wide), in_output(n.output), in_placed(n.placed);
      if ((wanted & 2) != 0) {
        task.f32 = n.wide.floats();
        n.set(in_wide, scaled, false, {});
      }
      if ((wanted & 4) != 0) {
        task.output = n.output.data();
        n.set(in_output, scaled, false, element());
      }
      if ((wanted & 8) != 0) {
        task.placed = n.placed.data();
        task.offset = n.offset.floats();
        n.set(in_placed, scaled, true, element());
      }
      kernels().normalize(task);
      EXPECT_TRUE(in_wide.holds(n.wide)) << columns << " columns, wanted " << wanted;
      EXPECT_TRUE(in_output.holds(n.output)) << columns << " columns, wanted " << wanted;
      EXPECT_TRUE(in_placed.holds(n.placed)) << columns << " columns, wanted " << wanted;
    }
  }
}

TEST_P(KernelsTest, NormalizeWorksInPlace) {
  Numbers numbers(14);
  Normalized n(element(), 40, numbers);
  n.wide.set_block(0, 0, n.wide.rows(), n.wide.columns(), [] { return untouched; });
  Expected expected(n.wide);
  n.set(expected, true, false, {});
  for (int r = 0; r < Normalized::rows; ++r)
    for (int c = 0; c < n.columns; ++c) n.wide.set(r, c, n.input.get(r, c));
  LayerNormArgs task = n.task(true);
  task.input = task.f32 = n.wide.floats();
  kernels().normalize(task);
  EXPECT_TRUE(expected.holds(n.wide));
}

// --- attend

struct Attention {
  int head, height, width;
  bool masked = false;
  int mask_height = 0, mask_width = 0;
};

std::string text(const Attention &a) {
  return "head " + std::to_string(a.head) + ", grid " + std::to_string(a.height) + "x" +
         std::to_string(a.width) +
         (a.masked ? ", mask " + std::to_string(a.mask_height) + "x" + std::to_string(a.mask_width) : "");
}

bool sees(const Attention &a, int query, int key) {
  const int dy = std::abs(query / a.width - key / a.width);
  const int dx = std::abs(query % a.width - key % a.width);
  return !a.masked || dy > a.mask_height / 2 || dx > a.mask_width / 2;
}

// One row of softmax(q k^T) v, computed in double.
std::vector<double> attended(const Attention &a, const Table &q, const Table &k, const Table &v, int query) {
  const int tokens = a.height * a.width;
  std::vector<double> shares(index(tokens));
  double total = 0;
  for (int key = 0; key < tokens; ++key) {
    double score = 0;
    for (int d = 0; d < a.head; ++d) score += double{q.get(query, d)} * k.get(key, d);
    const double share = sees(a, query, key) ? std::exp(score) : 0;
    shares[index(key)] = share;
    total += share;
  }
  std::vector<double> out(index(a.head));
  for (int key = 0; key < tokens; ++key)
    for (int d = 0; d < a.head; ++d) out[index(d)] += shares[index(key)] / total * v.get(key, d);
  return out;
}

std::vector<Attention> attentions() {
  std::vector<Attention> all;
  for (int head : {1, 4, 5, 8, 16, 32, 40}) {
    for (const auto &[height, width] : {std::pair{1, 1}, {2, 3}, {3, 11}, {4, 4}, {14, 14}})
      all.push_back({head, height, width});
    all.push_back({head, 2, 3, true, 1, 1});
    all.push_back({head, 3, 11, true, 2, 5});
    all.push_back({head, 14, 14, true, 7, 7});
    all.push_back({head, 5, 3, true, 3, 100});
  }
  return all;
}

TEST_P(KernelsTest, AttendIsTheSoftmaxOfWhatIsSeen) {
  Numbers numbers(15);
  for (const Attention &a : attentions()) {
    const int tokens = a.height * a.width;
    const int stride = round_up(a.head, kernels().depth) + panel_width;
    // q and k may contain anything after the last row.
    Table q(element(), tokens + spare_rows, stride, nan);
    Table k(q), v(element(), tokens + spare_rows, stride, 0);
    q.set_block(0, 0, tokens, stride,
                [&] { return 3 / std::sqrt(static_cast<float>(a.head)) * numbers.normal(); });
    k.randomize(numbers, tokens, stride);
    v.randomize(numbers, tokens + spare_rows, stride);
    Table output(element(), tokens + spare_rows, stride, untouched);
    Expected expected(output);
    // Attention weights are elements, too.
    const double slack = element() == Precision::Fp32 ? 3e-6 : 6e-3;
    for (int query = 0; query < tokens; ++query) {
      const std::vector<double> row = attended(a, q, k, v, query);
      for (int d = 0; d < a.head; ++d) expected.set(query, d, stored(element(), {row[index(d)], slack}));
    }
    const auto scratch = static_cast<int>(kernels().attend_scratch(tokens, a.head));
    Table memory(Precision::Fp32, 1, scratch / 4 + 16, nan);
    memory.set_block(0, scratch / 4, 1, 16, [] { return untouched; });
    AttentionArgs task;
    task.q = q.data();
    task.k = k.data();
    task.v = v.data();
    task.output = output.data();
    task.q_stride = task.k_stride = task.v_stride = task.output_stride = stride;
    task.head = a.head;
    task.grid_height = a.height;
    task.grid_width = a.width;
    task.masked = a.masked;
    task.mask_height = a.mask_height;
    task.mask_width = a.mask_width;
    task.scratch = memory.data();
    kernels().attend(task);
    EXPECT_TRUE(expected.holds(output)) << text(a);
    for (int i = 0; i < 16; ++i) ASSERT_EQ(memory.get(0, scratch / 4 + i), untouched) << "behind the scratch";
  }
}

// With one peak far above the rest and one far below zero, nothing overflows or vanishes.
TEST_P(KernelsTest, AttendPicksTheOneKeyThatStandsOut) {
  constexpr int tokens = 20, head = 8;
  for (float size : {30.0F, -30.0F, 1000.0F}) {
    const int stride = round_up(head, kernels().depth);
    Table q(element(), tokens + spare_rows, stride, 0), k(q), v(q), output(q);
    for (int t = 0; t < tokens; ++t) {
      q.set(t, 0, size);
      k.set(t, 0, t == 13 ? (size > 0 ? 10.0F : 1.0F) : (size > 0 ? -10.0F : 10.0F));
      v.set(t, 2, static_cast<float>(t));
    }
    AlignedVector<std::byte> scratch(kernels().attend_scratch(tokens, head));
    AttentionArgs task;
    task.q = q.data();
    task.k = k.data();
    task.v = v.data();
    task.output = output.data();
    task.q_stride = task.k_stride = task.v_stride = task.output_stride = stride;
    task.head = head;
    task.grid_height = 4;
    task.grid_width = 5;
    task.scratch = scratch.data();
    kernels().attend(task);
    for (int t = 0; t < tokens; ++t) EXPECT_FLOAT_EQ(output.get(t, 2), 13) << size;
  }
}

}  // namespace
}  // namespace uniad::cpu::test
