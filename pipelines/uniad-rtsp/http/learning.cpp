// SPDX-License-Identifier: Apache-2.0
#include "pipelines/uniad-rtsp/http/learning.h"

#include <chrono>
#include <optional>
#include <string>

#include "pipelines/uniad-rtsp/base/units.h"

namespace uniad::rtsp {
namespace {

using Json = nlohmann::ordered_json;

constexpr auto ways = "send {\"time\": \"30s\"} or {\"frames\": 400}, or nothing";

std::optional<LearnOrder> order_for(const Json &value, const std::string &key) {
  LearnOrder order;
  if (key == "frames" && value.is_number_integer()) {
    const auto frames = value.get<std::int64_t>();
    if (frames < 1 || frames > 1'000'000) return std::nullopt;
    order.frames = static_cast<unsigned>(frames);
    return order;
  }
  const auto time = key == "time" && value.is_string() ? parse_time(value.get<std::string>()) : std::nullopt;
  if (!time || !(*time >= std::chrono::seconds(1) && *time <= std::chrono::hours(24))) return std::nullopt;
  order.time = std::chrono::duration_cast<std::chrono::nanoseconds>(*time);
  return order;
}

std::optional<LearnOrder> order_of(const std::string &body) {
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object() || json.size() != 1) return std::nullopt;
  return order_for(json.begin().value(), json.begin().key());
}

}  // namespace

void answer_learn(const Site &, const Request &request, const Respond &respond) {
  const CameraAccess &camera = *request.camera;
  if (!camera.is_judged)
    return respond(problem(409, "this camera has no model; set `model` in its configuration"));
  const bool is_empty = request.body.find_first_not_of(" \t\r\n") == std::string::npos;
  const auto order = is_empty ? camera.usual_learning : order_of(request.body);
  if (!order && is_empty)
    return respond(problem(409,
                           "the configuration of this camera does not say how much to learn; send "
                           "{\"time\": \"30s\"} or {\"frames\": 400}"));
  if (!order)
    return respond(problem(400, std::string("the body is not a time from 1s to 24h or a number of frames up "
                                            "to 1000000; ") +
                                    ways));
  camera.status.order_learning(*order);
  const auto seconds = std::chrono::duration<double>(order->time).count();
  respond(
      json_response(order->frames > 0 ? Json{{"frames", order->frames}} : Json{{"seconds", seconds}}, 202));
}

}  // namespace uniad::rtsp
