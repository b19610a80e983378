// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/publish/mqtt_connection.h"

#include <glib.h>
#include <mqtt_protocol.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <random>
#include <system_error>
#include <utility>

#include "model/base/error.h"

namespace uniad {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int keep_alive_seconds = 15;
constexpr std::chrono::seconds time_to_connect(5);
constexpr std::chrono::seconds time_to_answer(10);
constexpr int poll_milliseconds = 50;

std::string new_client_id() {
  std::random_device random;
  g_autofree gchar *id = g_strdup_printf("uniad-%08x%08x", random(), random());
  return id;
}

// Without this, OpenSSL would ask at the terminal for the password of an encrypted key.
int no_password(char * /*buffer*/, int /*size*/, int /*writes*/, void * /*data*/) {
  return 0;
}

void check(int code, const char *what) {
  if (code == MOSQ_ERR_SUCCESS) return;
  throw Error(ErrorKind::InvalidArgument, what, mosquitto_strerror(code), "correct this property");
}

const char *hint(const std::string &reason) {
  const auto contains = [&](const char *word) { return reason.find(word) != reason.npos; };
  if (contains("ertificate") || contains("host name") || contains("SSL"))
    return "set ca-file to the authority of the broker's certificate, and use the name in that certificate";
  if (contains("uthori") || contains("password")) return "correct the user and the password in 'credentials'";
  return "check that the broker runs and can be reached";
}

}  // namespace

MqttConnection::MqttConnection(const MqttOptions &options, const MqttMessage &will,
                               const std::stop_token &stop) {
  static const int initialized = mosquitto_lib_init();
  check(initialized, "libmosquitto");
  // libmosquitto tries a single address of a host without waiting. Binding to an address of IPv4 or of IPv6
  // lets it choose one of that kind.
  std::optional<Failure> reason;
  for (const char *bind_address : {static_cast<const char *>(nullptr), "0.0.0.0", "::"}) {
    if (reach(options, will, bind_address, stop) || stop.stop_requested()) break;
    const bool explained = !last_error_.empty();  // a certificate, rather than an address
    if (!reason || explained) reason = failure_;
    if (explained) break;
  }
  if (failure_) failure_ = reason;
  if (failure_) return;
  if (!wait([this] { return connected_; }, time_to_connect, stop) && !failure_ && !stop.stop_requested())
    fail("it does not answer");
}

// Opens a socket to the broker, from this address of this machine if it is not null. Returns false if the
// host cannot be reached.
bool MqttConnection::reach(const MqttOptions &options, const MqttMessage &will, const char *bind_address,
                           const std::stop_token &stop) {
  failure_.reset();
  last_error_.clear();
  client_.reset(mosquitto_new(new_client_id().c_str(), true, this));
  if (!client_) throw Error(ErrorKind::OutOfMemory, options.host, "out of memory", "free some memory");
  set_options(options, will);
  set_callbacks();
  const int code = mosquitto_connect_bind_async(client_.get(), options.host.c_str(), options.port,
                                                keep_alive_seconds, bind_address);
  if (code != MOSQ_ERR_SUCCESS) {
    fail(code);
    return false;
  }
  const auto deadline = Clock::now() + time_to_connect;
  pollfd socket{mosquitto_socket(client_.get()), POLLOUT, 0};
  while (poll(&socket, 1, poll_milliseconds) == 0 && Clock::now() < deadline && !stop.stop_requested()) {
  }
  int error = 0;
  socklen_t size = sizeof error;
  if (socket.revents == 0)
    error = ETIMEDOUT;
  else
    getsockopt(socket.fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) fail(std::generic_category().message(error));
  return error == 0;
}

void MqttConnection::set_options(const MqttOptions &options, const MqttMessage &will) {
  mosquitto *client = client_.get();
  mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION,
                       options.version_5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311);
  if (options.tls && options.ca_file.empty()) mosquitto_int_option(client, MOSQ_OPT_TLS_USE_OS_CERTS, 1);
  const auto or_null = [](const std::string &text) { return text.empty() ? nullptr : text.c_str(); };
  if (options.tls && (!options.ca_file.empty() || !options.cert_file.empty()))
    check(mosquitto_tls_set(client, or_null(options.ca_file),
                            options.ca_file.empty() ? "/etc/ssl/certs" : nullptr, or_null(options.cert_file),
                            or_null(options.key_file), no_password),
          "ca-file, cert-file and key-file");
  if (!options.user.empty())
    check(mosquitto_username_pw_set(client, options.user.c_str(), or_null(options.password)), "credentials");
  check(mosquitto_will_set(client, will.topic.c_str(), static_cast<int>(will.payload.size()),
                           will.payload.data(), will.qos, will.retain),
        "location");
}

void MqttConnection::set_callbacks() {
  mosquitto *client = client_.get();
  mosquitto_connect_callback_set(client, [](mosquitto *, void *self, int code) {
    auto &connection = *static_cast<MqttConnection *>(self);
    connection.connected_ = code == 0;
    if (code != 0)
      connection.fail(code < MQTT_RC_UNSPECIFIED ? mosquitto_connack_string(code)
                                                 : mosquitto_reason_string(code));
  });
  mosquitto_disconnect_callback_set(client, [](mosquitto *, void *self, int code) {
    auto &connection = *static_cast<MqttConnection *>(self);
    if (!connection.failure_) connection.fail(code == 0 ? MOSQ_ERR_NO_CONN : code);
  });
  mosquitto_publish_v5_callback_set(
      client, [](mosquitto *, void *self, int message, int reason, const mosquitto_property *) {
        static_cast<MqttConnection *>(self)->answers_[message] = reason;
      });
  mosquitto_log_callback_set(client, [](mosquitto *, void *self, int level, const char *text) {
    if (level == MOSQ_LOG_ERR) static_cast<MqttConnection *>(self)->last_error_ = text;
  });
}

void MqttConnection::fail(const std::string &reason) {
  failure_ = Failure{reason, hint(reason)};
}

void MqttConnection::fail(int code) {
  if (!last_error_.empty()) return fail(last_error_);
  if (code == MOSQ_ERR_ERRNO) return fail(std::generic_category().message(errno));
  fail(code >= MQTT_RC_UNSPECIFIED ? mosquitto_reason_string(code) : mosquitto_strerror(code));
}

// Returns false if the connection has failed.
bool MqttConnection::step(std::chrono::milliseconds longest) {
  if (failure_) return false;
  pollfd descriptor{mosquitto_socket(client_.get()), POLLIN, 0};
  if (mosquitto_want_write(client_.get())) descriptor.events |= POLLOUT;
  if (descriptor.fd < 0) {
    fail(MOSQ_ERR_CONN_LOST);
    return false;
  }
  poll(&descriptor, 1, static_cast<int>(longest.count()));
  int code = MOSQ_ERR_SUCCESS;
  if ((descriptor.revents & (POLLIN | POLLERR | POLLHUP)) != 0) code = mosquitto_loop_read(client_.get(), 1);
  if (code == MOSQ_ERR_SUCCESS && (descriptor.revents & POLLOUT) != 0)
    code = mosquitto_loop_write(client_.get(), 1);
  if (code == MOSQ_ERR_SUCCESS) code = mosquitto_loop_misc(client_.get());
  if (code != MOSQ_ERR_SUCCESS && !failure_) fail(code);
  return !failure_;
}

// Waits until the condition holds. Returns false if the connection fails, `stop` is requested, or nothing has
// been answered for too long.
bool MqttConnection::wait(const std::function<bool()> &condition, std::chrono::milliseconds patience,
                          const std::stop_token &stop) {
  constexpr std::chrono::milliseconds slice(50);
  auto deadline = Clock::now() + patience;
  for (std::size_t answered = answers_.size(); !condition();) {
    if (stop.stop_requested() || Clock::now() > deadline || !step(slice)) return false;
    if (std::exchange(answered, answers_.size()) != answers_.size()) deadline = Clock::now() + patience;
  }
  return true;
}

std::vector<MqttConnection::Answer> MqttConnection::publish(const std::vector<MqttMessage> &messages,
                                                            const std::stop_token &stop) {
  answers_.clear();
  std::vector<Answer> result(messages.size());
  std::vector<int> numbers;
  for (const MqttMessage &message : messages) {
    int number = 0;
    const int code = mosquitto_publish(client_.get(), &number, message.topic.c_str(),
                                       static_cast<int>(message.payload.size()), message.payload.data(),
                                       message.qos, message.retain);
    if (code == MOSQ_ERR_PAYLOAD_SIZE || code == MOSQ_ERR_OVERSIZE_PACKET) {
      number = -static_cast<int>(numbers.size()) - 1;
      answers_[number] = MQTT_RC_PACKET_TOO_LARGE;
    } else if (code != MOSQ_ERR_SUCCESS) {
      fail(code);
      break;
    }
    numbers.push_back(number);
  }
  const bool answered = wait([&] { return answers_.size() >= numbers.size(); }, time_to_answer, stop);
  if (!answered && !failure_ && !stop.stop_requested()) fail("it does not confirm what it receives");
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto answer = answers_.find(numbers[i]);
    if (answer == answers_.end()) continue;
    result[i].taken = true;
    if (answer->second >= MQTT_RC_UNSPECIFIED) result[i].refusal = mosquitto_reason_string(answer->second);
  }
  return result;
}

void MqttConnection::disconnect() {
  if (mosquitto_disconnect(client_.get()) == MOSQ_ERR_SUCCESS)
    wait([this] { return mosquitto_socket(client_.get()) < 0; }, std::chrono::milliseconds(200), {});
}

}  // namespace uniad
