// SPDX-License-Identifier: Apache-2.0
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

// Of the text, as gst-launch-1.0 takes it. Throws Error.
Pipeline parse_pipeline(const std::string &description);

// Runs `use` on the element of that name; a pipeline without it (a camera without a model) is fine.
template <typename Use>
void with_element(GstElement *pipeline, const char *name, Use use) {
  g_autoptr(GstElement) element = gst_bin_get_by_name(GST_BIN(pipeline), name);
  if (element != nullptr) use(element);
}

// Counts the pipelines that are left to themselves because they do not stop. Thread-safe.
class AbandonedPipelines {
 public:
  // Each holds threads and memory for as long as it is stuck: with so many, only a new process helps.
  static constexpr unsigned most = 16;

  // Calls `too_many`, from any thread, when there are `most`.
  explicit AbandonedPipelines(std::function<void()> too_many);

  void add(const std::string &name);
  void remove(const std::string &name);  // it has stopped after all
  unsigned count() const;

 private:
  mutable std::mutex mutex_;
  unsigned count_ = 0;
  std::function<void()> too_many_;
};

// A pipeline that plays. What may wait for ever in an element (a state change, a seek) happens in a thread of
// its own, so that whoever owns the pipeline never waits with it.
class RunningPipeline {
 public:
  RunningPipeline(Pipeline pipeline, std::string name, std::shared_ptr<AbandonedPipelines> abandoned);

  // Stops it, and abandons it where it does not stop in time.
  ~RunningPipeline();

  RunningPipeline(const RunningPipeline &) = delete;
  RunningPipeline &operator=(const RunningPipeline &) = delete;

  GstElement *get() const;

  // Goes back to the begin of its file; where it cannot, an application message comes over its bus.
  void rewind();

  // Ends its stream and lets it stop; brings no frame any more. What its bus holds is still to be read.
  void stop();

  // After stop(), waits for so long: false when it has stopped or should have by now.
  bool is_still_stopping_after(std::chrono::nanoseconds time) const;

 private:
  struct Shared;
  static void run(Shared &shared);

  std::shared_ptr<Shared> shared_;
};

}  // namespace uniad::rtsp
