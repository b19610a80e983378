// SPDX-License-Identifier: Apache-2.0
// Tracks what an element was asked to learn and whether it has learned it.
#pragma once

#include <gst/gst.h>

#include <mutex>
#include <optional>
#include <string>

#include "gst-plugin/detect/settings.h"
#include "model/engine/learning.h"

namespace uniad {

// All functions are thread-safe.
class LearningSession {
 public:
  // Call this when the properties that request learning have changed. Footage that was learned for an earlier
  // request no longer counts. While the element runs, learning begins with the next frame.
  void set_wanted(const LearnRequest &wanted);

  // Accepts requests from now on, and requests what the properties want unless it has been learned already.
  // This way, an element that restarts after a camera failure does not learn whatever is in view by then.
  void start(const LearnRequest &wanted);
  void stop();

  // Requests learning from the next frame on. Has no effect while the element is stopped.
  void ask(const LearnRequest &request);

  struct Begin {
    LearnRequest request;
    bool of_start = false;  // requested by the properties at the start, not while the element runs
  };
  // Returns the request to begin with this frame, if any. The caller then calls known() if the model has
  // already learned it, refused() if learning could not begin, or neither if it has begun.
  std::optional<Begin> take();
  void known();
  void refused();

  // No more frames arrive for now. Learning resumes if the stream does.
  void pause();

  void update(const LearningProgress &progress);

  // Whether the request of the properties has been learned.
  bool learned() const;

 private:
  mutable std::mutex mutex_;  // guards the members below
  bool running_ = false;
  LearnRequest next_;  // to begin with the next frame
  bool next_is_of_start_ = false;
  LearnRequest under_way_;
  LearnRequest before_;  // the request in progress when the newest one began
  bool learned_ = false;
};

// Reports the progress of learning: with warnings and information for the user and, if `post` is set, with a
// "uniad-learn" message of `source`. Called on the learner's thread.
void report_learning(GstElement *element, const LearningProgress &progress, bool post,
                     const std::string &source);

}  // namespace uniad
