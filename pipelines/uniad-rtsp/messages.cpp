// SPDX-License-Identifier: Apache-2.0
#include "pipelines/uniad-rtsp/messages.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <string_view>

#include "model/base/address.h"

namespace uniad::rtsp {
namespace {

void log_event(const CameraConfig &camera, const GstStructure *event) {
  const char *state = gst_structure_get_string(event, "state");
  double score = 0;
  gst_structure_get_double(event, "score", &score);
  spdlog::info("{}: anomaly {}, score {:.4g}", camera.name, state != nullptr ? state : "seen", score);
}

void log_learned(const CameraConfig &camera, const GstStructure *learning, guint64 frames) {
  double threshold = 0;
  if (gst_structure_get_double(learning, "threshold", &threshold) != FALSE)
    spdlog::info("{}: learning finished after {} frames, threshold {:.4g}", camera.name, frames, threshold);
  else
    spdlog::info("{}: learning finished after {} frames, without a threshold", camera.name, frames);
}

// Returns "120 of 400 frames" or "12 of 30 s", in the unit that was requested.
std::string progress(const GstStructure *learning) {
  const auto read = [learning](const char *field) {
    guint64 number = 0;
    gst_structure_get_uint64(learning, field, &number);
    return number;
  };
  if (read("wanted") > 0)
    return std::to_string(read("frames")) + " of " + std::to_string(read("wanted")) + " frames";
  return std::to_string(read("time") / GST_SECOND) + " of " +
         std::to_string(read("wanted-time") / GST_SECOND) + " s";
}

void log_learning(const CameraConfig &camera, const GstStructure *learning) {
  const char *text = gst_structure_get_string(learning, "state");
  const std::string_view state = text != nullptr ? text : "";
  guint64 frames = 0;
  gst_structure_get_uint64(learning, "frames", &frames);
  const char *warnings = gst_structure_get_string(learning, "remarks");
  if (state == "learning" && warnings != nullptr)
    spdlog::info("{}: {}", camera.name, warnings);  // learning resumes or starts over
  else if (state == "learning")
    spdlog::info("{}: learning, {}", camera.name, progress(learning));
  else if (state == "interrupted")
    spdlog::info("{}: learning was interrupted at {} and will resume when frames arrive again", camera.name,
                 progress(learning));
  else if (state == "done")
    log_learned(camera, learning, frames);
  else if (state == "saved")
    spdlog::info("{}: what was learned was saved in {}", camera.name, camera.model->string());
  else if (state == "failed")
    spdlog::error("{}: learning failed", camera.name);  // the element's warning contains the reason
}

void log_element_message(const CameraConfig &camera, GstMessage *message) {
  const GstStructure *fields = gst_message_get_structure(message);
  if (gst_message_has_name(message, "uniad-event") != FALSE) log_event(camera, fields);
  if (gst_message_has_name(message, "uniad-learn") != FALSE) log_learning(camera, fields);
}

std::string warning_text(const CameraConfig &camera, GstMessage *message) {
  g_autoptr(GError) warning = nullptr;
  gst_message_parse_warning(message, &warning, nullptr);
  return redacted(warning->message, camera.uri);
}

}  // namespace

std::string error_text(const CameraConfig &camera, GstMessage *message) {
  g_autoptr(GError) error = nullptr;
  g_autofree char *debug = nullptr;
  gst_message_parse_error(message, &error, &debug);
  std::string details = debug != nullptr ? debug : "";
  details.erase(0, std::min(details.find('\n'), details.size()));
  std::replace(details.begin(), details.end(), '\n', ' ');
  return redacted(error->message + details, camera.uri);
}

void log_message(const CameraConfig &camera, GstMessage *message) {
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING)
    spdlog::warn("{}: {}", camera.name, warning_text(camera, message));
  else
    log_element_message(camera, message);
}

}  // namespace uniad::rtsp
