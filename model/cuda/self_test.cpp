// SPDX-License-Identifier: Apache-2.0
#include <c10/cuda/CUDAGuard.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "model/cuda/backend.h"
#include "model/cuda/guarded.h"
#include "model/cuda/kernel_checks.h"
#include "model/network.h"
#include "model/statistics/scenes.h"

namespace uniad::cuda {

namespace {

constexpr std::size_t judged_by_cpu = 2;

// The frames have the network's size and are RGB, so that both devices get the same pixels.
struct NoisePicture {
  NoisePicture(const InputConfig &input, std::uint32_t seed)
      : rgb(3 * static_cast<std::size_t>(input.width) * static_cast<std::size_t>(input.height)) {
    std::mt19937 random(seed);
    for (auto &value : rgb) value = static_cast<std::uint8_t>(random() >> 24);
    view = {.layout = PixelLayout::RGB, .width = input.width, .height = input.height};
    view.planes[0] = {rgb.data(), std::ptrdiff_t{3} * input.width};
  }
  std::vector<std::uint8_t> rgb;
  FrameView view;
};

// max|a - b| / max|b|
double relative(const std::vector<float> &a, const std::vector<float> &b) {
  if (a.size() != b.size()) return INFINITY;
  double difference = 0;
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!std::isfinite(a[i])) return INFINITY;
    difference = std::max<double>(difference, std::abs(a[i] - b[i]));
    largest = std::max<double>(largest, std::abs(b[i]));
  }
  return difference / largest;
}

std::vector<Tokens> judge_on_cpu(const Model &model, const std::string &where,
                                 std::span<const FrameView> frames) {
  const c10::InferenceMode inference;
  const std::shared_ptr<Network> network = make_network(model, where);
  const InputConfig &input = model.config.input;
  Preprocessor preprocessor(input);
  std::vector<Tokens> results;
  for (const FrameView &frame : frames) {
    const torch::Tensor image = torch::empty({1, 3, input.height, input.width});
    preprocessor.run(frame, {image.data_ptr<float>(), static_cast<std::size_t>(image.numel())});
    const torch::Tensor features = network->features(image);
    Tokens tokens{to_tokens(features[0]), {}};
    if (network->reconstruction) tokens.residuals = to_tokens(network->residuals(features)[0]);
    results.push_back(std::move(tokens));
  }
  return results;
}

void judge(Backend &backend, std::span<const FrameView> frames, std::span<Tokens> tokens) {
  std::vector<Picture> pictures;
  for (std::size_t i = 0; i < frames.size(); ++i) pictures.push_back({&frames[i], &tokens[i], {}});
  backend.run(pictures);
  for (const Picture &picture : pictures)
    if (picture.failure) std::rethrow_exception(picture.failure);
}

// A frame without pixels fails on its own.
double difference_beside_a_bad_frame(Backend &backend, const FrameView &good, const Tokens &expected) {
  const FrameView bad{.layout = PixelLayout::NV12, .width = 16, .height = 16};
  Tokens tokens;
  Tokens none;
  std::vector<Picture> pictures{{&bad, &none, {}}, {&good, &tokens, {}}};
  backend.run(pictures);
  if (!pictures[0].failure || pictures[1].failure) return INFINITY;
  return relative(tokens.features, expected.features);
}

std::vector<SelfTest> check_network(const Model &model, const std::string &where, int device,
                                    ElementType type) {
  const double tolerance = type == ElementType::Fp32 ? 1e-4 : type == ElementType::Fp16 ? 0.02 : 0.1;
  const std::string suffix = std::string(" in ") + name_of(type);
  std::vector<NoisePicture> pictures;
  for (std::uint32_t seed = 0; seed < 37; ++seed) pictures.emplace_back(model.config.input, seed);
  std::vector<FrameView> frames;
  frames.reserve(pictures.size());
  for (const NoisePicture &picture : pictures) frames.push_back(picture.view);

  std::unique_ptr<Backend> backend;
  std::vector<Tokens> alone(frames.size());
  std::vector<Tokens> expected;
  std::vector<SelfTest> results;
  results.push_back(run_check("features" + suffix, tolerance, [&] {
    backend = make_backend(model, where, device, type);
    for (std::size_t i = 0; i < frames.size(); ++i) judge(*backend, {&frames[i], 1}, {&alone[i], 1});
    expected = judge_on_cpu(model, where, std::span(frames).first(judged_by_cpu));
    double largest = 0;
    for (std::size_t i = 0; i < judged_by_cpu; ++i)
      largest = std::max(largest, relative(alone[i].features, expected[i].features));
    return largest;
  }));
  if (!results.back().failure.empty()) return results;
  if (model.config.reconstruction)
    results.push_back(run_check("residuals" + suffix, tolerance, [&] {
      double largest = 0;
      for (std::size_t i = 0; i < judged_by_cpu; ++i)
        largest = std::max(largest, relative(alone[i].residuals, expected[i].residuals));
      return largest;
    }));
  // Batches of sizes that are rounded differently, one of them longer than a part, twice: each frame must get
  // its own result.
  for (const std::size_t count : {std::size_t{1}, std::size_t{3}, std::size_t{16}, std::size_t{37}})
    results.push_back(run_check("batch of " + std::to_string(count) + suffix, tolerance, [&] {
      double largest = 0;
      for (int round = 0; round < 2; ++round) {
        std::vector<Tokens> together(count);
        judge(*backend, std::span(frames).first(count), together);
        for (std::size_t i = 0; i < count; ++i)
          largest = std::max(largest, relative(together[i].features, alone[i].features));
      }
      return largest;
    }));
  results.push_back(run_check("beside a bad frame" + suffix, tolerance,
                              [&] { return difference_beside_a_bad_frame(*backend, frames[0], alone[0]); }));
  return results;
}

}  // namespace

std::vector<SelfTest> self_test(const Model &model, const std::string &where, int device, ElementType type) {
  return guarded(device, "the self-test", During::Load, [&] {
    const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(device));
    std::vector<SelfTest> results = check_kernels(*make_runtime(device));
    for (SelfTest &result : check_network(model, where, device, type)) results.push_back(std::move(result));
    return results;
  });
}

}  // namespace uniad::cuda
