// SPDX-License-Identifier: Apache-2.0
#include "tests/support/other_device.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/EmptyTensor.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <ATen/native/CPUFallback.h>
#include <c10/core/Allocator.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <c10/core/impl/alloc_cpu.h>
#include <torch/library.h>

#include <cstring>
#include <utility>

namespace uniad::test {
namespace {

class Memory final : public c10::Allocator {
 public:
  c10::DataPtr allocate(std::size_t bytes) override {
    void *data = c10::alloc_cpu(bytes);
    return {data, data, &c10::free_cpu, other_device};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &c10::free_cpu; }
  void copy_data(void *to, const void *from, std::size_t bytes) const override {
    std::memcpy(to, from, bytes);
  }
};

c10::Allocator &memory() {
  static Memory memory;
  return memory;
}

constexpr c10::DispatchKeySet own_key(c10::DispatchKey::PrivateUse1);

at::Tensor make_empty(at::IntArrayRef size, std::optional<at::ScalarType> type,
                      std::optional<at::Layout> /*layout*/, std::optional<at::Device> /*device*/,
                      std::optional<bool> /*pinned*/, std::optional<at::MemoryFormat> format) {
  return at::detail::empty_generic(size, &memory(), own_key, c10::dtype_or_default(type), format);
}

at::Tensor make_strided(at::IntArrayRef size, at::IntArrayRef stride, std::optional<at::ScalarType> type,
                        std::optional<at::Layout> /*layout*/, std::optional<at::Device> /*device*/,
                        std::optional<bool> /*pinned*/) {
  return at::detail::empty_strided_generic(size, stride, &memory(), own_key, c10::dtype_or_default(type));
}

at::Tensor strided_view(const at::Tensor &tensor, at::IntArrayRef size, at::IntArrayRef stride,
                        std::optional<std::int64_t> offset) {
  at::Tensor view = at::detail::make_tensor<c10::TensorImpl>(
      c10::TensorImpl::VIEW, c10::Storage(tensor.storage()), tensor.key_set(), tensor.dtype());
  view.unsafeGetTensorImpl()->set_sizes_and_strides(size, stride, offset.value_or(tensor.storage_offset()));
  return view;
}

at::Tensor reshape_alias(const at::Tensor &tensor, at::IntArrayRef size, at::IntArrayRef stride) {
  return strided_view(tensor, size, stride, std::nullopt);
}

// The same memory as a tensor of the CPU.
at::Tensor on_cpu(const at::Tensor &tensor) {
  return at::from_blob(tensor.data_ptr(), tensor.sizes(), tensor.strides(), at::dtype(tensor.scalar_type()));
}

at::Tensor make_view(const at::Tensor &tensor, at::IntArrayRef size) {
  const at::Tensor seen = on_cpu(tensor).view(size);
  return strided_view(tensor, seen.sizes(), seen.strides(), std::nullopt);
}

const at::Tensor &resize_in_place(const at::Tensor &tensor, at::IntArrayRef size,
                                  std::optional<at::MemoryFormat> /*format*/) {
  const std::size_t bytes = static_cast<std::size_t>(c10::multiply_integers(size)) * tensor.itemsize();
  c10::Storage storage = tensor.storage();
  if (storage.nbytes() < bytes) {
    c10::DataPtr larger = memory().allocate(bytes);
    std::memcpy(larger.get(), storage.data(), storage.nbytes());
    storage.set_data_ptr_noswap(std::move(larger));
    storage.set_nbytes(bytes);
  }
  tensor.unsafeGetTensorImpl()->set_sizes_contiguous(size);
  return tensor;
}

at::Tensor copy_from(const at::Tensor &from, const at::Tensor &to, bool /*non_blocking*/) {
  on_cpu(to).copy_(on_cpu(from));
  return to;
}

at::Tensor copy_from_and_resize(const at::Tensor &from, const at::Tensor &to) {
  return copy_from(from, resize_in_place(to, from.sizes(), std::nullopt), false);
}

// As for tensors of a GPU and of the CPU: a parameter may take data from either.
bool compatible(const at::Tensor & /*one*/, const at::Tensor & /*other*/) {
  return true;
}

void require_one_device(const at::Tensor &tensor, const c10::OperatorHandle &what) {
  TORCH_CHECK(!tensor.defined() || tensor.dim() == 0 || tensor.device() == other_device, what.schema(),
              " was given a tensor of ", tensor.device());
}

// The CPU computes all other operators, on copies.
void by_cpu(const c10::OperatorHandle &what, c10::DispatchKeySet /*keys*/, torch::jit::Stack *stack) {
  for (const c10::IValue &argument : torch::jit::last(stack, what.schema().arguments().size())) {
    if (argument.isTensor()) require_one_device(argument.toTensor(), what);
    if (!argument.isTensorList()) continue;
    for (const at::Tensor &tensor : argument.toTensorVector()) require_one_device(tensor, what);
  }
  at::native::cpu_fallback(what, stack);
}

// Work is complete when a call returns, so there is a single stream and nothing to wait for.
struct Guard final : c10::impl::NoOpDeviceGuardImpl<c10::kPrivateUse1> {
  c10::Device exchangeDevice(c10::Device /*device*/) const override { return other_device; }
  c10::Device getDevice() const override { return other_device; }
  c10::Stream getStream(c10::Device /*device*/) const noexcept override { return stream(); }
  c10::Stream getDefaultStream(c10::Device /*device*/) const override { return stream(); }
  c10::Stream exchangeStream(c10::Stream /*stream*/) const noexcept override { return stream(); }
  void record(void ** /*event*/, const c10::Stream & /*stream*/, c10::DeviceIndex /*device*/,
              c10::EventFlag /*flag*/) const override {}
  void block(void * /*event*/, const c10::Stream & /*stream*/) const override {}
  bool queryEvent(void * /*event*/) const override { return true; }
  void destroyEvent(void * /*event*/, c10::DeviceIndex /*device*/) const noexcept override {}

 private:
  static c10::Stream stream() { return c10::Stream(c10::Stream::DEFAULT, other_device); }
};

struct Hooks final : at::PrivateUse1HooksInterface {
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex /*device*/) const override { return true; }
  c10::DeviceIndex deviceCount() const override { return 1; }
  c10::DeviceIndex getCurrentDevice() const override { return 0; }
  const at::Generator &getDefaultGenerator(c10::DeviceIndex /*device*/) const override {
    return at::detail::getDefaultCPUGenerator();
  }
};

const bool is_known = [] {
  static Hooks hooks;
  c10::SetAllocator(c10::kPrivateUse1, &memory());
  c10::register_privateuse1_backend("other");
  at::RegisterPrivateUse1HooksInterface(&hooks);
  return true;
}();

}  // namespace
}  // namespace uniad::test

namespace c10::impl {
C10_REGISTER_GUARD_IMPL(PrivateUse1, uniad::test::Guard)
}  // namespace c10::impl

TORCH_LIBRARY_IMPL(aten, PrivateUse1, library) {
  using namespace uniad::test;
  library.impl("empty.memory_format", TORCH_FN(make_empty));
  library.impl("empty_strided", TORCH_FN(make_strided));
  library.impl("as_strided", TORCH_FN(strided_view));
  library.impl("_reshape_alias", TORCH_FN(reshape_alias));
  library.impl("view", TORCH_FN(make_view));
  library.impl("_has_compatible_shallow_copy_type", TORCH_FN(compatible));
  // The CPU computes these too, because their composite implementations do not support such a device.
  for (const char *name : {"convolution", "convolution_backward", "mse_loss"})
    library.impl(name, torch::CppFunction::makeFromBoxedFunction<&by_cpu>());
  library.impl("resize_", TORCH_FN(resize_in_place));
  library.impl("_copy_from", TORCH_FN(copy_from));
  library.impl("_copy_from_and_resize", TORCH_FN(copy_from_and_resize));
}

TORCH_LIBRARY_IMPL(_, PrivateUse1, library) {
  library.fallback(torch::CppFunction::makeFromBoxedFunction<&uniad::test::by_cpu>());
}
