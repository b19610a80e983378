// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/detect/learning_session.h"

#include <utility>

#include "gst-plugin/detect/debug.h"
#include "gst-plugin/detect/verdict.h"

namespace uniad {

void LearningSession::set_wanted(const LearnRequest &wanted) {
  const std::lock_guard lock(mutex_);
  learned_ = false;
  if (!running_) return;
  next_ = wanted;
  next_is_of_start_ = false;
}

void LearningSession::start(const LearnRequest &wanted) {
  const std::lock_guard lock(mutex_);
  running_ = true;
  if (!learned_) next_ = wanted;
  next_is_of_start_ = true;
}

void LearningSession::stop() {
  const std::lock_guard lock(mutex_);
  running_ = false;
  next_ = {};
  under_way_ = {};
}

void LearningSession::ask(const LearnRequest &request) {
  const std::lock_guard lock(mutex_);
  if (!running_) return;
  next_ = request;
  next_is_of_start_ = false;
}

std::optional<LearningSession::Begin> LearningSession::take() {
  const std::lock_guard lock(mutex_);
  const LearnRequest request = std::exchange(next_, {});
  if (!request) return std::nullopt;
  before_ = std::exchange(under_way_, request);
  return Begin{request, next_is_of_start_};
}

void LearningSession::known() {
  const std::lock_guard lock(mutex_);
  learned_ = true;
  under_way_ = {};
}

void LearningSession::refused() {
  const std::lock_guard lock(mutex_);
  under_way_ = before_;
}

void LearningSession::pause() {
  const std::lock_guard lock(mutex_);
  if (under_way_) next_ = under_way_;
}

void LearningSession::update(const LearningProgress &progress) {
  using State = LearningProgress::State;
  const std::lock_guard lock(mutex_);
  if (progress.state == State::Done) learned_ = true;
  if (progress.state == State::Done || progress.state == State::Failed) under_way_ = {};
}

bool LearningSession::learned() const {
  const std::lock_guard lock(mutex_);
  return learned_;
}

namespace {

std::string interruption_text(const LearningProgress &learning) {
  if (learning.frames == 0) return "Learning has not begun: no frame came that could be learned from.";
  const std::string kept = learning.kept.empty()
                               ? "What was learned could not be written and is kept until this process ends."
                               : "What was learned is kept in \"" + learning.kept.string() + "\".";
  return "Learning is not finished: the stream ended after " + learning.progress_text() +
         ", and no model was written from them. " + kept +
         " Learning resumes from it when it is asked for again, with more footage; to accept what came, ask "
         "for as much: learn=" +
         std::to_string(learning.frames) + ".";
}

}  // namespace

void report_learning(GstElement *element, const LearningProgress &learning, bool post,
                     const std::string &source) {
  using State = LearningProgress::State;
  switch (learning.state) {
    case State::Learning:
      if (!learning.failure.empty())
        GST_ELEMENT_WARNING(element, RESOURCE, READ, ("%s", learning.failure.c_str()), (nullptr));
      for (const std::string &warning : learning.warnings)  // twice: gst-launch-1.0 prints only the details
        GST_ELEMENT_INFO(element, STREAM, FAILED, ("%s: %s", learning.source.c_str(), warning.c_str()),
                         ("%s: %s", learning.source.c_str(), warning.c_str()));
      break;
    case State::Done:
      GST_INFO_OBJECT(element, "learned from %" G_GINT64_FORMAT " frames", learning.frames);
      break;
    case State::Failed:
      GST_ELEMENT_WARNING(element, STREAM, FAILED, ("%s", learning.failure.c_str()), (nullptr));
      break;
    case State::Interrupted:
      GST_ELEMENT_WARNING(element, STREAM, FAILED, ("%s", interruption_text(learning).c_str()), (nullptr));
      break;
    case State::Unsaved:
      GST_ELEMENT_WARNING(element, RESOURCE, WRITE,
                          ("What was learned is in use but could not be saved, and will be tried again: %s",
                           learning.failure.c_str()),
                          (nullptr));
      break;
    case State::Saved:
      break;
  }
  if (learning.state == State::Done)
    for (const std::string &warning : learning.warnings)
      GST_ELEMENT_WARNING(element, STREAM, FAILED,
                          ("Learning %s: %s", learning.source.c_str(), warning.c_str()), (nullptr));
  if (!post) return;
  gst_element_post_message(
      element, gst_message_new_element(GST_OBJECT(element), learning_structure(learning, source)));
}

}  // namespace uniad
