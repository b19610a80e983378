// SPDX-License-Identifier: Apache-2.0
#include "model/cuda/backend.h"

#include <ATen/Context.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <map>
#include <utility>

#include "model/base/error.h"
#include "model/cuda/device_network.h"
#include "model/cuda/frame_input.h"
#include "model/cuda/guarded.h"
#include "model/cuda/kernels.h"

namespace uniad::cuda {

namespace {

constexpr int most_pictures = 64;  // per pass of the network
// The maximum number of uploaded pixels in one part of a batch. A longer batch is divided, so that the upload
// of one part overlaps with the computation of another. (Measured on an H100: 16 frames of 1080p, or small
// pictures up to the maximum of the network.)
constexpr std::int64_t most_uploaded = std::int64_t{16} * 1920 * 1080;
constexpr std::int64_t fewest_uploaded = 16;  // pictures
constexpr int first_bf16 = 80;                // compute capability

torch::ScalarType scalar_type(ElementType type) {
  switch (type) {
    case ElementType::Bf16:
      return torch::kBFloat16;
    case ElementType::Fp16:
      return torch::kHalf;
    case ElementType::Fp32:
      break;
  }
  return torch::kFloat32;
}

ElementType element_type(torch::ScalarType type) {
  if (type == torch::kBFloat16) return ElementType::Bf16;
  return type == torch::kHalf ? ElementType::Fp16 : ElementType::Fp32;
}

// ConvolutionKernels (folded_backbone.h). For some shapes, the result of LibTorch's convolutions is not in
// channels-last order.
void finish_on_device(torch::Tensor &x, const torch::Tensor &bias, const torch::Tensor &skip,
                      Activation activation) {
  x = x.contiguous(torch::MemoryFormat::ChannelsLast);
  const torch::Tensor other = skip.defined() ? skip.contiguous(torch::MemoryFormat::ChannelsLast) : skip;
  const FinishJob job{x.data_ptr(),
                      other.defined() ? other.data_ptr() : nullptr,
                      bias.data_ptr<float>(),
                      element_type(x.scalar_type()),
                      static_cast<int>(x.size(0) * x.size(2)),
                      static_cast<int>(x.size(3)),
                      static_cast<int>(x.size(1)),
                      activation};
  C10_CUDA_CHECK(static_cast<cudaError_t>(launch(job, c10::cuda::getCurrentCUDAStream())));
}

void depthwise_on_device(const torch::Tensor &input, const DepthwiseWeights &weights, int top, int left,
                         torch::Tensor &out, Activation activation) {
  const torch::Tensor in = input.contiguous(torch::MemoryFormat::ChannelsLast);
  const auto size = [](const torch::Tensor &tensor, int dimension) {
    return static_cast<int>(tensor.size(dimension));
  };
  const DepthwiseJob job{in.data_ptr(),
                         weights.weight.data_ptr(),
                         weights.bias.data_ptr<float>(),
                         out.data_ptr(),
                         element_type(in.scalar_type()),
                         size(in, 0),
                         size(in, 2),
                         size(in, 3),
                         size(out, 2),
                         size(out, 3),
                         size(in, 1),
                         weights.kernel,
                         weights.stride,
                         top,
                         left,
                         activation};
  C10_CUDA_CHECK(static_cast<cudaError_t>(launch(job, c10::cuda::getCurrentCUDAStream())));
}

// Makes cuDNN benchmark its algorithms and compute fp32 in full precision within a scope. The settings affect
// the whole process.
class CudnnSettings {
 public:
  CudnnSettings() {
    at::globalContext().setBenchmarkCuDNN(true);
    at::globalContext().setAllowTF32CuDNN(false);
  }
  ~CudnnSettings() {
    at::globalContext().setBenchmarkCuDNN(benchmark_);
    at::globalContext().setAllowTF32CuDNN(tf32_);
  }
  CudnnSettings(const CudnnSettings &) = delete;
  CudnnSettings &operator=(const CudnnSettings &) = delete;

 private:
  const bool benchmark_ = at::globalContext().benchmarkCuDNN();
  const bool tf32_ = at::globalContext().allowTF32CuDNN();
};

class CudaBackend : public Backend {
 public:
  CudaBackend(const Model &model, const std::string &where, int device, ElementType type)
      : device_(device),
        type_(type),
        guard_of_load_(std::make_unique<c10::cuda::CUDAGuard>(static_cast<c10::DeviceIndex>(device))),
        runtime_(make_runtime(device)),
        network_(model, where, torch::Device(torch::kCUDA, static_cast<c10::DeviceIndex>(device)),
                 scalar_type(type), {finish_on_device, depthwise_on_device}),
        config_(model.config.input),
        input_(*runtime_, model.config.input, type),
        compute_(create_stream(*runtime_)),
        download_(create_stream(*runtime_)) {
    const c10::InferenceMode inference;
    const auto options =
        torch::dtype(scalar_type(type)).device(torch::kCUDA, static_cast<c10::DeviceIndex>(device));
    const auto pictures = [&] {
      return torch::zeros({most_pictures, 3, model.config.input.height, model.config.input.width}, options)
          .contiguous(torch::MemoryFormat::ChannelsLast);
    };
    images_ = pictures();
    const std::int64_t result_size = network_.parts() * network_.part_size();
    for (Batch &batch : batches_) {
      batch.images = pictures();
      batch.result = torch::empty({most_pictures, result_size}, options.dtype(torch::kFloat32));
      batch.on_host = allocate_pinned(
          *runtime_, static_cast<std::size_t>(most_pictures * result_size) * sizeof(float), During::Load);
      batch.luma = torch::empty({most_pictures, luma_bytes()}, options.dtype(torch::kUInt8));
      batch.luma_on_host =
          allocate_pinned(*runtime_, static_cast<std::size_t>(most_pictures * luma_bytes()), During::Load);
      for (OwnedEvent *event : {&batch.prepared, &batch.taken, &batch.computed, &batch.downloaded})
        *event = create_event(*runtime_);
    }
    // Waits for the work above, which ran on this thread's current stream.
    C10_CUDA_CHECK(cudaStreamSynchronize(c10::cuda::getCurrentCUDAStream()));
    graph_of(1);  // so that the first frame does not wait for it
    guard_of_load_.reset();
  }

  ~CudaBackend() override {
    // Graphs and buffers must be freed on their own device, while nothing runs on them.
    c10::cuda::OptionalCUDAGuard guard;
    try {
      guard.set_index(static_cast<c10::DeviceIndex>(device_));
      settle();
    } catch (...) {
      // The device has failed; its memory is freed when the process ends.
    }
    graphs_.clear();
  }

  void run(std::span<Picture> pictures) override {
    guarded(device_, "judging frames", During::Run, [&] {
      const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(device_));
      const c10::InferenceMode inference;
      try {
        run_in_parts(pictures);
      } catch (...) {
        settle();  // after returning, the frames belong to the caller again
        throw;
      }
    });
  }

  std::string description() const override {
    return "cuda:" + std::to_string(device_) + " (" + device_name(device_) + "), " + name_of(type_);
  }

 private:
  struct Batch {
    torch::Tensor images;  // preprocessing writes these while the network reads those of the other batch
    torch::Tensor result;
    PinnedMemory on_host;
    torch::Tensor luma;  // (pictures, H, W), levels
    PinnedMemory luma_on_host;
    OwnedEvent prepared, taken, computed, downloaded;
  };
  struct Graph {
    at::cuda::CUDAGraph graph;
    torch::Tensor result;
  };

  void check_run(int code, const char *doing) const { check(*runtime_, code, doing, During::Run); }

  void settle() const {
    runtime_->synchronize(input_.stream());
    runtime_->synchronize(compute_.get());
    runtime_->synchronize(download_.get());
  }

  // While one part is computed, the next one is uploaded, and the previous one is downloaded.
  void run_in_parts(std::span<Picture> pictures) {
    std::int64_t largest = 1;
    for (const Picture &picture : pictures)
      if (!picture.frame->cuda_device)
        largest = std::max(largest, std::int64_t{picture.frame->width} * picture.frame->height);
    const auto most = static_cast<std::size_t>(
        std::clamp<std::int64_t>(most_uploaded / largest, fewest_uploaded, most_pictures));
    std::span<Picture> before;
    std::size_t turn = 0;
    for (std::size_t first = 0; first < pictures.size(); first += most, ++turn) {
      const auto part = pictures.subspan(first, std::min(most, pictures.size() - first));
      enqueue(part, batches_[turn % 2]);
      if (turn > 0) collect(batches_[(turn - 1) % 2], before);
      before = part;
    }
    if (turn > 0) collect(batches_[(turn - 1) % 2], before);
  }

  // An invalid frame fails on its own; its place in the batch keeps its previous content.
  void prepare(std::span<Picture> pictures, Batch &batch) {
    check_run(runtime_->wait(input_.stream(), batch.taken.get()), "preprocessing");
    auto *image = static_cast<std::byte *>(batch.images.data_ptr());
    for (Picture &picture : pictures) {
      try {
        input_.prepare(*picture.frame, image);
        if (picture.paint != nullptr) input_.paint(*picture.paint, *picture.seen, image);
      } catch (const DeviceError &) {
        throw;
      } catch (const std::exception &) {
        picture.failure = std::current_exception();
      }
      image += input_.picture_bytes();
    }
    check_run(runtime_->record(batch.prepared.get(), input_.stream()), "preprocessing");
  }

  void enqueue(std::span<Picture> pictures, Batch &batch) {
    prepare(pictures, batch);
    const auto count = static_cast<int>(pictures.size());
    Graph &graph = graph_of(static_cast<int>(std::bit_ceil(static_cast<unsigned>(count))));
    const c10::cuda::CUDAStreamGuard on_stream(stream());
    check_run(runtime_->wait(compute_.get(), batch.prepared.get()), "running the network");
    images_.narrow(0, 0, count).copy_(batch.images.narrow(0, 0, count), /*non_blocking=*/true);
    check_run(runtime_->record(batch.taken.get(), compute_.get()), "running the network");
    graph.graph.replay();
    const torch::Tensor result = graph.result.narrow(0, 0, count);
    batch.result.narrow(0, 0, count).copy_(result.view({count, -1}), /*non_blocking=*/true);
    const bool with_luma = wants_luma(pictures);
    if (with_luma)
      batch.luma.narrow(0, 0, count)
          .copy_(luma_of(images_.narrow(0, 0, count), config_), /*non_blocking=*/true);
    check_run(runtime_->record(batch.computed.get(), compute_.get()), "running the network");

    check_run(runtime_->wait(download_.get(), batch.computed.get()), "downloading results");
    const auto bytes = static_cast<std::size_t>(count) * result_size() * sizeof(float);
    check_run(runtime_->copy_to_host(batch.on_host.get(), batch.result.data_ptr(), bytes, download_.get()),
              "downloading results");
    if (with_luma)
      check_run(runtime_->copy_to_host(batch.luma_on_host.get(), batch.luma.data_ptr(),
                                       static_cast<std::size_t>(count * luma_bytes()), download_.get()),
                "downloading luma");
    check_run(runtime_->record(batch.downloaded.get(), download_.get()), "downloading results");
  }

  void collect(Batch &batch, std::span<Picture> pictures) {
    check_run(runtime_->synchronize(batch.downloaded.get()), "waiting for results");
    const std::int64_t size = network_.part_size();
    input_.copiers().run(static_cast<int>(pictures.size()), [&](int number, int /*thread*/) {
      const auto i = static_cast<std::size_t>(number);
      if (pictures[i].failure) return;
      const float *values = static_cast<const float *>(batch.on_host.get()) + i * result_size();
      Tokens &tokens = *pictures[i].tokens;
      tokens.features.assign(values, values + size);
      tokens.residuals.clear();
      if (network_.parts() > 1) tokens.residuals.assign(values + size, values + 2 * size);
      if (pictures[i].luma == nullptr) return;
      const auto *luma = static_cast<const std::uint8_t *>(batch.luma_on_host.get()) + number * luma_bytes();
      *pictures[i].luma = {config_.width, config_.height, {luma, luma + luma_bytes()}};
    });
  }

  static bool wants_luma(std::span<const Picture> pictures) {
    return std::any_of(pictures.begin(), pictures.end(), [](const Picture &picture) { return picture.luma; });
  }

  std::int64_t luma_bytes() const { return std::int64_t{config_.width} * config_.height; }

  std::size_t result_size() const {
    return static_cast<std::size_t>(network_.parts() * network_.part_size());
  }

  c10::cuda::CUDAStream stream() const {
    return c10::cuda::getStreamFromExternal(compute_.get(), static_cast<c10::DeviceIndex>(device_));
  }

  // Captured on first use. The network runs twice before that, so that cuDNN chooses its algorithms and
  // constants are allocated.
  Graph &graph_of(int pictures) {
    const auto known = graphs_.find(pictures);
    if (known != graphs_.end()) return *known->second;
    const CudnnSettings settings;
    const c10::cuda::CUDAStreamGuard on_stream(stream());
    const torch::Tensor images = images_.narrow(0, 0, pictures);
    for (int i = 0; i < 2; ++i) network_(images);
    check_run(runtime_->synchronize(compute_.get()), "preparing the network");

    auto graph = std::make_unique<Graph>();
    graph->graph.capture_begin(pool_, cudaStreamCaptureModeThreadLocal);
    try {
      graph->result = network_(images);
    } catch (...) {
      try {
        graph->graph.capture_end();
      } catch (...) {
        // The capture was aborted; the first error is the one to report.
      }
      throw;
    }
    graph->graph.capture_end();
    return *graphs_.emplace(pictures, std::move(graph)).first->second;
  }

  const int device_;
  const ElementType type_;
  std::unique_ptr<c10::cuda::CUDAGuard> guard_of_load_;  // during construction
  std::unique_ptr<Runtime> runtime_;
  DeviceNetwork network_;
  const InputConfig config_;
  FrameInput input_;
  OwnedStream compute_, download_;
  torch::Tensor images_;  // the input of the graphs
  std::array<Batch, 2> batches_;
  at::cuda::MempoolId_t pool_ = at::cuda::graph_pool_handle();
  std::map<int, std::unique_ptr<Graph>> graphs_;
};

}  // namespace

ElementType choose_type(const std::string &precision, int device) {
  for (const auto type : {ElementType::Fp32, ElementType::Bf16, ElementType::Fp16})
    if (precision == name_of(type)) return type;
  if (precision == "auto")
    return compute_capability(device) >= first_bf16 ? ElementType::Bf16 : ElementType::Fp16;
  throw Error(ErrorKind::Unsupported, "precision", "unknown value '" + precision + "'",
              "use auto, fp32, bf16 or fp16");
}

std::unique_ptr<Backend> make_backend(const Model &model, const std::string &where, int device,
                                      ElementType type) {
  return guarded(device, "loading " + where, During::Load,
                 [&] { return std::make_unique<CudaBackend>(model, where, device, type); });
}

}  // namespace uniad::cuda
