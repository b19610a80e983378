// SPDX-License-Identifier: Apache-2.0
// A CUDA runtime whose device is the host.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "model/cuda/runtime.h"

namespace uniad::test {

// Implements CUDA on the host. Streams run their work as late as possible: only when something waits for it,
// and then only as much as necessary. Code that does not wait for its dependencies therefore reads old or
// freed memory.
class HostRuntime : public cuda::Runtime {
 public:
  ~HostRuntime() override {
    for (void *memory : memory_) std::free(memory);
  }

  int fail_at = -1;  // the index of the call that fails; -1: none
  int fail_with = 2;
  int calls = 0;
  bool late = true;  // false: work runs immediately

  std::size_t owned() const { return memory_.size() + streams_.size() + events_.size(); }

  int device() const override { return 0; }
  cuda::Failure describe(int code) const override {
    return {code, code == 2 ? "cudaErrorMemoryAllocation" : "cudaErrorOther", "told by the test"};
  }

  int allocate(std::size_t bytes, void **memory) override { return take(bytes, memory); }
  void free(void *memory) noexcept override { give(memory); }
  int allocate_pinned(std::size_t bytes, void **memory) override { return take(bytes, memory); }
  void free_pinned(void *memory) noexcept override { give(memory); }

  int create_stream(cuda::Stream *stream) override {
    if (fails()) return fail_with;
    *stream = reinterpret_cast<cuda::Stream>(++last_handle_);
    streams_[*stream];
    return 0;
  }
  void destroy(cuda::Stream stream) noexcept override { streams_.erase(stream); }
  int synchronize(cuda::Stream stream) override {
    if (fails()) return fail_with;
    while (!streams_.at(stream).empty()) step(stream);
    return 0;
  }

  int create_event(cuda::Event *event) override {
    if (fails()) return fail_with;
    *event = reinterpret_cast<cuda::Event>(++last_handle_);
    events_[*event];
    return 0;
  }
  void destroy(cuda::Event event) noexcept override { events_.erase(event); }
  int record(cuda::Event event, cuda::Stream stream) override {
    if (fails()) return fail_with;
    State &state = events_.at(event);
    const int version = ++state.recorded;
    state.stream = stream;
    enqueue(stream, [this, event, version] { events_.at(event).reached = version; });
    return 0;
  }
  int wait(cuda::Stream stream, cuda::Event event) override {
    if (fails()) return fail_with;
    const int version = events_.at(event).recorded;
    enqueue(stream, [this, event, version] { reach(event, version); });
    return 0;
  }
  int synchronize(cuda::Event event) override {
    if (fails()) return fail_with;
    reach(event, events_.at(event).recorded);
    return 0;
  }

  int copy_to_device(void *to, const void *from, std::size_t bytes, cuda::Stream stream) override {
    if (fails()) return fail_with;
    enqueue(stream, [=] { std::memcpy(to, from, bytes); });
    return 0;
  }
  int copy_to_host(void *to, const void *from, std::size_t bytes, cuda::Stream stream) override {
    return copy_to_device(to, from, bytes, stream);
  }
  int resize(const cuda::Resize &job, cuda::Stream stream) override {
    if (fails()) return fail_with;
    enqueue(stream, [job] { cuda::resize(job, cuda::HostLauncher{}); });
    return 0;
  }
  int finish(const cuda::FinishJob &job, cuda::Stream stream) override {
    if (fails()) return fail_with;
    enqueue(stream, [job] { cuda::finish(job, cuda::HostLauncher{}); });
    return 0;
  }
  int depthwise(const cuda::DepthwiseJob &job, cuda::Stream stream) override {
    if (fails()) return fail_with;
    enqueue(stream, [job] { cuda::depthwise(job, cuda::HostLauncher{}); });
    return 0;
  }
  int paint(const cuda::PaintHeat &body, cuda::Extent extent, cuda::Stream stream) override {
    return launch(body, extent, stream);
  }
  int paint(const cuda::PaintSpans &body, cuda::Extent extent, cuda::Stream stream) override {
    return launch(body, extent, stream);
  }

 private:
  struct State {
    int recorded = 0;
    int reached = 0;
    cuda::Stream stream = nullptr;
  };

  bool fails() { return calls++ == fail_at; }

  template <typename Body>
  int launch(const Body &body, cuda::Extent extent, cuda::Stream stream) {
    if (fails()) return fail_with;
    enqueue(stream, [body, extent] { cuda::HostLauncher{}(body, extent); });
    return 0;
  }

  int take(std::size_t bytes, void **memory) {
    if (fails()) return fail_with;
    *memory = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
    std::memset(*memory, 0xFF, bytes);  // NaN in every element type
    memory_.insert(*memory);
    return 0;
  }
  void give(void *memory) noexcept {
    memory_.erase(memory);
    std::free(memory);
  }

  void enqueue(cuda::Stream stream, std::function<void()> work) {
    streams_.at(stream).push_back(std::move(work));
    if (!late)
      while (!streams_.at(stream).empty()) step(stream);
  }
  void step(cuda::Stream stream) {
    const std::function<void()> work = std::move(streams_.at(stream).front());
    streams_.at(stream).pop_front();
    work();
  }
  void reach(cuda::Event event, int version) {
    while (events_.at(event).reached < version) step(events_.at(event).stream);
  }

  std::size_t last_handle_ = 0;
  std::set<void *> memory_;
  std::map<cuda::Stream, std::deque<std::function<void()>>> streams_;
  std::map<cuda::Event, State> events_;
};

}  // namespace uniad::test
