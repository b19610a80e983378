// SPDX-License-Identifier: Apache-2.0
// What uniaddetect adds to the bare network: decoded 1080p NV12 frames from appsrc through the element into
// fakesink, against the same network on a tensor that lies ready. Both in turns; prints the median of the
// ratios. usage: detect_bench [ROUNDS]
#include <gst/app/gstappsrc.h>
#include <torch/torch.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <random>
#include <stdexcept>

#include "model/network.h"
#include "tests/bench/timing.h"

namespace {

constexpr int width = 1920;
constexpr int height = 1080;
constexpr int frames_a_round = 20;

// UniAD on EfficientNet-b4, the paper's network, of random weights: they cost what trained ones do.
std::shared_ptr<uniad::Network> write_model(const std::filesystem::path &path) {
  uniad::Model model;
  uniad::store_tensors(uniad::Network(model.config), "", model.tensors);
  uniad::write_model(model, path);
  return uniad::make_network(model, path.string());
}

GstBuffer *noisy_frame() {
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, gsize{width} * height * 3 / 2, nullptr);
  GstMapInfo map;
  gst_buffer_map(buffer, &map, GST_MAP_WRITE);
  std::mt19937 random(1);
  for (gsize i = 0; i < map.size; ++i) map.data[i] = static_cast<guint8>(random());
  gst_buffer_unmap(buffer, &map);
  return buffer;
}

// A pipeline that stays up between rounds, so that only frames are timed.
class ElementRun {
 public:
  explicit ElementRun(const std::filesystem::path &model) : frame_(noisy_frame()) {
    const std::string description =
        "appsrc name=in format=time caps=video/x-raw,format=NV12,width=1920,height=1080,framerate=30/1 ! "
        "uniaddetect model=" +
        model.string() + " threshold=1000000 ! fakesink name=out sync=false signal-handoffs=true";
    g_autoptr(GError) error = nullptr;
    pipeline_ = gst_parse_launch(description.c_str(), &error);
    if (error != nullptr) throw std::runtime_error(error->message);
    in_ = GST_APP_SRC(gst_bin_get_by_name(GST_BIN(pipeline_), "in"));
    g_autoptr(GstElement) out = gst_bin_get_by_name(GST_BIN(pipeline_), "out");
    g_signal_connect(out, "handoff", G_CALLBACK(count), this);
    gst_element_set_state(pipeline_, GST_STATE_PLAYING);
  }
  ~ElementRun() {
    gst_element_set_state(pipeline_, GST_STATE_NULL);
    gst_object_unref(in_);
    gst_object_unref(pipeline_);
    gst_buffer_unref(frame_);
  }
  ElementRun(const ElementRun &) = delete;
  ElementRun &operator=(const ElementRun &) = delete;

  void run() {
    const std::int64_t goal = seen_ + frames_a_round;
    for (int i = 0; i < frames_a_round; ++i) {
      GstBuffer *buffer = gst_buffer_copy(frame_);  // shares the picture
      GST_BUFFER_PTS(buffer) = static_cast<GstClockTime>(pushed_++) * GST_SECOND / 30;
      gst_app_src_push_buffer(in_, buffer);
    }
    for (std::int64_t now = seen_; now < goal; now = seen_) seen_.wait(now);
  }

 private:
  static void count(GstElement *, GstBuffer *, GstPad *, ElementRun *self) {
    ++self->seen_;
    self->seen_.notify_one();
  }

  GstBuffer *frame_;
  GstElement *pipeline_ = nullptr;
  GstAppSrc *in_ = nullptr;
  std::int64_t pushed_ = 0;
  std::atomic<std::int64_t> seen_ = 0;
};

}  // namespace

int main(int argc, char **argv) {
  using uniad::bench::median;
  using uniad::bench::milliseconds;
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 10;
  gst_init(&argc, &argv);
  const std::string model = std::filesystem::temp_directory_path() / "uniad-detect-bench.safetensors";
  const auto network = write_model(model);

  const torch::Tensor image = torch::randn({1, 3, 224, 224}).contiguous(torch::MemoryFormat::ChannelsLast);
  const auto bare = [&] {
    const c10::InferenceMode inference;
    for (int i = 0; i < frames_a_round; ++i) network->grid(image);
  };
  ElementRun element(model);
  std::filesystem::remove(model);
  bare();
  element.run();
  std::vector<double> ratios;
  std::vector<double> per_frame;
  for (int i = 0; i < rounds; ++i) {
    const double engine = milliseconds(bare);
    const double pipeline = milliseconds([&] { element.run(); });
    ratios.push_back(pipeline / engine);
    per_frame.push_back(pipeline / frames_a_round);
  }
  std::cout << "uniaddetect, 1080p NV12: " << median(per_frame) << " ms a frame, " << median(ratios)
            << " of the bare network's time (goal 1.15)" << std::endl;
}
