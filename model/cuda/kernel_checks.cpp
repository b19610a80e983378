// SPDX-License-Identifier: Apache-2.0
#include "model/cuda/kernel_checks.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <random>
#include <utility>

#include "model/cuda/device_painter.h"
#include "model/cuda/frame_input.h"
#include "model/cuda/heat.h"
#include "model/preprocess/preprocess.h"

namespace uniad::cuda {

namespace {

using Bytes = std::vector<std::uint8_t>;

struct NamedLayout {
  PixelLayout layout;
  const char *name;
};
constexpr std::array layouts{NamedLayout{PixelLayout::I420, "I420"},  NamedLayout{PixelLayout::NV12, "NV12"},
                             NamedLayout{PixelLayout::YUY2, "YUY2"},  NamedLayout{PixelLayout::P010, "P010"},
                             NamedLayout{PixelLayout::RGB, "RGB"},    NamedLayout{PixelLayout::BGR, "BGR"},
                             NamedLayout{PixelLayout::RGBx, "RGBx"},  NamedLayout{PixelLayout::BGRx, "BGRx"},
                             NamedLayout{PixelLayout::xRGB, "xRGB"},  NamedLayout{PixelLayout::xBGR, "xBGR"},
                             NamedLayout{PixelLayout::GRAY8, "GRAY8"}};

// A frame of noise with all planes in one block of memory, and rows padded by a few bytes.
struct NoiseFrame {
  NoiseFrame(PixelLayout layout, int width, int height, std::uint32_t seed) {
    view = {.layout = layout, .width = width, .height = height};
    view.matrix = static_cast<ColorMatrix>(seed % 5);
    view.range = seed % 3 == 0 ? ColorRange::Full : ColorRange::Limited;
    view.chroma_site = {.left = seed % 2 == 0, .top = seed % 7 < 3 && layout != PixelLayout::YUY2};
    const Layout format = describe(layout);
    for (int p = 0; p < format.planes; ++p) {
      offsets[static_cast<std::size_t>(p)] = bytes.size();
      const std::size_t stride = format.row_bytes(p, static_cast<std::size_t>(width)) + seed % 4;
      view.planes[static_cast<std::size_t>(p)].stride = static_cast<std::ptrdiff_t>(stride);
      bytes.resize(bytes.size() + stride * static_cast<std::size_t>(p == 0 ? height : (height + 1) / 2));
    }
    std::mt19937 random(seed);
    for (auto &byte : bytes) byte = static_cast<std::uint8_t>(random() >> 24);
  }

  FrameView at(const std::uint8_t *data) const {
    FrameView frame = view;
    for (std::size_t p = 0; p < offsets.size(); ++p)
      if (frame.planes[p].stride != 0) frame.planes[p].data = data + offsets[p];
    return frame;
  }

  DrawnFrame drawn_at(std::uint8_t *data) const {
    DrawnFrame frame{view.layout, {view.width, view.height}, {}};
    for (std::size_t p = 0; p < offsets.size(); ++p)
      frame.planes[p] = {data + offsets[p], view.planes[p].stride};
    return frame;
  }

  FrameView view;
  std::array<std::size_t, 3> offsets{};
  Bytes bytes;
};

class Checks {
 public:
  explicit Checks(Runtime &runtime) : runtime_(runtime) {}

  void resize();
  void elements();
  void drawing();
  void convolutions();

  std::vector<SelfTest> results;

 private:
  DeviceMemory on_device(const void *bytes, std::size_t size) {
    DeviceMemory memory = allocate(runtime_, size, During::Run);
    const OwnedStream stream = create_stream(runtime_);
    check_run(runtime_.copy_to_device(memory.get(), bytes, size, stream.get()));
    check_run(runtime_.synchronize(stream.get()));
    return memory;
  }
  void to_host(void *bytes, const DeviceMemory &memory, std::size_t size) {
    const OwnedStream stream = create_stream(runtime_);
    check_run(runtime_.copy_to_host(bytes, memory.get(), size, stream.get()));
    check_run(runtime_.synchronize(stream.get()));
  }
  void check_run(int code) const { check(runtime_, code, "the self-test", During::Run); }

  double resize_difference(const NoiseFrame &frame, const InputConfig &input, ElementType type,
                           bool in_place);
  template <typename Element>
  double depthwise_difference(ElementType type, int channels, int kernel, int stride);
  template <typename Element>
  double finish_difference(ElementType type, int channels, Activation activation, bool with_skip);
  double heat_difference(PixelLayout layout);
  double span_difference();

  template <typename Difference>
  void add(std::string name, double tolerance, Difference difference) {
    results.push_back(run_check(std::move(name), tolerance, difference));
  }

  Runtime &runtime_;
};

float number(const std::uint8_t *bytes, ElementType type, std::size_t i) {
  float value = 0;
  Bf16 bf16{};
  Fp16 fp16{};
  if (type == ElementType::Fp32) {
    std::memcpy(&value, bytes + 4 * i, sizeof value);
  } else if (type == ElementType::Bf16) {
    std::memcpy(&bf16, bytes + 2 * i, sizeof bf16);
    value = load(bf16);
  } else {
    std::memcpy(&fp16, bytes + 2 * i, sizeof fp16);
    value = load(fp16);
  }
  return value;
}

// Infinite if the kernel's result is not finite.
double difference_of(double actual, double expected) {
  return std::isfinite(actual) ? std::abs(actual - expected) : INFINITY;
}

double Checks::resize_difference(const NoiseFrame &frame, const InputConfig &input, ElementType type,
                                 bool in_place) {
  FrameInput frame_input(runtime_, input, type);
  // Every element is NaN until a kernel writes it, because new memory may contain the result of the previous
  // check.
  Bytes actual(frame_input.picture_bytes(), 0xFF);
  const DeviceMemory batch = on_device(actual.data(), actual.size());
  const DeviceMemory memory = on_device(frame.bytes.data(), frame.bytes.size());
  const FrameView on_host = frame.at(frame.bytes.data());
  FrameView view = on_host;
  if (in_place) {
    view = frame.at(static_cast<const std::uint8_t *>(memory.get()));
    view.cuda_device = runtime_.device();
  }
  frame_input.prepare(view, batch.get());
  check_run(runtime_.synchronize(frame_input.stream()));
  to_host(actual.data(), batch, actual.size());

  const std::size_t pixels = static_cast<std::size_t>(input.width) * static_cast<std::size_t>(input.height);
  std::vector<float> expected(3 * pixels);
  Preprocessor(input).run(on_host, expected);
  double largest = 0;
  for (std::size_t i = 0; i < pixels; ++i)
    for (std::size_t c = 0; c < 3; ++c)
      largest =
          std::max(largest, difference_of(number(actual.data(), type, 3 * i + c), expected[c * pixels + i]));
  return largest;
}

void Checks::resize() {
  constexpr InputConfig levels{
      .height = 224, .width = 224, .mean = {0, 0, 0}, .std = {1 / 255.F, 1 / 255.F, 1 / 255.F}};
  std::uint32_t seed = 0;
  for (const auto &[layout, name] : layouts)
    for (const auto &[width, height] : {std::pair(1280, 720), std::pair(333, 217), std::pair(61, 47)})
      for (const bool in_place : {false, true}) {
        const bool rgb = describe(layout).pixel_bytes >= 3 || layout == PixelLayout::GRAY8;
        add("preprocess " + std::string(name) + " " + std::to_string(width) + "x" + std::to_string(height) +
                (in_place ? ", in place" : ", uploaded"),
            rgb ? 0.001 : 1.001, [&, shape = std::pair(width, height), format = layout] {
              return resize_difference(NoiseFrame(format, shape.first, shape.second, ++seed), levels,
                                       ElementType::Fp32, in_place);
            });
      }
}

void Checks::elements() {
  const NoiseFrame frame(PixelLayout::RGB, 500, 400, 1);
  for (const auto &[type, tolerance] :
       {std::pair(ElementType::Fp32, 1e-5), std::pair(ElementType::Bf16, 0.02),
        std::pair(ElementType::Fp16, 0.002)})
    add(std::string("preprocess to ") + name_of(type), tolerance,
        [&, wanted = type] { return resize_difference(frame, {}, wanted, false); });
}

double largest_difference(const Bytes &actual, const Bytes &expected) {
  int largest = 0;
  for (std::size_t i = 0; i < actual.size(); ++i)
    largest = std::max(largest, std::abs(actual[i] - expected[i]));
  return largest;
}

double Checks::heat_difference(PixelLayout layout) {
  constexpr Extent grid{14, 14};
  HeatTables tables{};
  for (std::size_t c = 0; c < tables.size(); ++c)
    for (std::uint32_t level = 0; level < 256; ++level)
      tables[c][level] = (256 - level / 2) << 16 | level / 2 * (c % 2 == 0 ? level : 255 - level);
  std::mt19937 random(1);
  std::normal_distribution<float> hills(60, 150);
  std::vector<float> levels(std::size_t{14} * 14);
  for (float &level : levels) level = hills(random);

  const NoiseFrame frame(layout, 641, 361, 5);
  DeviceMemory memory = on_device(frame.bytes.data(), frame.bytes.size());
  const DrawnFrame drawn = frame.drawn_at(static_cast<std::uint8_t *>(memory.get()));
  constexpr Area area{-0.05, 0.02, 1.1, 0.9};
  DevicePainter(runtime_).paint(drawn, HeatSurface{grid, levels, area}, tables);
  Bytes actual(frame.bytes.size());
  to_host(actual.data(), memory, actual.size());

  Bytes expected = frame.bytes;
  for (const HeatBand &band : heat_bands(layout, drawn.extent, grid, tables, area)) {
    const auto p = static_cast<std::size_t>(band.plane);
    HostLauncher{}(PaintHeat{levels.data(), grid.width, grid.height, band.across.data(), band.down.data(),
                             band.paints.data(), band.lanes, expected.data() + frame.offsets[p],
                             frame.view.planes[p].stride},
                   band.extent);
  }
  return largest_difference(actual, expected);
}

// Spans of every length; every third sample is untouched.
double Checks::span_difference() {
  const NoiseFrame frame(PixelLayout::I420, 641, 361, 5);
  std::vector<PaintedSpan> spans;
  std::vector<Paint> paints;
  std::mt19937 random(1);
  for (int plane = 0; plane < 3; ++plane)
    for (int row = 0; row < (plane == 0 ? 361 : 181); row += 2) {
      const int length = static_cast<int>(random() % 300);
      spans.push_back({plane, row, row / 10, length, static_cast<std::uint32_t>(paints.size())});
      for (int i = 0; i < length; ++i) {
        const auto alpha = static_cast<std::uint32_t>(random() % 257);
        paints.push_back(i % 3 == 0 ? untouched : paint_of(alpha, alpha * (random() % 256)));
      }
    }
  DeviceMemory memory = on_device(frame.bytes.data(), frame.bytes.size());
  DevicePainter(runtime_).paint(frame.drawn_at(static_cast<std::uint8_t *>(memory.get())), spans, paints);
  Bytes actual(frame.bytes.size());
  to_host(actual.data(), memory, actual.size());

  Bytes expected = frame.bytes;
  for (const PaintedSpan &span : spans) {
    const auto plane = static_cast<std::size_t>(span.plane);
    std::uint8_t *samples =
        expected.data() + frame.offsets[plane] + frame.view.planes[plane].stride * span.row + span.first;
    for (int i = 0; i < span.count; ++i)
      samples[i] =
          static_cast<std::uint8_t>(painted(samples[i], paints[span.paints + static_cast<std::uint32_t>(i)]));
  }
  return largest_difference(actual, expected);
}

void Checks::drawing() {
  for (const auto &[layout, name] : layouts)
    if (layout != PixelLayout::P010)
      add(std::string("heatmap on ") + name, 1, [this, format = layout] { return heat_difference(format); });
  add("lines and text", 0, [this] { return span_difference(); });
}

// Relative to the expected value if that is greater than one.
template <typename Value>
double largest_relative(const std::vector<Value> &actual, const std::vector<Value> &expected) {
  double largest = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double value = load(expected[i].values[0]);
    largest =
        std::max(largest, difference_of(load(actual[i].values[0]), value) / std::max(std::abs(value), 1.0));
  }
  return largest;
}

template <typename Element>
double Checks::finish_difference(ElementType type, int channels, Activation activation, bool with_skip) {
  constexpr int rows = 37;
  constexpr int width = 19;
  using Value = Pack<Element, 1>;
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, 4);
  std::vector<Value> values(static_cast<std::size_t>(rows * width * channels));
  for (Value &value : values) store(normal(random), value.values[0]);
  std::vector<Value> skip(values.rbegin(), values.rend());
  std::vector<float> bias(static_cast<std::size_t>(channels));
  for (float &value : bias) value = normal(random);

  const std::size_t bytes = values.size() * sizeof(Value);
  const DeviceMemory device_values = on_device(values.data(), bytes);
  const DeviceMemory device_skip = on_device(skip.data(), bytes);
  const DeviceMemory device_bias = on_device(bias.data(), bias.size() * sizeof(float));
  const OwnedStream stream = create_stream(runtime_);
  check_run(runtime_.finish(
      FinishJob{device_values.get(), with_skip ? device_skip.get() : nullptr,
                static_cast<const float *>(device_bias.get()), type, rows, width, channels, activation},
      stream.get()));
  check_run(runtime_.synchronize(stream.get()));
  std::vector<Value> actual(values.size());
  to_host(actual.data(), device_values, bytes);

  HostLauncher{}(FinishConvolution<Element, 1>{values.data(), with_skip ? skip.data() : nullptr, bias.data(),
                                               channels, width * channels, activation},
                 {width * channels, rows});
  return largest_relative(actual, values);
}

template <typename Element>
double Checks::depthwise_difference(ElementType type, int channels, int kernel, int stride) {
  using Value = Pack<Element, 1>;
  DepthwiseJob job{};
  job.type = type;
  job.pictures = 3;
  job.in_height = 23;
  job.in_width = 17;
  job.out_height = (job.in_height + stride - 1) / stride;
  job.out_width = (job.in_width + stride - 1) / stride;
  job.channels = channels;
  job.kernel = kernel;
  job.stride = stride;
  job.top = job.left = stride == 2 ? 0 : kernel / 2;
  job.activation = Activation::Silu;
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, 1);
  const auto noise = [&](int size) {
    std::vector<Value> values(static_cast<std::size_t>(size));
    for (Value &value : values) store(normal(random), value.values[0]);
    return values;
  };
  const std::vector<Value> in = noise(job.pictures * job.in_height * job.in_width * channels);
  const std::vector<Value> weights = noise(kernel * kernel * channels);
  std::vector<float> bias(static_cast<std::size_t>(channels));
  for (float &value : bias) value = normal(random);
  std::vector<Value> expected = noise(job.pictures * job.out_height * job.out_width * channels);
  std::vector<Value> actual = expected;

  const DeviceMemory device_in = on_device(in.data(), in.size() * sizeof(Value));
  const DeviceMemory device_weights = on_device(weights.data(), weights.size() * sizeof(Value));
  const DeviceMemory device_bias = on_device(bias.data(), bias.size() * sizeof(float));
  const DeviceMemory device_out = on_device(actual.data(), actual.size() * sizeof(Value));
  job.in = device_in.get();
  job.weights = device_weights.get();
  job.bias = static_cast<const float *>(device_bias.get());
  job.out = device_out.get();
  const OwnedStream stream = create_stream(runtime_);
  check_run(runtime_.depthwise(job, stream.get()));
  check_run(runtime_.synchronize(stream.get()));
  to_host(actual.data(), device_out, actual.size() * sizeof(Value));

  job.in = in.data();
  job.weights = weights.data();
  job.bias = bias.data();
  job.out = expected.data();
  if (kernel == 3)
    depthwise<Element, 1, 3>(job, HostLauncher{});
  else
    depthwise<Element, 1, 5>(job, HostLauncher{});
  return largest_relative(actual, expected);
}

void Checks::convolutions() {
  const auto difference = [this](ElementType type, int channels) {
    double largest = 0;
    for (const auto activation : {Activation::None, Activation::Relu, Activation::Relu6, Activation::Silu})
      for (const bool skip : {false, true}) {
        if (type == ElementType::Fp32)
          largest = std::max(largest, finish_difference<float>(type, channels, activation, skip));
        if (type == ElementType::Bf16)
          largest = std::max(largest, finish_difference<Bf16>(type, channels, activation, skip));
        if (type == ElementType::Fp16)
          largest = std::max(largest, finish_difference<Fp16>(type, channels, activation, skip));
      }
    return largest;
  };
  for (const auto &[type, tolerance] :
       {std::pair(ElementType::Fp32, 1e-5), std::pair(ElementType::Bf16, 0.008),
        std::pair(ElementType::Fp16, 0.001)})
    for (const int channels : {48, 30}) {
      const std::string suffix =
          std::string(", ") + name_of(type) + ", " + std::to_string(channels) + " channels";
      add("after a convolution" + suffix, tolerance,
          [&, wanted = type] { return difference(wanted, channels); });
      add("depthwise convolution" + suffix, tolerance, [&, wanted = type] {
        double largest = 0;
        for (const int kernel : {3, 5})
          for (const int stride : {1, 2}) {
            if (wanted == ElementType::Fp32)
              largest = std::max(largest, depthwise_difference<float>(wanted, channels, kernel, stride));
            if (wanted == ElementType::Bf16)
              largest = std::max(largest, depthwise_difference<Bf16>(wanted, channels, kernel, stride));
            if (wanted == ElementType::Fp16)
              largest = std::max(largest, depthwise_difference<Fp16>(wanted, channels, kernel, stride));
          }
        return largest;
      });
    }
}

}  // namespace

std::vector<SelfTest> check_kernels(Runtime &runtime) {
  Checks checks(runtime);
  checks.resize();
  checks.elements();
  checks.drawing();
  checks.convolutions();
  return std::move(checks.results);
}

}  // namespace uniad::cuda
