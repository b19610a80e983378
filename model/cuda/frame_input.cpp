// SPDX-License-Identifier: Apache-2.0
#include "model/cuda/frame_input.h"

#include <cstdint>
#include <cstring>
#include <string>

#include "model/base/error.h"
#include "model/preprocess/filter.h"
#include "model/preprocess/rows.h"

namespace uniad::cuda {

namespace {

constexpr std::size_t most_filters = 64;  // cached filters; a frame needs two
constexpr std::size_t alignment = 256;

std::size_t aligned(std::size_t bytes) {
  return (bytes + alignment - 1) / alignment * alignment;
}

std::size_t element_bytes(ElementType type) {
  return type == ElementType::Fp32 ? 4 : 2;
}

// The part of a frame that is uploaded: its planes without padding, one after the other, or its unpacked
// rows.
struct PackedPlane {
  std::size_t at, row_bytes, rows;
};

int planes_of(const FrameView &frame) {
  return frame.layout == PixelLayout::Rows ? 1 : describe(frame.layout).planes;
}

PackedPlane packed_plane(const FrameView &frame, int plane, std::size_t at) {
  const auto width = static_cast<std::size_t>(frame.width);
  const auto height = static_cast<std::size_t>(frame.height);
  if (frame.layout == PixelLayout::Rows) {
    const bool wide = frame.unpacked == UnpackedPixel::ARGB16 || frame.unpacked == UnpackedPixel::AYUV16;
    return {at, width * (wide ? 8 : 4), height};
  }
  return {at, describe(frame.layout).row_bytes(plane, width), plane == 0 ? height : (height + 1) / 2};
}

std::size_t packed_bytes(const FrameView &frame) {
  std::size_t bytes = 0;
  for (int p = 0; p < planes_of(frame); ++p) {
    const PackedPlane packed = packed_plane(frame, p, 0);
    bytes += aligned(packed.row_bytes * packed.rows);
  }
  return bytes;
}

// Several threads copy a frame, because one thread copies 13 GB/s and takes longer for a 1080p frame than the
// GPU.
constexpr std::size_t bytes_a_copier = std::size_t{256} * 1024;

void copy_rows(const FrameView &frame, int plane, const PackedPlane &packed, std::uint8_t *to,
               cpu::ThreadPool &copiers) {
  if (frame.layout == PixelLayout::Rows) {
    for (std::size_t y = 0; y < packed.rows; ++y, to += packed.row_bytes)
      frame.unpack_row(static_cast<int>(y), {reinterpret_cast<std::byte *>(to), packed.row_bytes});
    return;
  }
  const Plane &from = frame.planes[static_cast<std::size_t>(plane)];
  const std::size_t each = std::max<std::size_t>(bytes_a_copier / packed.row_bytes, 1);
  copiers.run(static_cast<int>((packed.rows + each - 1) / each), [&](int part, int /*thread*/) {
    const std::size_t first = static_cast<std::size_t>(part) * each;
    for (std::size_t y = first; y < std::min(first + each, packed.rows); ++y)
      std::memcpy(to + y * packed.row_bytes, from.data + static_cast<std::ptrdiff_t>(y) * from.stride,
                  packed.row_bytes);
  });
}

// image: pixels x 3.
template <typename Element>
void paint_elements(const InputPaint &paint, InputPaint::Seen &seen, Element *image,
                    std::vector<float> &planes) {
  const std::size_t pixels = planes.size() / 3;
  for (std::size_t i = 0; i < pixels; ++i)
    for (std::size_t c = 0; c < 3; ++c) planes[c * pixels + i] = load(image[3 * i + c]);
  paint.apply(planes, seen);
  for (std::size_t i = 0; i < pixels; ++i)
    for (std::size_t c = 0; c < 3; ++c) store(planes[c * pixels + i], image[3 * i + c]);
}

}  // namespace

FrameInput::FrameInput(Runtime &runtime, const InputConfig &input, ElementType type)
    : runtime_(runtime),
      input_(input),
      type_(type),
      picture_bytes_(3 * static_cast<std::size_t>(input.width) * static_cast<std::size_t>(input.height) *
                     element_bytes(type)) {
  upload_ = create_stream(runtime);
  prepare_ = create_stream(runtime);
  for (Slot &slot : slots_) {
    slot.uploaded = create_event(runtime);
    slot.consumed = create_event(runtime);
  }
}

FrameInput::~FrameInput() {
  // No work may use memory that is freed. If the device fails here, it does not run anything any more.
  runtime_.synchronize(upload_.get());
  runtime_.synchronize(prepare_.get());
}

void FrameInput::wait_for_all() {
  check_run(runtime_.synchronize(upload_.get()), "uploading");
  check_run(runtime_.synchronize(prepare_.get()), "preprocessing");
}

void FrameInput::reserve_between(std::size_t bytes) {
  if (bytes <= between_bytes_) return;
  wait_for_all();
  between_bytes_ = 0;
  between_.reset();
  between_ = allocate(runtime_, bytes, During::Run);
  between_bytes_ = bytes;
}

FilterView FrameInput::filter(int in_size, int out_size) {
  const auto known = filters_.find({in_size, out_size});
  if (known != filters_.end()) return known->second.view;
  const Filter filter = make_filter(in_size, out_size);
  const std::size_t window_bytes = filter.windows.size() * sizeof(Filter::Window);
  const std::size_t weight_bytes = filter.weights.size() * sizeof(std::int32_t);
  DeviceFilter kept;
  kept.host.resize(aligned(window_bytes) + weight_bytes);
  std::memcpy(kept.host.data(), filter.windows.data(), window_bytes);
  std::memcpy(kept.host.data() + aligned(window_bytes), filter.weights.data(), weight_bytes);
  kept.memory = allocate(runtime_, kept.host.size(), During::Run);
  check_run(runtime_.copy_to_device(kept.memory.get(), kept.host.data(), kept.host.size(), prepare_.get()),
            "uploading a filter");
  const auto *bytes = static_cast<const std::uint8_t *>(kept.memory.get());
  kept.view = {reinterpret_cast<const Filter::Window *>(bytes),
               reinterpret_cast<const std::int32_t *>(bytes + aligned(window_bytes)), filter.taps};
  return filters_.emplace(std::pair(in_size, out_size), std::move(kept)).first->second.view;
}

FrameView FrameInput::upload(const FrameView &frame, Slot &slot) {
  const std::size_t bytes = packed_bytes(frame);
  check_run(runtime_.synchronize(slot.uploaded.get()), "uploading a frame");
  if (bytes > slot.bytes) {
    wait_for_all();
    slot.bytes = 0;
    slot.pinned.reset();
    slot.memory.reset();
    slot.pinned = allocate_pinned(runtime_, bytes, During::Run);
    slot.memory = allocate(runtime_, bytes, During::Run);
    slot.bytes = bytes;
  }
  FrameView uploaded = frame;
  std::size_t at = 0;
  for (int p = 0; p < planes_of(frame); ++p) {
    const PackedPlane packed = packed_plane(frame, p, at);
    copy_rows(frame, p, packed, static_cast<std::uint8_t *>(slot.pinned.get()) + at, copiers_);
    uploaded.planes[static_cast<std::size_t>(p)] = {static_cast<const std::uint8_t *>(slot.memory.get()) + at,
                                                    static_cast<std::ptrdiff_t>(packed.row_bytes)};
    at += aligned(packed.row_bytes * packed.rows);
  }
  check_run(runtime_.wait(upload_.get(), slot.consumed.get()), "uploading a frame");
  check_run(runtime_.copy_to_device(slot.memory.get(), slot.pinned.get(), bytes, upload_.get()),
            "uploading a frame");
  check_run(runtime_.record(slot.uploaded.get(), upload_.get()), "uploading a frame");
  check_run(runtime_.wait(prepare_.get(), slot.uploaded.get()), "uploading a frame");
  return uploaded;
}

void FrameInput::prepare(const FrameView &frame, void *picture) {
  check_frame(frame);
  if (frame.cuda_device && *frame.cuda_device != runtime_.device())
    throw Error(ErrorKind::Unsupported, "video frame",
                "its pixels are in the memory of CUDA device " + std::to_string(*frame.cuda_device) +
                    ", but the network is on device " + std::to_string(runtime_.device()),
                "decode and detect on the same GPU: device=cuda:" + std::to_string(*frame.cuda_device));
  if (filters_.size() + 2 > most_filters) {
    wait_for_all();
    filters_.clear();
  }
  Resize job;
  job.input = input_;
  job.target = {picture, type_, /*channels_last=*/true};
  job.horizontal = filter(frame.width, input_.width);
  job.vertical = filter(frame.height, input_.height);
  reserve_between(static_cast<std::size_t>(frame.height) * 3 * static_cast<std::size_t>(input_.width) *
                  sizeof(std::int16_t));
  job.between = static_cast<std::int16_t *>(between_.get());
  if (frame.cuda_device) {
    job.frame = frame;
    check_run(runtime_.resize(job, prepare_.get()), "preprocessing a frame");
    return;
  }
  Slot &slot = slots_[next_slot_];
  next_slot_ = (next_slot_ + 1) % slots_.size();
  job.frame = upload(frame, slot);
  check_run(runtime_.resize(job, prepare_.get()), "preprocessing a frame");
  check_run(runtime_.record(slot.consumed.get(), prepare_.get()), "preprocessing a frame");
}

void FrameInput::paint(const InputPaint &paint, InputPaint::Seen &seen, void *picture) {
  if (!painted_) painted_ = allocate_pinned(runtime_, picture_bytes_, During::Run);
  planes_.resize(picture_bytes_ / element_bytes(type_));
  check_run(runtime_.copy_to_host(painted_.get(), picture, picture_bytes_, prepare_.get()),
            "downloading a picture");
  check_run(runtime_.synchronize(prepare_.get()), "downloading a picture");
  switch (type_) {
    case ElementType::Fp32:
      paint_elements(paint, seen, static_cast<float *>(painted_.get()), planes_);
      break;
    case ElementType::Bf16:
      paint_elements(paint, seen, static_cast<Bf16 *>(painted_.get()), planes_);
      break;
    case ElementType::Fp16:
      paint_elements(paint, seen, static_cast<Fp16 *>(painted_.get()), planes_);
      break;
  }
  check_run(runtime_.copy_to_device(picture, painted_.get(), picture_bytes_, prepare_.get()),
            "uploading a painted picture");
}

}  // namespace uniad::cuda
