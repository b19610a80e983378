// SPDX-License-Identifier: Apache-2.0
#include "pipelines/uniad-rtsp/http/message.h"

#include <libsoup/soup.h>

#include "model/base/json_text.h"

namespace uniad::rtsp {

Response json_response(const nlohmann::ordered_json &json, unsigned status) {
  return {status, "application/json", json_text(json) + "\n"};
}

Response problem(unsigned status, const std::string &detail) {
  Response response = json_response({{"type", "about:blank"},
                                     {"title", soup_status_get_phrase(status)},
                                     {"status", status},
                                     {"detail", detail}},
                                    status);
  response.type = "application/problem+json";
  return response;
}

}  // namespace uniad::rtsp
