// SPDX-License-Identifier: Apache-2.0
#include "training/data/pipeline.h"

#include <future>
#include <memory>
#include <thread>
#include <utility>

namespace uniad {

Pipeline::Pipeline(const std::string &description, const std::string &hint) {
  require_gstreamer();
  GError *raw_error = nullptr;
  pipeline_.reset(gst_parse_launch(description.c_str(), &raw_error));
  if (const Ref<GError> error(raw_error); error)
    throw Error(ErrorKind::Malformed, "GStreamer", error->message, hint);
}

// Stopping waits for every streaming thread. A decoder in an endless loop, or a network source that has
// missed its wake-up, never ends its thread, so the wait happens in a separate thread.
bool stop(Ref<GstElement> pipeline, std::chrono::milliseconds patience) {
  auto stopped = std::make_shared<std::promise<void>>();
  const std::future<void> done = stopped->get_future();
  std::thread([pipeline = std::move(pipeline), stopped] {
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
    stopped->set_value();
  }).detach();
  return done.wait_for(patience) == std::future_status::ready;
}

Pipeline::~Pipeline() {
  stop();
}

Ref<GstElement> Pipeline::find(const char *name) const {
  return Ref<GstElement>(gst_bin_get_by_name(GST_BIN(pipeline_.get()), name));
}

Ref<GstBus> Pipeline::bus() const {
  return Ref<GstBus>(gst_element_get_bus(pipeline_.get()));
}

bool Pipeline::play() {
  return gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE;
}

bool Pipeline::stop() {
  return !pipeline_ || uniad::stop(std::move(pipeline_));
}

}  // namespace uniad
