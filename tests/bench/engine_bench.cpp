// SPDX-License-Identifier: Apache-2.0
// The parts of the CPU engine on their own: kernels of every precision that this processor has, on one core,
// in shapes of UniAD on EfficientNet-b4; and what handing work over costs.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "model/base/thread_pool.h"
#include "model/engine/executor.h"
#include "model/kernels/instruction_sets.h"
#include "model/kernels/packed_layer.h"

namespace uniad::cpu {
namespace {

std::vector<float> noise(int count) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> values(-1, 1);
  std::vector<float> made(static_cast<std::size_t>(count));
  std::generate(made.begin(), made.end(), [&] { return values(random); });
  return made;
}

AlignedVector<float> noisy_rows(int rows, int columns) {
  const std::vector<float> values = noise((rows + spare_rows) * columns);
  return {values.begin(), values.end()};
}

// rows x columns in the kernels' own type, with the rows that tiles may touch behind them.
Elements noisy_elements(const Kernels &kernels, int rows, int columns) {
  const std::vector<float> values = noise((rows + spare_rows) * columns);
  Elements elements(kernels, values.size());
  kernels.from_f32(values.data(), static_cast<int>(values.size()), elements.data());
  return elements;
}

void count_operations(benchmark::State &state, double operations) {
  state.counters["FLOP/s"] = benchmark::Counter(operations, benchmark::Counter::kIsIterationInvariantRate);
}

struct MultiplyShape {
  int rows, depth, columns;
  Activation activation;
};

void multiply(benchmark::State &state, const Kernels &kernels, const MultiplyShape &shape) {
  const FlushToZero flush_to_zero;
  const PackedLayer layer =
      pack(kernels, noise(shape.columns * shape.depth), shape.depth, noise(shape.columns));
  const Elements input = noisy_elements(kernels, shape.rows, layer.depth);
  const int stride = round_up(shape.columns, kernels.depth);
  Elements output = noisy_elements(kernels, shape.rows, stride);
  GemmArgs multiply = layer.onto(shape.rows);
  multiply.a = input.data();
  multiply.a_stride = layer.depth;
  multiply.activation = shape.activation;
  multiply.c = output.data();
  multiply.c_stride = stride;
  while (state.KeepRunning()) {
    kernels.multiply(multiply);
    benchmark::ClobberMemory();
  }
  count_operations(state, 2.0 * shape.rows * shape.depth * shape.columns);
}

struct DepthwiseShape {
  int kernel, stride, size;  // of the output
};

void depthwise(benchmark::State &state, const Kernels &kernels, const DepthwiseShape &shape) {
  const FlushToZero flush_to_zero;
  const int input_size = (shape.size - 1) * shape.stride + shape.kernel;
  const AlignedVector<float> input = noisy_rows(input_size * input_size, panel_width);
  const AlignedVector<float> weights = noisy_rows(shape.kernel * shape.kernel, panel_width);
  const AlignedVector<float> bias = noisy_rows(1, panel_width);
  Elements output = noisy_elements(kernels, shape.size * shape.size, panel_width);
  AlignedVector<float> sums(panel_width);
  DepthwiseArgs depthwise;
  depthwise.input = input.data();
  depthwise.input_width = input_size;
  depthwise.weights = weights.data();
  depthwise.bias = bias.data();
  depthwise.kernel = shape.kernel;
  depthwise.stride = shape.stride;
  depthwise.height = shape.size;
  depthwise.width = shape.size;
  depthwise.activation = Activation::Silu;
  depthwise.output = output.data();
  depthwise.output_stride = panel_width;
  depthwise.sums = sums.data();
  while (state.KeepRunning()) {
    kernels.depthwise(depthwise);
    benchmark::ClobberMemory();
  }
  count_operations(state, 2.0 * shape.size * shape.size * shape.kernel * shape.kernel * panel_width);
}

// One head of 8, of 14 x 14 tokens of 256.
void attend(benchmark::State &state, const Kernels &kernels, bool masked) {
  const FlushToZero flush_to_zero;
  constexpr int grid = 14, tokens = grid * grid, dim = 256, head = 32;
  const Elements query = noisy_elements(kernels, tokens, dim);
  const Elements key = noisy_elements(kernels, tokens, dim);
  const Elements value = noisy_elements(kernels, tokens, dim);
  Elements output = noisy_elements(kernels, tokens, dim);
  AlignedVector<std::byte> scratch(kernels.attend_scratch(tokens, head));
  AttentionArgs attend;
  attend.q = query.data();
  attend.k = key.data();
  attend.v = value.data();
  attend.output = output.data();
  attend.q_stride = attend.k_stride = attend.v_stride = attend.output_stride = dim;
  attend.head = head;
  attend.grid_height = attend.grid_width = grid;
  attend.masked = masked;
  attend.mask_height = attend.mask_width = 7;
  attend.scratch = scratch.data();
  while (state.KeepRunning()) {
    kernels.attend(attend);
    benchmark::ClobberMemory();
  }
  count_operations(state, 4.0 * tokens * tokens * head);
}

void normalize(benchmark::State &state, const Kernels &kernels) {
  const FlushToZero flush_to_zero;
  constexpr int tokens = 196, dim = 256;
  const AlignedVector<float> input = noisy_rows(tokens, dim);
  const AlignedVector<float> offset = noisy_rows(tokens, dim);
  const AlignedVector<float> weight = noisy_rows(1, dim);
  const AlignedVector<float> bias = noisy_rows(1, dim);
  AlignedVector<float> wide = noisy_rows(tokens, dim);
  Elements output = noisy_elements(kernels, tokens, dim);
  Elements placed = noisy_elements(kernels, tokens, dim);
  LayerNormArgs normalize;
  normalize.input = input.data();
  normalize.rows = tokens;
  normalize.columns = dim;
  normalize.weight = weight.data();
  normalize.bias = bias.data();
  normalize.f32 = wide.data();
  normalize.offset = offset.data();
  normalize.f32_stride = dim;
  normalize.output = output.data();
  normalize.placed = placed.data();
  normalize.output_stride = dim;
  while (state.KeepRunning()) {
    kernels.normalize(normalize);
    benchmark::ClobberMemory();
  }
}

// A stage with nothing to do, one task for each thread.
void stage(benchmark::State &state, int threads) {
  ThreadPool pool(threads);
  const auto nothing = [](int task, int /*thread*/) { benchmark::DoNotOptimize(task); };
  while (state.KeepRunning()) pool.run(threads, nothing);
}

class NoNetwork : public Backend {
 public:
  void run(std::span<Picture> pictures) override { benchmark::DoNotOptimize(pictures.data()); }
  std::string description() const override { return "none"; }
};

// From the caller to the executor's thread and back.
void round_trip(benchmark::State &state) {
  Executor executor;
  NoNetwork network;
  Executor::Stream stream(executor, network);
  const FrameView frame;
  Tokens tokens;
  Picture picture{&frame, &tokens, nullptr};
  while (state.KeepRunning()) stream.run({&picture, 1}, {});
}

void add(const std::string &name, const std::function<void(benchmark::State &)> &function) {
  benchmark::RegisterBenchmark(name.c_str(), function)->Unit(benchmark::kMicrosecond)->UseRealTime();
}

void add_kernels(const Kernels &kernels, const std::string &precision) {
  const auto name = [&](const std::string &kernel, const std::string &shape) {
    return kernel + "/" + precision + " " + kernels.name + "/" + shape;
  };
  for (const MultiplyShape &shape : {MultiplyShape{196, 672, 112, Activation::None},   // a projection
                                     MultiplyShape{12544, 32, 32, Activation::Silu},   // a large map
                                     MultiplyShape{98, 256, 1024, Activation::Relu}})  // half the tokens
    add(name("multiply", std::to_string(shape.rows) + "x" + std::to_string(shape.depth) + "x" +
                             std::to_string(shape.columns)),
        [&kernels, shape](benchmark::State &state) { multiply(state, kernels, shape); });
  for (const DepthwiseShape &shape : {DepthwiseShape{3, 1, 112}, DepthwiseShape{3, 2, 56},
                                      DepthwiseShape{5, 2, 28}, DepthwiseShape{5, 1, 14}})
    add(name("depthwise", std::to_string(shape.kernel) + "x" + std::to_string(shape.kernel) + " stride " +
                              std::to_string(shape.stride) + " to " + std::to_string(shape.size) + "x" +
                              std::to_string(shape.size)),
        [&kernels, shape](benchmark::State &state) { depthwise(state, kernels, shape); });
  for (const bool masked : {false, true})
    add(name("attend", masked ? "neighbors masked" : "all keys"),
        [&kernels, masked](benchmark::State &state) { attend(state, kernels, masked); });
  add(name("normalize", "196x256"), [&kernels](benchmark::State &state) { normalize(state, kernels); });
}

}  // namespace
}  // namespace uniad::cpu

int main(int argc, char **argv) {
  using namespace uniad::cpu;
  benchmark::Initialize(&argc, argv);
  if (const Kernels *fp32 = best_kernels(Precision::Fp32)) add_kernels(*fp32, "fp32");
  if (const Kernels *bf16 = best_kernels(Precision::Bf16)) add_kernels(*bf16, "bf16");
  const int cores = std::max(static_cast<int>(std::thread::hardware_concurrency()), 1);
  for (const int threads : {1, cores})
    add("stage/" + std::to_string(threads) + " threads",
        [threads](benchmark::State &state) { stage(state, threads); });
  add("executor/round trip", round_trip);
  benchmark::RunSpecifiedBenchmarks();
}
