// SPDX-License-Identifier: Apache-2.0
// One connection to an MQTT broker.
#pragma once

#include <mosquitto.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "gst-plugin/publish/sink.h"

namespace uniad {

struct MqttOptions {
  std::string host;
  int port = 0;
  bool tls = false;
  bool version_5 = false;
  int qos = 1;
  std::string user;
  std::string password;
  std::string ca_file;  // empty: the certificates of the system
  std::string cert_file;
  std::string key_file;
};

struct MqttMessage {
  std::string topic;
  std::string payload;
  int qos;
  bool retain;
};

// A client from its connection to its end; after a failure, a new one takes its place. Runs in the thread of
// its caller.
class MqttConnection {
 public:
  // Connects. `will` is what the broker publishes if the connection is lost. Throws Error if the options are
  // not accepted; failure() tells if the broker cannot be reached.
  MqttConnection(const MqttOptions &options, const MqttMessage &will, const std::stop_token &stop);

  // Why the connection cannot be used, if so.
  const std::optional<Failure> &failure() const { return failure_; }

  // Publishes and waits until the broker has taken everything, or until the connection fails or `stop` is
  // requested. For each message, whether it was taken; a message that the broker refuses has a reason.
  struct Answer {
    bool taken = false;
    std::string refusal;
  };
  std::vector<Answer> publish(const std::vector<MqttMessage> &messages, const std::stop_token &stop);

  // Answers the broker, and asks it for a sign of life when it is time.
  void keep_alive() { step(std::chrono::milliseconds(0)); }

  void disconnect();

 private:
  struct Destroy {
    void operator()(mosquitto *client) const { mosquitto_destroy(client); }
  };

  bool reach(const MqttOptions &options, const MqttMessage &will, const char *bind_address,
             const std::stop_token &stop);
  void set_options(const MqttOptions &options, const MqttMessage &will);
  void set_callbacks();
  bool step(std::chrono::milliseconds longest);
  bool wait(const std::function<bool()> &condition, std::chrono::milliseconds patience,
            const std::stop_token &stop);
  void fail(const std::string &reason);
  void fail(int code);

  std::string name_;
  std::unique_ptr<mosquitto, Destroy> client_;
  std::optional<Failure> failure_;
  std::string last_error_;  // of the library's log, which says more than its codes
  bool connected_ = false;
  std::map<int, int> answers_;  // from the number of a message to the reason code of the broker
};

}  // namespace uniad
