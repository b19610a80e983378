// SPDX-License-Identifier: Apache-2.0
#include "pipelines/uniad-rtsp/check.h"

#include <fcntl.h>
#include <glib.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <functional>
#include <optional>
#include <system_error>

#include "model/base/address.h"
#include "model/base/error.h"
#include "model/base/json_text.h"
#include "model/file/writable.h"
#include "pipelines/uniad-rtsp/capture.h"
#include "pipelines/uniad-rtsp/messages.h"
#include "pipelines/uniad-rtsp/relay.h"

namespace uniad::rtsp {
namespace {

constexpr GstClockTime time_to_open = 20 * GST_SECOND;

std::string last_error() {
  return std::generic_category().message(errno);
}

// Opens the file in the same mode as its later user, without changing it.
std::optional<std::string> why_unopenable(const std::string &file, int flags) {
  const int fd = open(file.c_str(), flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0 && errno != ENXIO) return last_error();  // ENXIO: no process reads the named pipe yet
  if (fd >= 0) close(fd);
  return std::nullopt;
}

std::optional<std::string> source_obstacle(const CameraConfig &camera) {
  if (camera.kind != SourceKind::file && camera.kind != SourceKind::device) return std::nullopt;
  const bool is_file = camera.kind == SourceKind::file;
  const std::string path =
      is_file ? local_path(camera.uri).value_or(camera.uri) : camera.uri.substr(sizeof("v4l2://") - 1);
  std::error_code unreadable;
  const auto why = is_file && std::filesystem::is_directory(path, unreadable)
                       ? "it is a folder"
                       : why_unopenable(path, O_RDONLY);
  if (!why) return std::nullopt;
  return "cannot open " + without_credentials(path) + ": " + *why +
         (is_file ? " (use a video file)" : " (connect the camera, or correct `uri`)");
}

std::optional<std::string> model_obstacle(const CameraConfig &camera) {
  if (!camera.model || !camera.learns()) return std::nullopt;
  const auto folder = camera.model->parent_path();
  const auto why = why_unwritable(folder);
  if (!why) return std::nullopt;
  return "the model cannot be saved in " + folder.string() + ": " + *why +
         " (give this user write permission there, or correct `model`)";
}

std::optional<std::string> publish_obstacle(const CameraConfig &camera) {
  if (!camera.model || !camera.publishes_to_file()) return std::nullopt;
  const std::filesystem::path file = local_path(camera.publish).value_or(camera.publish);
  std::error_code unreadable;
  const bool is_there = std::filesystem::exists(file, unreadable);
  std::optional<std::string> why;
  if (holds_other_than_json(file))
    return without_credentials(file.string()) + " is not a JSON file (choose another file)";
  if (is_there) why = why_unopenable(file.string(), O_WRONLY | O_APPEND);
  if (!why && (!is_there || camera.rotates_files())) why = why_unwritable(file.parent_path());
  if (!why) return std::nullopt;
  return "cannot write " + without_credentials(file.string()) + ": " + *why +
         " (choose a file in a folder that exists and is writable for this user)";
}

// Starts the element, which opens its model or reads the settings for its broker. Returns why it does not
// start.
std::optional<std::string> why_not_starting(const std::string &element, const CameraConfig &camera,
                                            const std::function<void(GstElement *)> &set_up) {
  const Pipeline pipeline = parse_pipeline(element + " name=checked ! fakesink");
  with_element(pipeline.get(), "checked", set_up);
  g_autoptr(GstBus) bus = gst_element_get_bus(pipeline.get());
  if (gst_element_set_state(pipeline.get(), GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE)
    return std::nullopt;
  g_autoptr(GstMessage) message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
  return message != nullptr ? error_text(camera, message) : element + " cannot start";
}

void check_publishing(const CameraConfig &camera) {
  if (const auto reason = why_not_starting("uniadpublish", camera,
                                           [&](GstElement *publish) { set_publishing(publish, camera); }))
    throw Error(ErrorKind::InvalidArgument, camera.place("publish"), *reason, "correct `publish`");
}

std::optional<std::string> why_not_detecting(const CameraConfig &camera) {
  return why_not_starting("uniaddetect", camera, [&](GstElement *detect) { set_detection(detect, camera); });
}

// The element's error does not say which setting it is about, so each is tried alone.
void check_detection(const CameraConfig &camera) {
  const auto reason = why_not_detecting(camera);
  if (!reason) return;
  CameraConfig tried = camera;
  tried.detect.clear();
  if (camera.detect.empty() || why_not_detecting(tried))
    throw Error(ErrorKind::InvalidArgument, camera.place("model"), *reason,
                begins_model(camera) ? "correct `model` or `backbone`" : "correct `model`");
  for (const auto &setting : camera.detect) {
    tried.detect = {setting};
    if (const auto own = why_not_detecting(tried))
      throw Error(ErrorKind::InvalidArgument, setting.place, *own, "correct `" + setting.property + "`");
  }
  throw Error(ErrorKind::InvalidArgument, camera.place("detect"), *reason, "correct [camera.detect]");
}

}  // namespace

std::vector<std::string> find_obstacles(const CameraConfig &camera) {
  std::vector<std::string> found;
  const auto look = [&](const char *key, const std::optional<std::string> &obstacle) {
    if (obstacle) found.push_back(camera.place(key) + ": " + *obstacle);
  };
  look("uri", source_obstacle(camera));
  look("model", model_obstacle(camera));
  look("publish", publish_obstacle(camera));
  return found;
}

std::optional<std::string> why_unplayable(const CameraConfig &camera) {
  if (camera.kind != SourceKind::file) return std::nullopt;
  CameraConfig unjudged = camera;
  unjudged.model.reset();
  const Pipeline pipeline = make_capture(unjudged, {});
  g_autoptr(GstBus) bus = gst_element_get_bus(pipeline.get());
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  constexpr auto kinds = static_cast<GstMessageType>(GST_MESSAGE_ERROR | GST_MESSAGE_ASYNC_DONE);
  g_autoptr(GstMessage) message = gst_bus_timed_pop_filtered(bus, time_to_open, kinds);
  if (message == nullptr)
    return camera.place("uri") + ": no frame arrives from " + without_credentials(camera.uri);
  if (GST_MESSAGE_TYPE(message) != GST_MESSAGE_ERROR) return std::nullopt;
  return camera.place("uri") + ": " + source_error(pipeline.get(), camera, message);
}

void check_camera(const CameraConfig &camera) {
  make_placeholder("", Relay().format());
  make_capture(camera, {});
  if (!camera.model) return;
  if (camera.publishes_to_broker()) check_publishing(camera);
  check_detection(camera);
}

}  // namespace uniad::rtsp
