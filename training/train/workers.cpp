// SPDX-License-Identifier: Apache-2.0
#include "training/train/workers.h"

#define USE_C10D_GLOO  // as LibTorch was built; without it, the header is empty
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "model/base/error.h"
#include "model/cuda/nccl_group.h"
#include "model/engine/cuda_module.h"

namespace uniad {
namespace {

constexpr const char *variables = "torchrun sets RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT";

std::string variable(const char *name) {
  const char *const value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

int number(const char *name, int least, int most) {
  const std::string text = variable(name);
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty())
    throw Error(ErrorKind::InvalidArgument, name, "is not set although WORLD_SIZE is", variables);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most) {
    throw Error(
        ErrorKind::InvalidArgument, name,
        "is \"" + text + "\", not a number from " + std::to_string(least) + " to " + std::to_string(most),
        variables);
  }
  return value;
}

// Under torchrun, the agent owns the store, so a restarted group must not read the keys of its predecessor.
c10::intrusive_ptr<c10d::Store> open_store(WorkerRank rank, std::chrono::milliseconds timeout) {
  const bool agent = variable("TORCHELASTIC_USE_AGENT_STORE") == "True";
  const std::string address = variable("MASTER_ADDR");
  if (address.empty())
    throw Error(ErrorKind::InvalidArgument, "MASTER_ADDR", "is not set although WORLD_SIZE is", variables);
  c10d::TCPStoreOptions options;
  options.port = static_cast<std::uint16_t>(number("MASTER_PORT", 1, 65535));
  options.isServer = rank.rank == 0 && !agent;
  if (!agent) options.numWorkers = static_cast<std::size_t>(rank.size);
  options.timeout = timeout;
  auto store = c10::make_intrusive<c10d::TCPStore>(address, options);
  const std::string attempt = variable("TORCHELASTIC_RESTART_COUNT");
  return c10::make_intrusive<c10d::PrefixStore>("uniad/" + (attempt.empty() ? "0" : attempt), store);
}

c10::intrusive_ptr<c10d::Backend> join_gloo(const c10::intrusive_ptr<c10d::Store> &store, WorkerRank rank,
                                            std::chrono::milliseconds timeout) {
  const auto options = c10d::ProcessGroupGloo::Options::create(timeout);
  const std::string interface = variable("GLOO_SOCKET_IFNAME");
  options->devices.push_back(interface.empty() ? c10d::ProcessGroupGloo::createDefaultDevice()
                                               : c10d::ProcessGroupGloo::createDeviceForInterface(interface));
  return c10::make_intrusive<c10d::ProcessGroupGloo>(store, rank.rank, rank.size, options);
}

// Returns null for a CUDA module that was built without NCCL.
cuda::JoinWorkers find_nccl() {
  const auto function =
      reinterpret_cast<cuda::JoinWorkersFunction>(find_in_cuda_module(cuda::join_workers_function));
  return function != nullptr ? function() : nullptr;
}

std::string first_line(const char *text) {
  const std::string_view all(text);
  return std::string(all.substr(0, all.find('\n')));
}

}  // namespace

int local_rank() {
  return variable("LOCAL_RANK").empty() ? 0 : number("LOCAL_RANK", 0, 65535);
}

struct Workers::Group {
  c10::intrusive_ptr<c10d::Backend> processes;
  torch::Device device;  // device of the exchanged tensors
  std::string name;

  void run(const std::vector<torch::Tensor> &tensors,
           const std::function<c10::intrusive_ptr<c10d::Work>(std::vector<at::Tensor> &)> &exchange) {
    const torch::NoGradGuard no_grad;
    std::vector<torch::Tensor> flat;
    flat.reserve(tensors.size());
    for (const torch::Tensor &tensor : tensors) flat.push_back(tensor.reshape(-1));
    std::vector<at::Tensor> message{torch::cat(flat).to(device)};
    try {
      exchange(message)->wait();
    } catch (const std::exception &error) {
      throw Error(ErrorKind::Device, name, "lost another worker: " + first_line(error.what()),
                  "find out why it ended, then restart all workers with --resume and the last checkpoint");
    }
    std::int64_t at = 0;
    for (const torch::Tensor &tensor : tensors) {
      tensor.copy_(message.front().narrow(0, at, tensor.numel()).view_as(tensor));
      at += tensor.numel();
    }
  }
};

Workers::Workers() = default;
Workers::~Workers() = default;
Workers::Workers(Workers &&) noexcept = default;
Workers &Workers::operator=(Workers &&) noexcept = default;

Workers Workers::join(double timeout, torch::Device device) {
  Workers workers;
  if (variable("WORLD_SIZE").empty()) return workers;
  workers.rank_.size = number("WORLD_SIZE", 1, 65536);
  if (workers.rank_.size == 1) return workers;
  workers.rank_.rank = number("RANK", 0, workers.rank_.size - 1);
  const std::string name =
      "worker " + std::to_string(workers.rank_.rank) + " of " + std::to_string(workers.rank_.size);
  const auto patience = std::chrono::milliseconds(static_cast<std::int64_t>(timeout * 1000));
  try {
    const auto store = open_store(workers.rank_, patience);
    const cuda::JoinWorkers nccl = device.is_cuda() ? find_nccl() : nullptr;
    workers.group_ = std::make_unique<Group>(
        nccl != nullptr ? Group{nccl(store, workers.rank_.rank, workers.rank_.size, patience), device, name}
                        : Group{join_gloo(store, workers.rank_, patience), torch::kCPU, name});
  } catch (const Error &) {
    throw;
  } catch (const std::exception &error) {
    throw Error(ErrorKind::Device, name, "could not join the other workers: " + first_line(error.what()),
                "check that all workers are started and can reach MASTER_ADDR:MASTER_PORT");
  }
  return workers;
}

void Workers::all_reduce_sum(const std::vector<torch::Tensor> &tensors) {
  if (group_) group_->run(tensors, [this](auto &message) { return group_->processes->allreduce(message); });
}

void Workers::broadcast(const std::vector<torch::Tensor> &tensors) {
  if (group_) group_->run(tensors, [this](auto &message) { return group_->processes->broadcast(message); });
}

}  // namespace uniad
