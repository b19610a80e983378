// SPDX-License-Identifier: Apache-2.0
// What an element was asked to learn, and how far that is.
#pragma once

#include <gst/gst.h>

#include <mutex>
#include <optional>
#include <string>

#include "gst-plugin/detect/settings.h"
#include "model/engine/learning.h"

namespace uniad {

// Its functions may be called on any thread.
class LearningSession {
 public:
  // The properties ask for something: what was learned for others before does not count any more. While the
  // element runs, it learns that next.
  void set_wanted(const LearnRequest &wanted);

  // From here on the application may ask, and what the properties want is begun: once. A camera that was lost
  // and comes back must not teach what is in view by then.
  void start(const LearnRequest &wanted);
  void stop();

  // Asks for learning with the next frame. Nothing happens while the element is stopped.
  void ask(const LearnRequest &request);

  struct Begin {
    LearnRequest request;
    bool of_start = false;  // the properties', not the application's while it plays
  };
  // What is to be begun with this frame. The caller says how that went: known() where there was nothing to
  // learn, refused() where it could not begin, nothing where it has.
  std::optional<Begin> take();
  void known();
  void refused();

  // No more frames come for now. Should the stream go on, so does learning.
  void pause();

  void update(const LearningProgress &progress);

  // Whether what the properties want was learned.
  bool learned() const;

 private:
  mutable std::mutex mutex_;  // guards what follows
  bool running_ = false;
  LearnRequest next_;  // to begin with the next frame
  bool next_is_of_start_ = false;
  LearnRequest under_way_;
  LearnRequest before_;  // what was under way when the newest began
  bool learned_ = false;
};

// Says how learning goes: by warnings and information for the user and, where `post` is set, by a message
// "uniad-learn" of `source`. On the learner's thread.
void report_learning(GstElement *element, const LearningProgress &progress, bool post,
                     const std::string &source);

}  // namespace uniad
