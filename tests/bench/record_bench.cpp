// SPDX-License-Identifier: Apache-2.0
// Goal: 99.9 % of the frames of a 1080p stream of 4 Mbit/s and 25 frames per second take at most 300 us of
// the processor's time on the streaming thread more than without uniadrecord, and the disk makes no
// difference. Prints, for each percentile, the elapsed time and the time of the processor, which excludes
// what other programs on this machine take.
//
// usage: record_bench FOLDER [SECONDS]

#include <gst/check/gstharness.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gst-plugin/events/event.h"
#include "gst-plugin/meta/gstanomalymeta.h"
#include "gst-plugin/record/uniadrecord.h"
#include "tests/support/encoded_stream.h"
#include "tests/support/stuck_disk.h"

namespace {

using Clock = std::chrono::steady_clock;
using uniad::test::EncodedStream;

constexpr std::chrono::milliseconds frame_duration(40);

double thread_time_us() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

// A result with three regions.
void add_result(GstBuffer *buffer) {
  GstAnomalyMeta *meta = gst_buffer_add_anomaly_meta(buffer, "gate", 3.1, 0);
  gst_anomaly_meta_set_threshold(meta, 2.4, 0.71);
  const std::vector<GstAnomalyRegion> regions(3, {0.41F, 0.52F, 0.12F, 0.2F, 3.1F, nullptr, nullptr});
  gst_anomaly_meta_set_regions(meta, regions.data(), static_cast<guint>(regions.size()));
  const std::vector<gfloat> grid(14 * 14, 1.0F);
  gst_anomaly_meta_set_grid(meta, 14, 14, grid.data());
}

// An event of two seconds in every ten.
GstEvent *event_before(guint number) {
  const guint place = number % 250;
  if (place != 100 && place != 150) return nullptr;
  uniad::Event event;
  event.id = "event-" + std::to_string(number / 250);
  event.source = "gate";
  event.state = place == 100 ? GST_ANOMALY_EVENT_BEGIN : GST_ANOMALY_EVENT_END;
  return gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM, uniad::event_structure(event));
}

void print(const char *name, std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    return values[std::min(values.size() - 1,
                           static_cast<std::size_t>(share * static_cast<double>(values.size())))];
  };
  std::printf("  %-10s p50 %6.1f us  p99 %6.1f us  p99.9 %6.1f us  most %6.1f us\n", name, at(0.5), at(0.99),
              at(0.999), values.back());
}

void measure(const char *title, const EncodedStream &stream, const std::string &element, int seconds,
             bool is_stuck) {
  GstHarness *harness = gst_harness_new_parse(element.c_str());
  gst_harness_set_src_caps(harness, gst_caps_ref(stream.caps()));
  std::vector<double> elapsed, processor;
  std::unique_ptr<uniad::test::StuckDisk> stuck;
  auto due = Clock::now();
  for (guint i = 0; i < static_cast<guint>(seconds) * 25; ++i, due += frame_duration) {
    if (is_stuck && i == 50) stuck = std::make_unique<uniad::test::StuckDisk>();
    GstBuffer *buffer = stream.frame(i);
    add_result(buffer);
    std::this_thread::sleep_until(due);
    const auto begin = Clock::now();
    const double processor_begin = thread_time_us();
    if (GstEvent *event = event_before(i)) gst_harness_push_event(harness, event);
    gst_harness_push(harness, buffer);
    processor.push_back(thread_time_us() - processor_begin);
    elapsed.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
    gst_buffer_unref(gst_harness_pull(harness));
  }
  stuck.reset();
  std::printf("%s, %zu frames:\n", title, elapsed.size());
  print("elapsed", elapsed);
  print("processor", processor);
  gst_harness_teardown(harness);
}

}  // namespace

int main(int argc, char **argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: record_bench FOLDER [SECONDS]\n");
    return 2;
  }
  gst_init(nullptr, nullptr);
  GST_ELEMENT_REGISTER(uniadrecord, nullptr);
  const int seconds = argc > 2 ? std::atoi(argv[2]) : 60;  // NOLINT(cert-err34-c)
  const EncodedStream stream(
      "videotestsrc pattern=zone-plate kx2=20 ky2=20 kt=3 num-buffers=100 ! "
      "video/x-raw,width=1920,height=1080,framerate=25/1 ! "
      "x264enc bitrate=4000 speed-preset=ultrafast key-int-max=25 bframes=0 ! "
      "h264parse");
  std::printf("%.1f Mbit/s; the time without uniadrecord is that of the harness\n",
              stream.megabits_per_second());
  const std::string clips = std::string("uniadrecord max-size=100000000 location=") + argv[1];
  const std::string all = clips + " continuous=true embed-results=true segment-time=10000000000";
  measure("without uniadrecord", stream, "identity", seconds, false);
  measure("clips", stream, clips, seconds, false);
  measure("clips and all, with results", stream, all, seconds, false);
  measure("the same while the disk does not answer", stream, all, seconds, true);
}
