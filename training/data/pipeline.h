// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

#include "training/data/owned.h"

namespace uniad {

// Ends all that runs in it. False where it has not ended in time: then its threads may still call what was
// connected to it, and another one waits for them.
bool stop(Owned<GstElement> pipeline, std::chrono::milliseconds patience = std::chrono::seconds(1));

// A GStreamer pipeline that is stopped with this, and never holds the program up: threads of an element that
// does not let go are left behind.
class Pipeline {
 public:
  // As gst-launch-1.0 reads it. Throws Error with `hint` where an element is missing.
  Pipeline(const std::string &description, const std::string &hint);
  ~Pipeline();
  Pipeline(const Pipeline &) = delete;
  Pipeline &operator=(const Pipeline &) = delete;

  GstElement *get() const { return pipeline_.get(); }
  Owned<GstElement> find(const char *name) const;
  Owned<GstBus> bus() const;

  bool play();  // false: an element refuses

  bool stop();  // as above

 private:
  Owned<GstElement> pipeline_;
};

}  // namespace uniad
