// SPDX-License-Identifier: Apache-2.0
// uniaddetect in pipelines, from appsrc into fakesink.
// usage: detect_bench MODE [COUNT [PRECISION [MODEL]]]
//   element   1080p NV12 frames through one element against the bare engine on a picture of the network's own
//             size; COUNT rounds (30) in turns
//   streams   COUNT pipelines (16) that share a model against one of them, 30 rounds in turns; and the memory
//             that another one takes
//   soak      how far memory grows over COUNT frames (100000) of 320x240, after the first 1000
// MODEL: element and streams take UniAD on EfficientNet-b4 of random weights, which cost what trained ones
// do; soak takes a tiny one, on which a frame goes the same way in a fraction of the time.
#include <gst/app/gstappsrc.h>
#include <torch/torch.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "model/engine/engine.h"
#include "model/network.h"
#include "tests/bench/timing.h"
#include "tests/support/tiny_model.h"

namespace uniad::bench {
namespace {

constexpr int frames_a_round = 20;

struct Options {
  std::string mode;
  int count = 0;
  std::string precision = "auto";
  std::filesystem::path model;
};

void write_b4(const std::filesystem::path &path) {
  Model model;
  store_tensors(Network(model.config), "", model.tensors);
  write_model(model, path);
}

GstBuffer *noisy_frame(int width, int height) {
  GstBuffer *buffer = gst_buffer_new_allocate(
      nullptr, static_cast<gsize>(width) * static_cast<gsize>(height) * 3 / 2, nullptr);
  GstMapInfo map;
  gst_buffer_map(buffer, &map, GST_MAP_WRITE);
  std::mt19937 random(1);
  for (gsize i = 0; i < map.size; ++i) map.data[i] = static_cast<guint8>(random());
  gst_buffer_unmap(buffer, &map);
  return buffer;
}

double resident_mb() {
  std::ifstream statm("/proc/self/statm");
  double total = 0, resident = 0;  // pages
  statm >> total >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
}

// A pipeline that stays up between rounds, so that only frames are timed.
class Pipeline {
 public:
  // Frames share the pixels of `frame`, as those of a decoder's pool do: what memory grows by is the
  // element's.
  Pipeline(const Options &options, GstBuffer *frame, int width, int height) : frame_(gst_buffer_ref(frame)) {
    const std::string description =
        "appsrc name=in format=time caps=video/x-raw,format=NV12,width=" + std::to_string(width) +
        ",height=" + std::to_string(height) +
        ",framerate=30/1 ! uniaddetect model=" + options.model.string() + " precision=" + options.precision +
        " threshold=1000000 ! fakesink name=out sync=false signal-handoffs=true";
    g_autoptr(GError) error = nullptr;
    pipeline_ = gst_parse_launch(description.c_str(), &error);
    if (error != nullptr) throw std::runtime_error(error->message);
    g_autoptr(GstBus) bus = gst_element_get_bus(pipeline_);
    gst_bus_set_sync_handler(bus, take_message, this, nullptr);
    in_ = GST_APP_SRC(gst_bin_get_by_name(GST_BIN(pipeline_), "in"));
    g_autoptr(GstElement) out = gst_bin_get_by_name(GST_BIN(pipeline_), "out");
    g_signal_connect(out, "handoff", G_CALLBACK(count), this);
    gst_element_set_state(pipeline_, GST_STATE_PLAYING);
    wait();
  }
  ~Pipeline() {
    gst_element_set_state(pipeline_, GST_STATE_NULL);
    gst_object_unref(in_);
    gst_object_unref(pipeline_);
    gst_buffer_unref(frame_);
  }
  Pipeline(const Pipeline &) = delete;
  Pipeline &operator=(const Pipeline &) = delete;

  void push(int frames) {
    for (int i = 0; i < frames; ++i) {
      GstBuffer *buffer = gst_buffer_copy(frame_);  // shares the pixels
      GST_BUFFER_PTS(buffer) = static_cast<GstClockTime>(pushed_++) * GST_SECOND / 30;
      gst_app_src_push_buffer(in_, buffer);
    }
  }

  // Until all frames that were pushed have come out. Throws where an element failed.
  void wait() const {
    for (std::int64_t now = seen_; now < pushed_; now = seen_) seen_.wait(now);
    if (seen_ >= failed) throw std::runtime_error(error_);
  }

  void run(int frames) {
    push(frames);
    wait();
  }

 private:
  // Of frames seen: an element that failed sends none, and nobody is to wait for them.
  static constexpr std::int64_t failed = std::int64_t{1} << 62;

  // Messages without an error are dropped: nobody reads them, and they must not pile up.
  static GstBusSyncReply take_message(GstBus * /*bus*/, GstMessage *message, gpointer data) {
    auto *self = static_cast<Pipeline *>(data);
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR && self->seen_ < failed) {
      g_autoptr(GError) error = nullptr;
      gst_message_parse_error(message, &error, nullptr);
      self->error_ = error->message;
      self->seen_ = failed;
      self->seen_.notify_one();
    }
    gst_message_unref(message);
    return GST_BUS_DROP;
  }

  static void count(GstElement * /*sink*/, GstBuffer * /*buffer*/, GstPad * /*pad*/, Pipeline *self) {
    ++self->seen_;
    self->seen_.notify_one();
  }

  GstBuffer *frame_;
  GstElement *pipeline_ = nullptr;
  GstAppSrc *in_ = nullptr;
  std::int64_t pushed_ = 0;
  std::string error_;  // once `seen_` says so
  std::atomic<std::int64_t> seen_ = 0;
};

// The engine that an element of the same model and precision has.
class Bare {
 public:
  explicit Bare(const Options &options) : engine_(Engine::of_file(options.model, "auto", options.precision)) {
    const InputConfig &input = engine_->config().input;
    pixels_.resize(std::size_t{3} * static_cast<std::size_t>(input.width) *
                   static_cast<std::size_t>(input.height));
    std::mt19937 random(1);
    for (std::uint8_t &pixel : pixels_) pixel = static_cast<std::uint8_t>(random());
    frame_.width = input.width;
    frame_.height = input.height;
    frame_.planes[0] = {pixels_.data(), std::ptrdiff_t{3} * input.width};
  }

  void run(int frames) {
    for (int i = 0; i < frames; ++i) {
      Picture picture{&frame_, &tokens_, nullptr};
      stream_->run({&picture, 1}, {});
      if (picture.failure) std::rethrow_exception(picture.failure);
    }
  }

  std::string description() const { return engine_->description(); }

 private:
  std::shared_ptr<Engine> engine_;
  std::unique_ptr<Executor::Stream> stream_ = engine_->open_stream();
  std::vector<std::uint8_t> pixels_;
  FrameView frame_;
  Tokens tokens_;
};

void time_element(const Options &options) {
  g_autoptr(GstBuffer) frame = noisy_frame(1920, 1080);
  Bare bare(options);
  Pipeline pipeline(options, frame, 1920, 1080);
  bare.run(frames_a_round);
  pipeline.run(frames_a_round);
  std::vector<double> ratios, engine_times, element_times;
  for (int i = 0; i < options.count; ++i) {
    engine_times.push_back(milliseconds([&] { bare.run(frames_a_round); }) / frames_a_round);
    element_times.push_back(milliseconds([&] { pipeline.run(frames_a_round); }) / frames_a_round);
    ratios.push_back(engine_times.back() / element_times.back());
  }
  std::cout << "uniaddetect, 1080p NV12, " << bare.description() << ": " << median(element_times)
            << " ms a frame, the bare engine " << median(engine_times) << " ms; " << median(ratios)
            << " of its frames per second (goal 0.9)" << std::endl;
}

void time_streams(const Options &options) {
  constexpr int rounds = 30;
  g_autoptr(GstBuffer) frame = noisy_frame(1920, 1080);
  std::vector<std::unique_ptr<Pipeline>> pipelines;
  const auto open = [&] {
    pipelines.push_back(std::make_unique<Pipeline>(options, frame, 1920, 1080));
    pipelines.back()->run(frames_a_round);
  };
  open();
  const double with_one = resident_mb();
  while (std::ssize(pipelines) < options.count) open();
  const int each = std::max(2 * frames_a_round / options.count, 4);
  const auto all = [&] {
    for (const auto &pipeline : pipelines) pipeline->push(each);
    for (const auto &pipeline : pipelines) pipeline->wait();
  };
  all();
  const double with_all = resident_mb();
  std::vector<double> ratios, rates, rates_of_one;
  for (int i = 0; i < rounds; ++i) {
    rates_of_one.push_back(1000 * frames_a_round /
                           milliseconds([&] { pipelines.front()->run(frames_a_round); }));
    rates.push_back(1000.0 * each * options.count / milliseconds(all));
    ratios.push_back(rates.back() / rates_of_one.back());
  }
  std::cout << options.count << " streams of 1080p NV12: " << median(rates) << " frames a second, one stream "
            << median(rates_of_one) << ", " << median(ratios)
            << " of one's rate (goal 1.0)\nanother stream takes "
            << (with_all - with_one) / std::max(options.count - 1, 1) << " MB" << std::endl;
}

void soak(const Options &options) {
  constexpr int uncounted = 1000;
  if (options.count <= uncounted) throw std::runtime_error("soak needs more than 1000 frames");
  g_autoptr(GstBuffer) frame = noisy_frame(320, 240);
  Pipeline pipeline(options, frame, 320, 240);
  // Never so many at a time that the frames in the queue would be what grows.
  const auto feed = [&](int frames) {
    for (int left = frames; left > 0; left -= frames_a_round) pipeline.run(std::min(left, frames_a_round));
  };
  feed(uncounted);
  const double before = resident_mb();
  const double time = milliseconds([&] { feed(options.count - uncounted); });
  const double after = resident_mb();
  std::cout << options.count << " frames: memory grew by " << after - before << " MB, from " << before
            << " MB after the first " << uncounted << " (goal: 1); " << time / (options.count - uncounted)
            << " ms a frame" << std::endl;
}

void run(int argc, char **argv) {
  Options options;
  if (argc > 1) options.mode = argv[1];
  const bool element = options.mode == "element", streams = options.mode == "streams";
  if (!element && !streams && options.mode != "soak")
    throw std::runtime_error("usage: detect_bench element|streams|soak [COUNT [PRECISION [MODEL]]]");
  options.count = argc > 2 ? std::atoi(argv[2]) : element ? 30 : streams ? 16 : 100'000;
  if (options.count < 1) throw std::runtime_error("COUNT is a number of at least 1");
  if (argc > 3) options.precision = argv[3];

  // Detectors may open the file as long as the bench runs.
  std::string folder = (std::filesystem::temp_directory_path() / "uniad-bench-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) throw std::runtime_error("no temporary folder");
  const std::shared_ptr<void> gone_afterwards(nullptr, [&](void *) { std::filesystem::remove_all(folder); });
  if (argc > 4) {
    options.model = argv[4];
  } else {
    options.model = std::filesystem::path(folder) / "model.safetensors";
    if (options.mode == "soak")
      test::write_tiny_model(options.model);
    else
      write_b4(options.model);
  }
  if (element) return time_element(options);
  if (streams) return time_streams(options);
  soak(options);
}

}  // namespace
}  // namespace uniad::bench

int main(int argc, char **argv) {
  try {
    gst_init(&argc, &argv);
    uniad::bench::run(argc, argv);
  } catch (const std::exception &error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
  return 0;
}
