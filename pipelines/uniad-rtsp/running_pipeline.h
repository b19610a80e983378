// SPDX-License-Identifier: Apache-2.0
// A running pipeline, which is abandoned if it does not stop.
#pragma once

#include <gst/gst.h>

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace uniad::rtsp {

struct PipelineDeleter {
  void operator()(GstElement *pipeline) const {
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(pipeline);
  }
};
using Pipeline = std::unique_ptr<GstElement, PipelineDeleter>;

// Parses a description in the syntax of gst-launch-1.0. Throws Error.
Pipeline parse_pipeline(const std::string &description);

// Calls `use` with the element of that name, if the pipeline has one (a camera without a model does not).
template <typename Use>
void with_element(GstElement *pipeline, const char *name, const Use &use) {
  g_autoptr(GstElement) element = gst_bin_get_by_name(GST_BIN(pipeline), name);
  if (element != nullptr) use(element);
}

// Counts the pipelines that were abandoned because they do not stop. Thread-safe.
class AbandonedPipelines {
 public:
  // Each one holds threads and memory while it is stuck. With this many, only a new process helps.
  static constexpr unsigned most = 16;

  // Calls `too_many`, from any thread, when there are `most` of them.
  explicit AbandonedPipelines(std::function<void()> too_many);

  void add(const std::string &name);
  void remove(const std::string &name);  // the pipeline has stopped after all
  unsigned count() const;

 private:
  mutable std::mutex mutex_;
  unsigned count_ = 0;
  std::function<void()> too_many_;
};

// A playing pipeline. Calls that may block forever in an element (a state change, a seek) are made in a
// separate thread, so that the owner of the pipeline never blocks.
class RunningPipeline {
 public:
  RunningPipeline(Pipeline pipeline, std::string name, std::shared_ptr<AbandonedPipelines> abandoned);

  // Stops the pipeline, and abandons it if it does not stop in time.
  ~RunningPipeline();

  RunningPipeline(const RunningPipeline &) = delete;
  RunningPipeline &operator=(const RunningPipeline &) = delete;

  GstElement *get() const;

  // Seeks to the beginning of the file. If that is not possible, posts an application message on the bus.
  void rewind();

  // Ends the stream and starts stopping the pipeline; no frames arrive any more. Pending bus messages can
  // still be read.
  void stop();

  // After stop(), waits for this time; returns false if it has stopped or should have stopped by now.
  bool is_still_stopping_after(std::chrono::nanoseconds time) const;

 private:
  struct Shared;
  static void run(Shared &shared);

  std::shared_ptr<Shared> shared_;
};

}  // namespace uniad::rtsp
