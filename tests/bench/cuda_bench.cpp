// SPDX-License-Identifier: Apache-2.0
// The GPU's network: its self-test, then the time of one 1080p NV12 frame and the rates of batches,
// everything from system memory to tokens in system memory. Goals of the design for a GPU of the H100's
// class: p99 of one frame under 3 ms, 3000 1080p frames a second (100 streams), 10,000 images a second.
// usage: cuda_bench [MODEL|- [PRECISION [ROUNDS]]]      -: UniAD on EfficientNet-b4 with random weights
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <string>

#include "model/base/error.h"
#include "model/engine/cuda_module.h"
#include "model/network.h"
#include "tests/bench/timing.h"
#include "training/bench/noisy_frame.h"

namespace {

using uniad::bench::milliseconds;

uniad::Model random_b4() {
  torch::manual_seed(1);
  uniad::Model model;
  uniad::store_tensors(uniad::Network(model.config), "", model.tensors);
  return model;
}

bool passes_self_test(const uniad::Model &model, const std::string &where, const std::string &precision) {
  int failed = 0;
  const auto tests = uniad::cuda_self_test(model, where, 0, precision);
  for (const uniad::SelfTest &test : tests) {
    const bool network = test.name.find(" in ") != std::string::npos;
    if (!test.passed() || network)
      std::cout << (test.passed() ? "ok      " : "FAILED  ") << test.name << ": " << test.largest << " of "
                << test.tolerance << " " << test.failure << "\n";
    if (!test.passed()) ++failed;
  }
  std::cout << tests.size() - static_cast<std::size_t>(failed) << " of " << tests.size()
            << " checks passed\n";
  return failed == 0;
}

// The same frame again and again, in a batch.
class Batch {
 public:
  Batch(const uniad::NoisyFrame &frame, std::size_t count) : tokens_(count) {
    for (uniad::Tokens &tokens : tokens_) pictures_.push_back({&frame.view(), &tokens, {}});
  }
  void run(uniad::Backend &backend) { backend.run(pictures_); }

 private:
  std::vector<uniad::Tokens> tokens_;
  std::vector<uniad::Picture> pictures_;
};

void print_latency(uniad::Backend &backend, const uniad::NoisyFrame &frame, int rounds) {
  Batch batch(frame, 1);
  const auto run = [&] { batch.run(backend); };
  for (int i = 0; i < 20; ++i) run();
  std::vector<double> times;
  for (int i = 0; i < rounds; ++i) times.push_back(milliseconds(run));
  std::sort(times.begin(), times.end());
  std::cout << "one 1080p frame: p50 " << times[times.size() / 2] << " ms, p99 "
            << times[times.size() * 99 / 100] << " ms\n";
}

void print_rate(uniad::Backend &backend, const char *name, const uniad::NoisyFrame &frame, std::size_t count,
                int rounds) {
  Batch batch(frame, count);
  const auto run = [&] { batch.run(backend); };
  for (int i = 0; i < 3; ++i) run();
  std::vector<double> times;
  for (int i = 0; i < rounds; ++i) times.push_back(milliseconds(run));
  std::cout << "batches of " << count << " " << name << ": "
            << static_cast<double>(count) * 1000 / uniad::bench::median(times) << " a second\n";
}

}  // namespace

int main(int argc, char **argv) {
  const std::string path = argc > 1 ? argv[1] : "-";
  const std::string precision = argc > 2 ? argv[2] : "auto";
  const int rounds = argc > 3 ? std::atoi(argv[3]) : 300;
  try {
    // First of all: LibTorch looks for its CUDA part only once, and making a network is early enough for
    // that.
    if (std::string why; !uniad::cuda_usable(&why))
      throw uniad::Error(ErrorKind::InvalidArgument, "cuda_bench", why, "run it where there is a GPU");
    const uniad::Model model = path == "-" ? random_b4() : uniad::read_model(path);
    const bool passed = passes_self_test(model, path, precision);
    const auto backend = uniad::open_cuda_backend(model, path, 0, precision);
    std::cout << backend->description() << "\n";
    const auto camera = uniad::NoisyFrame::nv12(1920, 1080);
    const auto picture = uniad::NoisyFrame::rgb(model.config.input.width, model.config.input.height);
    print_latency(*backend, camera, rounds);
    for (const std::size_t count : {std::size_t{8}, std::size_t{64}, std::size_t{256}}) {
      print_rate(*backend, "1080p frames", camera, count, std::max(rounds / 10, 5));
      print_rate(*backend, "pictures of the network's size", picture, count, std::max(rounds / 10, 5));
    }
    return passed ? EXIT_SUCCESS : EXIT_FAILURE;
  } catch (const std::exception &error) {
    std::cerr << error.what() << "\n";
    return EXIT_FAILURE;
  }
}
