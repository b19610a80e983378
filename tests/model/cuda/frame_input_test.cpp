// SPDX-License-Identifier: Apache-2.0
#include "model/cuda/frame_input.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <deque>
#include <string>
#include <vector>

#include "model/base/error.h"
#include "tests/model/cuda/frames.h"
#include "tests/model/cuda/host_runtime.h"

namespace uniad::test {
namespace {

using cuda::ElementType;
using cuda::FrameInput;

constexpr InputConfig input{
    .height = 24, .width = 32, .mean = {0, 0, 0}, .std = {1 / 255.F, 1 / 255.F, 1 / 255.F}};
constexpr std::size_t picture = std::size_t{3} * 24 * 32;

void prepare_all(FrameInput &frames_in, std::span<const FrameView> frames, std::vector<float> &batch) {
  for (std::size_t i = 0; i < frames.size(); ++i) frames_in.prepare(frames[i], batch.data() + i * picture);
}

// Returns the prepared frames as height, width, channels.
std::vector<float> prepare(HostRuntime &runtime, FrameInput &frames_in, std::span<const FrameView> frames) {
  std::vector<float> batch(frames.size() * picture, -1);
  prepare_all(frames_in, frames, batch);
  EXPECT_EQ(runtime.synchronize(frames_in.stream()), 0);
  return batch;
}

void expect_like_the_cpu(std::span<const FrameView> frames, const std::vector<float> &batch) {
  Preprocessor preprocessor(input);
  for (std::size_t f = 0; f < frames.size(); ++f) {
    FrameView frame = frames[f];
    frame.cuda_device.reset();
    std::vector<float> expected(picture);
    preprocessor.run(frame, expected);
    for (std::size_t c = 0; c < 3; ++c)
      for (std::size_t i = 0; i < picture / 3; ++i)
        ASSERT_NEAR(batch[f * picture + 3 * i + c], expected[c * picture / 3 + i], 1.001) << "frame " << f;
  }
}

std::deque<NoiseFrame> many_frames() {
  std::deque<NoiseFrame> frames;
  std::uint32_t seed = 0;
  for (int round = 0; round < 3; ++round)
    for (const PixelLayout layout : all_layouts) {
      ++seed;
      const int size = 20 + static_cast<int>(seed * 37 % 90);
      frames.emplace_back(layout, size + round, size * 2 / 3, seed, static_cast<int>(seed % 5),
                          seed % 4 == 0);
    }
  return frames;
}

std::vector<FrameView> views_of(const std::deque<NoiseFrame> &frames) {
  std::vector<FrameView> views;
  for (const NoiseFrame &frame : frames) views.push_back(frame.view);
  return views;
}

TEST(CudaFrameInput, KeepsManyFramesApartHoweverLateStreamsRun) {
  const std::deque<NoiseFrame> frames = many_frames();
  std::vector<FrameView> views = views_of(frames);
  for (std::size_t i = 0; i < views.size(); i += 3) views[i].cuda_device = 0;  // read in place
  for (const bool late : {true, false}) {
    HostRuntime runtime;
    runtime.late = late;
    FrameInput frames_in(runtime, input, ElementType::Fp32);
    for (int round = 0; round < 2; ++round) expect_like_the_cpu(views, prepare(runtime, frames_in, views));
  }
}

// Each of three pictures in a row equals the CPU's; pixels that are kept are identical bit by bit.
TEST(CudaFrameInput, PaintsWhatIsIgnored) {
  const Zones zones{{{"", ZoneKind::Ignore, {{0.3, 0.3}, {0.7, 0.3}, {0.7, 0.8}}, {}, {}}}, {}};
  for (const ElementType type : {ElementType::Fp32, ElementType::Bf16, ElementType::Fp16}) {
    HostRuntime runtime;
    FrameInput frames_in(runtime, input, type);
    InputPaint on_device(zones, input.width, input.height);
    InputPaint on_cpu = on_device;
    Preprocessor preprocessor(input);
    std::vector<std::byte> memory(frames_in.picture_bytes());
    for (std::uint32_t seed = 1; seed < 4; ++seed) {
      const NoiseFrame frame(PixelLayout::RGB, 40, 30, seed);
      InputPaint::Seen seen;
      frames_in.prepare(frame.view, memory.data());
      frames_in.paint(on_device, seen, memory.data());
      ASSERT_EQ(runtime.synchronize(frames_in.stream()), 0);
      on_device.remember(seen);
      std::vector<float> expected(picture);
      preprocessor.run(frame.view, expected);
      on_cpu.apply(expected, seen);
      on_cpu.remember(seen);
      for (std::size_t i = 0; i < picture; ++i) {
        const std::byte *at = memory.data() + i * frames_in.picture_bytes() / picture;
        float value = 0;
        cuda::Bf16 bf16{};
        cuda::Fp16 fp16{};
        if (type == ElementType::Fp32) std::memcpy(&value, at, 4);
        if (type == ElementType::Bf16) value = cuda::load((std::memcpy(&bf16, at, 2), bf16));
        if (type == ElementType::Fp16) value = cuda::load((std::memcpy(&fp16, at, 2), fp16));
        const float tolerance = type == ElementType::Bf16 ? 1.8F : 1.3F;
        ASSERT_NEAR(value, expected[i % 3 * picture / 3 + i / 3], tolerance) << name_of(type) << " " << i;
      }
    }
  }
}

TEST(CudaFrameInput, HasReadSystemMemoryOnReturn) {
  HostRuntime runtime;
  FrameInput frames_in(runtime, input, ElementType::Fp32);
  std::vector<float> batch(picture);
  std::vector<float> expected(picture);
  Preprocessor preprocessor(input);
  {
    const NoiseFrame frame(PixelLayout::RGB, 40, 30, 1);
    preprocessor.run(frame.view, expected);
    frames_in.prepare(frame.view, batch.data());
  }
  ASSERT_EQ(runtime.synchronize(frames_in.stream()), 0);
  EXPECT_EQ(batch[0], expected[0]);
  EXPECT_EQ(batch[picture - 1], expected[picture - 1]);
}

TEST(CudaFrameInput, UnpacksRowsOfOtherFormats) {
  for (const auto type : {UnpackedPixel::ARGB8, UnpackedPixel::AYUV16}) {
    FrameView frame{.layout = PixelLayout::Rows, .width = 50, .height = 40, .unpacked = type};
    frame.unpack_row = [](int y, std::span<std::byte> row) {
      for (std::size_t i = 0; i < row.size(); ++i)
        row[i] = static_cast<std::byte>(static_cast<std::size_t>(y) * 7 + i * 13);
    };
    HostRuntime runtime;
    FrameInput frames_in(runtime, input, ElementType::Fp32);
    expect_like_the_cpu({&frame, 1}, prepare(runtime, frames_in, {&frame, 1}));
  }
}

TEST(CudaFrameInput, TakesNoMemoryOnceSizesAreKnown) {
  const std::deque<NoiseFrame> frames = many_frames();
  const std::vector<FrameView> views = views_of(frames);
  HostRuntime runtime;
  FrameInput frames_in(runtime, input, ElementType::Fp32);
  prepare(runtime, frames_in, views);
  prepare(runtime, frames_in, views);
  const std::size_t owned = runtime.owned();
  prepare(runtime, frames_in, views);
  EXPECT_EQ(runtime.owned(), owned);
}

TEST(CudaFrameInput, FiltersOfAHundredSizesDoNotPileUp) {
  HostRuntime runtime;
  FrameInput frames_in(runtime, input, ElementType::Fp32);
  for (int size = 10; size < 200; ++size) {
    const NoiseFrame frame(PixelLayout::NV12, size, size + 1, 3);
    expect_like_the_cpu({&frame.view, 1}, prepare(runtime, frames_in, {&frame.view, 1}));
  }
  EXPECT_LT(runtime.owned(), 80U);
}

std::string message(FrameInput &frames_in, const FrameView &frame) {
  std::vector<float> batch(picture);
  try {
    frames_in.prepare(frame, batch.data());
  } catch (const cuda::DeviceError &) {
    return "the device failed";
  } catch (const Error &error) {
    return error.what();
  }
  return "accepted";
}

TEST(CudaFrameInput, RefusesFramesOfAnotherDeviceAndWithoutPixels) {
  HostRuntime runtime;
  FrameInput frames_in(runtime, input, ElementType::Fp32);
  NoiseFrame frame(PixelLayout::NV12, 16, 16, 1);
  frame.view.cuda_device = 1;
  EXPECT_NE(message(frames_in, frame.view).find("memory of CUDA device 1, but the network is on device 0"),
            std::string::npos);
  frame.view.planes[1].data = nullptr;
  EXPECT_NE(message(frames_in, frame.view).find("plane 1 has no data"), std::string::npos);
}

// Whichever call fails, an Error reports it, nothing leaks, and the next frame is correct.
TEST(CudaFrameInput, EveryFailingCallIsAnErrorAndNothingLeaks) {
  const std::deque<NoiseFrame> frames = many_frames();
  const std::vector<FrameView> views = views_of(frames);
  int failed = 0;
  for (int call = 0;; ++call) {
    HostRuntime runtime;
    runtime.fail_at = call;
    bool complete = false;
    try {
      std::vector<float> batch(5 * picture);  // outlives the writes that are still pending
      FrameInput frames_in(runtime, input, ElementType::Fp32);
      try {
        prepare_all(frames_in, {views.data(), 5}, batch);
        complete = true;
      } catch (const Error &) {
        runtime.fail_at = -1;
        expect_like_the_cpu({views.data(), 7}, prepare(runtime, frames_in, {views.data(), 7}));
        throw;
      }
      runtime.fail_at = -1;
    } catch (const cuda::DeviceError &error) {
      ++failed;
      EXPECT_NE(std::string(error.what()).find("cuda:0: "), std::string::npos);
      EXPECT_NE(std::string(error.what()).find("failed with cudaErrorMemoryAllocation, told by the test"),
                std::string::npos);
    }
    EXPECT_EQ(runtime.owned(), 0U);
    if (complete) break;
  }
  EXPECT_GT(failed, 40);
}

TEST(CudaFailure, SaysWhatToDo) {
  using cuda::During;
  const auto text = [](int code, During during) {
    return std::string(cuda::error_of({code, "cudaErrorX", "x"}, 3, "doing this", during).what());
  };
  EXPECT_EQ(
      text(999, During::Run),
      "cuda:3: doing this failed with cudaErrorX, x (check the GPU with nvidia-smi and restart the process)");
  EXPECT_NE(text(2, During::Load).find("the model does not fit"), std::string::npos);
  EXPECT_NE(text(2, During::Run).find("smaller batch-size"), std::string::npos);
  EXPECT_NE(text(35, During::Load).find("driver of version 580"), std::string::npos);
  EXPECT_NE(text(100, During::Load).find("device=cpu"), std::string::npos);
  EXPECT_NE(text(209, During::Load).find("compute capability 7.5"), std::string::npos);
  EXPECT_NE(text(700, During::Run).find("restart it"), std::string::npos);
}

}  // namespace
}  // namespace uniad::test
