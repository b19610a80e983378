// SPDX-License-Identifier: Apache-2.0
// Preprocesses frames to a batch of network input on a GPU.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "model/base/thread_pool.h"
#include "model/cuda/runtime.h"
#include "model/engine/backend/input_paint.h"

namespace uniad::cuda {

// Converts frames to pictures of the network's input on the device. Frames in system memory are copied to one
// of two pinned buffers and uploaded from there, so that one is filled while the other is read; frames on the
// device are read in place. Buffers and filters are kept between calls.
class FrameInput {
 public:
  FrameInput(Runtime &runtime, const InputConfig &input, ElementType type);
  ~FrameInput();

  // Writes the picture, channels last, to device memory of picture_bytes(). It is complete when the work in
  // stream() is done; until then, a frame on the device must not be changed. Other frames have been read on
  // return. Throws DeviceError, or Error if the frame is invalid.
  void prepare(const FrameView &frame, void *picture);

  // Paints the ignored pixels of a picture that prepare() wrote. This runs on the host, so it waits for the
  // picture. Throws DeviceError.
  void paint(const InputPaint &paint, InputPaint::Seen &seen, void *picture);

  Stream stream() const { return prepare_.get(); }
  std::size_t picture_bytes() const { return picture_bytes_; }
  cpu::ThreadPool &copiers() { return copiers_; }  // for copies between calls of prepare()

 private:
  // Must not be reused until the device has read the frame: the pinned copy until it is uploaded, the
  // device's copy until the kernels have run.
  struct Slot {
    PinnedMemory pinned;
    DeviceMemory memory;
    std::size_t bytes = 0;
    OwnedEvent uploaded, consumed;
  };
  struct DeviceFilter {
    std::vector<std::uint8_t> host;  // until it is uploaded
    DeviceMemory memory;
    FilterView view;
  };

  FrameView upload(const FrameView &frame, Slot &slot);
  FilterView filter(int in_size, int out_size);
  void reserve_between(std::size_t bytes);
  void wait_for_all();
  void check_run(int code, const char *doing) const { check(runtime_, code, doing, During::Run); }

  cpu::ThreadPool copiers_{static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1U, 4U))};
  Runtime &runtime_;
  const InputConfig input_;
  const ElementType type_;
  const std::size_t picture_bytes_;
  std::array<Slot, 2> slots_;
  std::size_t next_slot_ = 0;
  DeviceMemory between_;
  std::size_t between_bytes_ = 0;
  PinnedMemory painted_;       // a picture; allocated when the first one is painted
  std::vector<float> planes_;  // the same, 3 x height x width
  std::map<std::pair<int, int>, DeviceFilter> filters_;
  OwnedStream upload_, prepare_;  // last: they end first
};

}  // namespace uniad::cuda
