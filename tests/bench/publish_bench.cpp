// SPDX-License-Identifier: Apache-2.0
// Goal: while the receiver is down, 99.9 % of all frames of four streams with 25 frames per second spend at
// most 50 us in uniadpublish. Prints, for each percentile, the elapsed time and the time of the processor,
// which excludes what other programs on this machine take.
//
// With `events`, one stream has 10,000 events a minute instead. Prints the memory of the process while it
// runs, which must not grow once the queue is full.
//
// usage: publish_bench [events] LOCATION [SECONDS]

#include <gst/check/gstharness.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "gst-plugin/meta/gstanomalymeta.h"
#include "gst-plugin/publish/uniadpublish.h"

namespace {

using Clock = std::chrono::steady_clock;

constexpr int streams = 4;
constexpr std::chrono::milliseconds frame_duration(40);

double thread_time_us() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

// Three regions, and an event in each second.
GstBuffer *frame(const std::string &source, guint number) {
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, 64, nullptr);
  GST_BUFFER_PTS(buffer) = number * 40 * GST_MSECOND;
  GstAnomalyMeta *meta = gst_buffer_add_anomaly_meta(buffer, source.c_str(), 3.1, 0);
  gst_anomaly_meta_set_threshold(meta, 2.4, 0.71);
  const std::vector<GstAnomalyRegion> regions(3, {0.41F, 0.52F, 0.12F, 0.2F, 3.1F, nullptr, nullptr});
  gst_anomaly_meta_set_regions(meta, regions.data(), static_cast<guint>(regions.size()));
  const guint place = number % 25;
  const auto id = "event-" + std::to_string(number / 25);
  if (place < 10)
    gst_anomaly_meta_set_event(meta, id.c_str(),
                               place == 0   ? GST_ANOMALY_EVENT_BEGIN
                               : place == 9 ? GST_ANOMALY_EVENT_END
                                            : GST_ANOMALY_EVENT_ONGOING);
  return buffer;
}

struct Times {
  std::mutex mutex;  // guards the times, which all streams add to
  std::vector<double> elapsed, processor;
  guint64 lost = 0;
};

void run_stream(int number, const char *location, int seconds, Times &times) {
  const std::string source = "camera-" + std::to_string(number);
  GstElement *publish = gst_element_factory_make_full("uniadpublish", "location", location, nullptr);
  GstHarness *harness = gst_harness_new_with_element(publish, "sink", "src");
  gst_harness_set_src_caps_str(harness, "video/x-raw,format=GRAY8,width=8,height=8,framerate=25/1");
  std::vector<double> elapsed, processor;
  auto due = Clock::now();
  for (guint i = 0; i < static_cast<guint>(seconds) * 25; ++i, due += frame_duration) {
    std::this_thread::sleep_until(due);
    GstBuffer *buffer = frame(source, i);
    const auto begin = Clock::now();
    const double processor_begin = thread_time_us();
    gst_harness_push(harness, buffer);
    processor.push_back(thread_time_us() - processor_begin);
    elapsed.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
    gst_buffer_unref(gst_harness_pull(harness));
  }
  const std::lock_guard lock(times.mutex);
  times.elapsed.insert(times.elapsed.end(), elapsed.begin(), elapsed.end());
  times.processor.insert(times.processor.end(), processor.begin(), processor.end());
  gst_element_set_state(publish, GST_STATE_READY);
  guint64 lost = 0;
  g_object_get(publish, "lost", &lost, nullptr);
  times.lost += lost;
  gst_harness_teardown(harness);
  gst_object_unref(publish);
}

// Resident memory of this process, in MB.
double memory_mb() {
  std::ifstream statm("/proc/self/statm");
  std::size_t total = 0, resident = 0;
  statm >> total >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
}

// Each frame begins an event, and the next one ends it.
GstBuffer *frame_of_event(guint number) {
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, 64, nullptr);
  GST_BUFFER_PTS(buffer) = number * 3 * GST_MSECOND;
  GstAnomalyMeta *meta = gst_buffer_add_anomaly_meta(buffer, "camera", 3.1, 0);
  gst_anomaly_meta_set_event(meta, ("event-" + std::to_string(number / 2)).c_str(),
                             number % 2 == 0 ? GST_ANOMALY_EVENT_BEGIN : GST_ANOMALY_EVENT_END);
  return buffer;
}

void run_events(const char *location, int seconds) {
  constexpr std::chrono::nanoseconds between(std::chrono::nanoseconds(std::chrono::minutes(1)) / 20000);
  GstElement *publish = gst_element_factory_make_full("uniadpublish", "location", location, nullptr);
  gst_util_set_object_arg(G_OBJECT(publish), "mode", "events");
  GstHarness *harness = gst_harness_new_with_element(publish, "sink", "src");
  gst_harness_set_src_caps_str(harness, "video/x-raw,format=GRAY8,width=8,height=8,framerate=25/1");
  const guint frames = static_cast<guint>(std::chrono::seconds(seconds) / between);
  auto due = Clock::now();
  for (guint i = 0; i < frames; ++i, due += between) {
    std::this_thread::sleep_until(due);
    gst_harness_push(harness, frame_of_event(i));
    gst_buffer_unref(gst_harness_pull(harness));
    if (i % (frames / 8) != 0) continue;
    guint64 lost = 0, queued = 0;
    g_object_get(publish, "lost", &lost, "queued", &queued, nullptr);
    std::printf("%7u events  %6.1f MB  %" G_GUINT64_FORMAT " queued  %" G_GUINT64_FORMAT " lost\n", i / 2,
                memory_mb(), queued, lost);
  }
  gst_element_set_state(publish, GST_STATE_READY);
  guint64 lost = 0;
  g_object_get(publish, "lost", &lost, nullptr);
  std::printf("%7u events  %6.1f MB  %" G_GUINT64_FORMAT " results lost\n", frames / 2, memory_mb(), lost);
  gst_harness_teardown(harness);
  gst_object_unref(publish);
}

void print(const char *name, std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    return values[std::min(values.size() - 1,
                           static_cast<std::size_t>(share * static_cast<double>(values.size())))];
  };
  std::printf("%-10s p50 %6.1f us  p99 %6.1f us  p99.9 %6.1f us  most %6.1f us\n", name, at(0.5), at(0.99),
              at(0.999), values.back());
}

}  // namespace

int main(int argc, char **argv) {
  const bool events = argc > 1 && std::string_view(argv[1]) == "events";
  if (events) {
    ++argv;
    --argc;
  }
  if (argc < 2) {
    std::fprintf(stderr, "usage: publish_bench [events] LOCATION [SECONDS]\n");
    return 2;
  }
  gst_init(nullptr, nullptr);
  GST_ELEMENT_REGISTER(uniadpublish, nullptr);
  const int seconds = argc > 2 ? std::atoi(argv[2]) : 60;  // NOLINT(cert-err34-c)
  if (events) {
    run_events(argv[1], seconds);
    return 0;
  }
  Times times;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < streams; ++i)
      threads.emplace_back([&, i] { run_stream(i, argv[1], seconds, times); });
  }
  print("elapsed", times.elapsed);
  print("processor", times.processor);
  std::printf("%zu frames, %" G_GUINT64_FORMAT " results lost\n", times.elapsed.size(), times.lost);
}
