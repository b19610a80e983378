// SPDX-License-Identifier: Apache-2.0
#include "pipelines/uniad-rtsp/http/camera_json.h"

namespace uniad::rtsp {
namespace {

using Json = nlohmann::ordered_json;

double seconds_of(std::uint64_t nanoseconds) {
  return static_cast<double>(nanoseconds) / 1e9;
}

void add_format(Json &json, const GstVideoInfo &format) {
  json["width"] = format.width;
  json["height"] = format.height;
  if (format.fps_n > 0 && format.fps_d > 0)
    json["frame_rate"] = static_cast<double>(format.fps_n) / format.fps_d;
}

void add_result(Json &json, const NewestResult &result) {
  json["score"] = result.score;
  if (result.threshold) json["threshold"] = *result.threshold;
  json["anomalous"] = result.is_anomalous;
  if (result.motion_score) json["motion_score"] = *result.motion_score;
}

Json learning_json(const LearningProgress &learning) {
  Json json{{"state", learning.state}, {"progress", learning.share()}, {"frames", learning.frames}};
  if (learning.wanted_frames > 0) json["wanted_frames"] = learning.wanted_frames;
  json["seconds"] = seconds_of(learning.time);
  if (learning.wanted_time > 0) json["wanted_seconds"] = seconds_of(learning.wanted_time);
  return json;
}

}  // namespace

Json camera_json(const CameraAccess &camera) {
  const CameraFigures figures = camera.status.figures();
  Json json{{"name", camera.name}, {"state", name_of(figures.state)}};
  if (!figures.reason.empty()) json["reason"] = figures.reason;
  json["stream"] = camera.stream;
  json["viewers"] = camera.viewers();
  if (figures.format) add_format(json, *figures.format);
  json["judged"] = camera.is_judged;
  json["frames"] = figures.frames;
  if (figures.newest) add_result(json, *figures.newest);
  if (figures.learning) json["learning"] = learning_json(*figures.learning);
  return json;
}

}  // namespace uniad::rtsp
