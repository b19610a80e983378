// SPDX-License-Identifier: Apache-2.0
#include "model/engine/cpu/cpu_backend.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "model/base/error.h"
#include "model/base/thread_pool.h"
#include "model/engine/cpu/reconstructor.h"
#include "model/engine/cpu/trunk.h"
#include "model/kernels/instruction_sets.h"
#include "model/preprocess/preprocess.h"

namespace uniad {
namespace {

using cpu::Kernels;
using cpu::PackedLayer;
using cpu::Team;

const char *name_of(cpu::Precision precision) {
  switch (precision) {
    case cpu::Precision::Bf16:
      return "bf16";
    case cpu::Precision::Int8:
      return "int8";
    case cpu::Precision::Fp32:
      break;
  }
  return "fp32";
}

const Kernels &need_kernels(cpu::Precision precision) {
  const Kernels *kernels = cpu::best_kernels(precision);
  if (kernels == nullptr)
    throw Error(ErrorKind::Unsupported, "precision",
                std::string("this processor has no arithmetic for ") + name_of(precision),
                "use precision=auto or fp32");
  return *kernels;
}

// Streams of several sizes share a network, so the filter tables of each size are kept.
struct SizedPreprocessor {
  int width = 0;
  int height = 0;
  PixelLayout layout = PixelLayout::RGB;
  Preprocessor preprocessor;
};

// Several pictures are processed in parallel, one on each thread. A single picture is processed by all
// threads together.
class CpuBackend : public Backend {
 public:
  CpuBackend(const FoldedNetwork &network, const Kernels &kernels, std::shared_ptr<cpu::ThreadPool> pool)
      : kernels_(kernels),
        input_(network.input),
        tokens_(network.grid.pixels()),
        channels_(network.channels),
        pool_(std::move(pool)),
        trunk_(kernels, network) {
    if (network.reconstruction) reconstructor_.emplace(kernels, *network.reconstruction, network.grid);
    if (!network.feature_whitening.empty()) {
      const std::vector<float> none(static_cast<std::size_t>(channels_));
      whitening_ = pack(fp32_, network.feature_whitening, channels_, none);
    }
    for (int i = 0; i < pool_->threads(); ++i)
      workspaces_.push_back(make_workspace(i == 0 ? pool_->threads() : 1));
  }

  void run(std::span<Picture> pictures) override {
    const cpu::FlushToZero flush_to_zero;
    const auto threads = static_cast<std::size_t>(pool_->threads());
    std::size_t side_by_side = pictures.size() / threads * threads;
    if (2 * (pictures.size() - side_by_side) > threads)
      side_by_side = pictures.size();  // most threads are busy
    pool_->run(static_cast<int>(side_by_side), [&](int number, int thread) {
      run_one(Team(nullptr), workspaces_[static_cast<std::size_t>(thread)],
              pictures[static_cast<std::size_t>(number)]);
    });
    for (Picture &picture : pictures.subspan(side_by_side))
      run_one(Team(pool_.get()), workspaces_[0], picture);
  }

  std::string description() const override {
    return std::string("cpu, ") + name_of(kernels_.precision) + " (" + kernels_.name + ")";
  }

 private:
  // Working memory for one picture at a time.
  struct Workspace {
    std::vector<SizedPreprocessor> preprocessors;  // the newest last
    std::vector<float> image;
    cpu::Trunk::Memory trunk;
    std::optional<cpu::Reconstructor::Memory> reconstructor;
    AlignedVector<float> features, whitened;  // rows are padded for Kernels::multiply
  };

  Workspace make_workspace(int threads) const {
    Workspace workspace{{}, {}, trunk_.make_memory(threads), {}, {}, {}};
    workspace.image.resize(std::size_t{3} * static_cast<std::size_t>(input_.height) *
                           static_cast<std::size_t>(input_.width));
    if (reconstructor_) workspace.reconstructor = reconstructor_->make_memory(threads);
    if (whitening_) {
      workspace.features.resize(static_cast<std::size_t>(tokens_ + cpu::spare_rows) *
                                static_cast<std::size_t>(whitening_->depth));
      workspace.whitened.resize(workspace.features.size());
    }
    return workspace;
  }

  Preprocessor &preprocessor_of(Workspace &workspace, const FrameView &frame) const {
    auto &known = workspace.preprocessors;
    const auto found = std::find_if(known.begin(), known.end(), [&](const SizedPreprocessor &other) {
      return other.width == frame.width && other.height == frame.height && other.layout == frame.layout;
    });
    if (found != known.end()) return found->preprocessor;
    constexpr std::size_t most = 16;
    if (known.size() == most) known.erase(known.begin());
    known.push_back({frame.width, frame.height, frame.layout, Preprocessor(input_)});
    return known.back().preprocessor;
  }

  void run_one(const Team &team, Workspace &workspace, Picture &picture) const {
    try {
      preprocessor_of(workspace, *picture.frame).run(*picture.frame, workspace.image);
      if (picture.paint != nullptr) picture.paint->apply(workspace.image, *picture.seen);
      if (picture.luma != nullptr)
        luma_of_input(workspace.image, input_.width, input_.height, input_.mean, input_.std, *picture.luma);
      run_network(team, workspace, *picture.tokens);
    } catch (const std::exception &) {
      picture.failure = std::current_exception();
    }
  }

  void run_network(const Team &team, Workspace &workspace, Tokens &tokens) const {
    const std::size_t size = static_cast<std::size_t>(tokens_) * static_cast<std::size_t>(channels_);
    tokens.features.resize(size);
    trunk_.run(team, workspace.trunk, workspace.image.data(), tokens.features.data());
    if (whitening_) whiten(workspace, tokens);
    if (!reconstructor_) return;
    tokens.residuals.resize(size);
    reconstructor_->run(team, *workspace.reconstructor, tokens.features.data(), tokens.residuals.data());
  }

  void whiten(Workspace &workspace, Tokens &tokens) const {
    const int stride = whitening_->depth;
    for (int r = 0; r < tokens_; ++r)
      std::copy_n(tokens.features.begin() + std::ptrdiff_t{r} * channels_, channels_,
                  workspace.features.begin() + std::ptrdiff_t{r} * stride);
    cpu::GemmArgs multiply = whitening_->onto(tokens_);
    multiply.a = workspace.features.data();
    multiply.a_stride = stride;
    multiply.f32 = workspace.whitened.data();
    multiply.f32_stride = stride;
    fp32_.multiply(multiply);
    for (int r = 0; r < tokens_; ++r)
      std::copy_n(workspace.whitened.begin() + std::ptrdiff_t{r} * stride, channels_,
                  tokens.features.begin() + std::ptrdiff_t{r} * channels_);
  }

  const Kernels &kernels_;
  // Features are whitened in fp32, whatever the precision.
  const Kernels &fp32_ = need_kernels(cpu::Precision::Fp32);
  const InputConfig input_;
  const int tokens_;
  const int channels_;
  const std::shared_ptr<cpu::ThreadPool> pool_;
  const cpu::Trunk trunk_;
  std::optional<cpu::Reconstructor> reconstructor_;
  std::optional<PackedLayer> whitening_;
  std::vector<Workspace> workspaces_;  // for each thread
};

}  // namespace

bool cpu_has(cpu::Precision precision) {
  return cpu::best_kernels(precision) != nullptr;
}

std::unique_ptr<Backend> make_cpu_backend(const FoldedNetwork &network, cpu::Precision precision,
                                          std::shared_ptr<cpu::ThreadPool> pool) {
  return std::make_unique<CpuBackend>(network, need_kernels(precision), std::move(pool));
}

}  // namespace uniad
