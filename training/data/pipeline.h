// SPDX-License-Identifier: Apache-2.0
// Runs a GStreamer pipeline that decodes a file.
#pragma once

#include <chrono>
#include <string>

#include "training/data/gstreamer.h"

namespace uniad {

// Stops the pipeline. Returns false if it has not stopped within `patience`. In that case, its threads may
// still call connected functions, and a background thread waits for them to end.
bool stop(Ref<GstElement> pipeline, std::chrono::milliseconds patience = std::chrono::seconds(1));

// A GStreamer pipeline that is stopped on destruction and never blocks the program: threads of an element
// that does not stop are abandoned.
class Pipeline {
 public:
  // description: in the syntax of gst-launch-1.0. Throws Error with `hint` if an element is missing.
  Pipeline(const std::string &description, const std::string &hint);
  ~Pipeline();
  Pipeline(const Pipeline &) = delete;
  Pipeline &operator=(const Pipeline &) = delete;

  GstElement *get() const { return pipeline_.get(); }
  Ref<GstElement> find(const char *name) const;
  Ref<GstBus> bus() const;

  bool play();  // false if an element fails to start

  bool stop();  // see the function stop() above

 private:
  Ref<GstElement> pipeline_;
};

}  // namespace uniad
