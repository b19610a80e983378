// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/publish/kafka_producer.h"

#include <array>

#include "gst-plugin/publish/debug.h"
#include "model/base/error.h"

namespace uniad {

namespace {

constexpr std::size_t longest_text = 512;

struct DestroyConf {
  void operator()(rd_kafka_conf_t *conf) const { rd_kafka_conf_destroy(conf); }
};
using Conf = std::unique_ptr<rd_kafka_conf_t, DestroyConf>;

// What differs from librdkafka's defaults; the user's options come after them.
constexpr std::array<std::pair<const char *, const char *>, 10> own_options{{
    {"client.id", "uniad-gst"},
    {"enable.idempotence", "true"},
    {"partitioner", "murmur2"},                     // that of Java's producer, also for an empty key
    {"message.timeout.ms", "0"},                    // the publisher decides what is given up
    {"batch.size", "65536"},                        // a broker refuses a batch as a whole if it is too large
    {"topic.metadata.propagation.max.ms", "3000"},  // how long a topic may be unknown
    {"reconnect.backoff.max.ms", "1000"},
    {"socket.connection.setup.timeout.ms", "5000"},
    {"socket.timeout.ms", "10000"},
    {"socket.keepalive.enable", "true"},
}};

// Values may be secret, and librdkafka's messages quote them.
[[noreturn]] void refuse_option(const std::string &name) {
  throw Error(ErrorKind::InvalidArgument, "kafka-properties",
              "librdkafka does not accept the option " + name + " or its value",
              "correct it as in librdkafka's CONFIGURATION.md");
}

void set_option(rd_kafka_conf_t *conf, const std::string &name, const std::string &value) {
  std::array<char, longest_text> reason{};
  if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), reason.data(), reason.size()) != RD_KAFKA_CONF_OK)
    refuse_option(name);
}

// GST_DEBUG=uniadpublish:7 shows what librdkafka logs.
void write_log(const rd_kafka_t *, int, const char *place, const char *text) {
  GST_TRACE("librdkafka: %s: %s", place, text);
}

std::string without_values(std::string text, const KafkaOptions &options) {
  constexpr std::size_t shortest = 4;  // shorter ones are numbers and switches
  for (const auto &[name, value] : options.options)
    for (auto at = text.find(value); value.size() >= shortest && at != text.npos;
         at = text.find(value, at + 3))
      text.replace(at, value.size(), "***");
  return text;
}

}  // namespace

KafkaProducer::KafkaProducer(const KafkaOptions &options) : brokers_(options.brokers) {
  Conf conf(rd_kafka_conf_new());
  rd_kafka_conf_set_opaque(conf.get(), this);
  rd_kafka_conf_set_dr_msg_cb(conf.get(), &KafkaProducer::on_delivery);
  rd_kafka_conf_set_error_cb(conf.get(), &KafkaProducer::on_error);
  rd_kafka_conf_set_log_cb(conf.get(), &write_log);
  for (const auto &[name, value] : own_options) set_option(conf.get(), name, value);
  for (const auto &[name, value] : options.options) set_option(conf.get(), name, value);
  std::array<char, longest_text> reason{};
  producer_.reset(rd_kafka_new(RD_KAFKA_PRODUCER, conf.get(), reason.data(), reason.size()));
  if (!producer_)
    throw Error(ErrorKind::InvalidArgument, "kafka://", without_values(reason.data(), options),
                "correct the options in 'kafka-properties', or 'ca-file', 'cert-file' and 'key-file'");
  static_cast<void>(conf.release());  // the producer owns it now
  topic_.reset(rd_kafka_topic_new(producer_.get(), options.topic.c_str(), nullptr));
  if (!topic_)
    throw Error(ErrorKind::InvalidArgument, "kafka://", rd_kafka_err2str(rd_kafka_last_error()),
                "correct the topic in the property 'location'");
}

void KafkaProducer::decide(Message &message, rd_kafka_resp_err_t error) {
  message = {true, error};
  ++decided_;
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) unreachable_ = false;
}

void KafkaProducer::on_delivery(rd_kafka_t *, const rd_kafka_message_t *message, void *self) {
  static_cast<KafkaProducer *>(self)->decide(*static_cast<Message *>(message->_private), message->err);
}

void KafkaProducer::on_error(rd_kafka_t *, int code, const char *text, void *self) {
  static_cast<KafkaProducer *>(self)->note_problem(static_cast<rd_kafka_resp_err_t>(code), text);
}

// That all brokers are down says less than why the last of them is.
void KafkaProducer::note_problem(rd_kafka_resp_err_t code, const char *text) {
  if (code == RD_KAFKA_RESP_ERR__FATAL) {
    std::array<char, longest_text> reason{};
    code = rd_kafka_fatal_error(producer_.get(), reason.data(), reason.size());
    dead_ = true;
    problem_ = {code, reason.data()};
    return;
  }
  const bool all = code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
  if (all) unreachable_ = true;
  if (!all || !problem_) problem_ = {code, text};
}

void KafkaProducer::forget_problem() {
  problem_.reset();
  unreachable_ = false;
}

bool KafkaProducer::add(const std::string &key, const std::string &value) {
  if (!std::exchange(connected_, true)) rd_kafka_brokers_add(producer_.get(), brokers_.c_str());
  Message &message = messages_.emplace_back();
  const int added =
      rd_kafka_produce(topic_.get(), RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
                       const_cast<char *>(value.data()), value.size(), key.data(), key.size(), &message);
  if (added == 0) return true;
  const rd_kafka_resp_err_t error = rd_kafka_last_error();
  if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
    messages_.pop_back();
    return false;
  }
  decide(message, error);
  return true;
}

void KafkaProducer::poll(std::chrono::milliseconds longest) {
  rd_kafka_poll(producer_.get(), static_cast<int>(longest.count()));
}

bool KafkaProducer::finds_topic(std::chrono::milliseconds longest) const {
  const struct rd_kafka_metadata *found = nullptr;
  const auto error =
      rd_kafka_metadata(producer_.get(), 0, topic_.get(), &found, static_cast<int>(longest.count()));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return false;
  const bool finds = found->topic_cnt == 1 && found->topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR;
  rd_kafka_metadata_destroy(found);
  return finds;
}

std::optional<rd_kafka_resp_err_t> KafkaProducer::take() {
  if (messages_.empty() || !messages_.front().is_decided) return std::nullopt;
  const rd_kafka_resp_err_t error = messages_.front().error;
  messages_.pop_front();
  --decided_;
  return error;
}

}  // namespace uniad
