// SPDX-License-Identifier: Apache-2.0
// The names of MQTT topics, and the descriptions by which Home Assistant finds them.
#pragma once

#include <string>
#include <utility>

namespace uniad {

// The part of a topic that names a source: PREFIX/SOURCE/event. Characters that topics cannot contain or that
// have a meaning in them, such as / + and #, are percent-encoded, and a name of more than 200 bytes ends in a
// checksum instead.
std::string topic_level(const std::string &source);

// The prefix of all topics, without slashes at its ends. Throws Error if it is none.
std::string topic_prefix(const std::string &path);

struct Discovery {
  std::string topic;
  std::string payload;
};

// For a binary sensor that is on during an event, a sensor that shows the score, and a camera that shows the
// picture of the newest event.
Discovery alarm_discovery(const std::string &prefix, const std::string &source);
Discovery score_discovery(const std::string &prefix, const std::string &source);
Discovery camera_discovery(const std::string &prefix, const std::string &source);

}  // namespace uniad
