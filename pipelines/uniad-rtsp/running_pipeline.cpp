// SPDX-License-Identifier: Apache-2.0
#include "pipelines/uniad-rtsp/running_pipeline.h"

#include <gst/app/app.h>
#include <malloc.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <condition_variable>
#include <thread>
#include <utility>

#include "model/base/error.h"

namespace uniad::rtsp {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds time_to_stop{3};  // part of the five seconds that a process has after SIGTERM

// Stops the elements that judge, publish and pass on frames before the source. Everything that was found and
// learned is then reported, whatever the state of the source, and a stuck source holds no file and no event
// that the next pipeline needs.
void stop_from_sink_to_source(GstElement *pipeline) {
  for (const char *name : {"frames", "publish", "overlay", "detect", "newest"})
    with_element(pipeline, name, [](GstElement *element) {
      gst_element_set_locked_state(element, TRUE);
      gst_element_set_state(element, GST_STATE_NULL);
    });
  gst_element_set_state(pipeline, GST_STATE_NULL);
}

// The threads of each pipeline leave unused memory in glibc's heaps, which would grow with every reconnect.
void give_memory_back() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

bool seek_to_begin(GstElement *pipeline) {
  return gst_element_seek_simple(pipeline, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, 0) != FALSE;
}

}  // namespace

Pipeline parse_pipeline(const std::string &description) {
  g_autoptr(GError) error = nullptr;
  Pipeline pipeline(gst_parse_launch_full(description.c_str(), nullptr, GST_PARSE_FLAG_FATAL_ERRORS, &error));
  if (!pipeline)
    throw Error(ErrorKind::InvalidArgument, "pipeline", error->message,
                "install the GStreamer plugin that provides it; for the elements of UniAD, set "
                "GST_PLUGIN_PATH to the folder of libgstuniad*.so");
  return pipeline;
}

AbandonedPipelines::AbandonedPipelines(std::function<void()> too_many) : too_many_(std::move(too_many)) {}

void AbandonedPipelines::add(const std::string &name) {
  const std::lock_guard lock(mutex_);
  ++count_;
  spdlog::error("{}: its pipeline does not stop and is abandoned ({} of at most {})", name, count_, most);
  if (count_ == most) too_many_();
}

void AbandonedPipelines::remove(const std::string &name) {
  const std::lock_guard lock(mutex_);
  --count_;
  spdlog::info("{}: an abandoned pipeline has stopped after all; {} remain", name, count_);
}

unsigned AbandonedPipelines::count() const {
  const std::lock_guard lock(mutex_);
  return count_;
}

// Lives until both the owner and the thread have released it.
struct RunningPipeline::Shared {
  Pipeline pipeline;
  std::string name;
  std::shared_ptr<AbandonedPipelines> abandoned_pipelines;

  std::mutex mutex;  // guards the following members
  std::condition_variable changed;
  bool must_rewind = false;
  bool must_stop = false;
  bool has_stopped = false;
  bool is_abandoned = false;
  Clock::time_point latest_end;  // set when the pipeline must stop
};

RunningPipeline::RunningPipeline(Pipeline pipeline, std::string name,
                                 std::shared_ptr<AbandonedPipelines> abandoned)
    : shared_(std::make_shared<Shared>()) {
  shared_->pipeline = std::move(pipeline);
  shared_->name = std::move(name);
  shared_->abandoned_pipelines = std::move(abandoned);
  gst_pipeline_set_auto_flush_bus(GST_PIPELINE(get()), FALSE);
  std::thread([shared = shared_] { run(*shared); }).detach();
}

RunningPipeline::~RunningPipeline() {
  stop();
  is_still_stopping_after(time_to_stop);
  const std::lock_guard lock(shared_->mutex);
  g_autoptr(GstBus) bus = gst_element_get_bus(get());
  gst_bus_set_flushing(bus, TRUE);  // messages hold references to the pipeline
  if (shared_->has_stopped) {
    shared_->pipeline.reset();
    give_memory_back();
    return;
  }
  shared_->is_abandoned = true;
  shared_->abandoned_pipelines->add(shared_->name);
}

void RunningPipeline::run(Shared &shared) {
  GstElement *pipeline = shared.pipeline.get();
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  std::unique_lock lock(shared.mutex);
  for (;;) {
    shared.changed.wait(lock, [&shared] { return shared.must_stop || shared.must_rewind; });
    if (shared.must_stop) break;
    shared.must_rewind = false;
    lock.unlock();
    if (!seek_to_begin(pipeline))
      gst_element_post_message(pipeline, gst_message_new_application(GST_OBJECT(pipeline),
                                                                     gst_structure_new_empty("not-rewound")));
    lock.lock();
  }
  lock.unlock();
  stop_from_sink_to_source(pipeline);
  lock.lock();
  shared.has_stopped = true;
  if (shared.is_abandoned) {
    shared.pipeline.reset();
    shared.abandoned_pipelines->remove(shared.name);
  }
  shared.changed.notify_all();
}

GstElement *RunningPipeline::get() const {
  return shared_->pipeline.get();
}

void RunningPipeline::rewind() {
  const std::lock_guard lock(shared_->mutex);
  shared_->must_rewind = true;
  shared_->changed.notify_all();
}

void RunningPipeline::stop() {
  const std::lock_guard lock(shared_->mutex);
  if (std::exchange(shared_->must_stop, true)) return;
  with_element(get(), "frames", [](GstElement *sink) {
    GstAppSinkCallbacks none{};
    gst_app_sink_set_callbacks(GST_APP_SINK(sink), &none, nullptr, nullptr);
  });
  shared_->latest_end = Clock::now() + time_to_stop;
  shared_->changed.notify_all();
}

bool RunningPipeline::is_still_stopping_after(std::chrono::nanoseconds time) const {
  std::unique_lock lock(shared_->mutex);
  const auto end = std::min(shared_->latest_end, Clock::now() + time);
  const bool has_stopped = shared_->changed.wait_until(lock, end, [this] { return shared_->has_stopped; });
  return !has_stopped && Clock::now() < shared_->latest_end;
}

}  // namespace uniad::rtsp
