// SPDX-License-Identifier: Apache-2.0
// A producer of librdkafka, and what became of each message.
#pragma once

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace uniad {

struct KafkaOptions {
  std::string brokers;  // HOST:PORT,HOST:PORT
  std::string topic;
  std::vector<std::pair<std::string, std::string>> options;  // of librdkafka; the last of a name counts
};

// What librdkafka reported last.
struct KafkaProblem {
  rd_kafka_resp_err_t code;
  std::string text;
};

// Keeps messages until brokers confirm them. While brokers are away, librdkafka reconnects by itself, and
// sends again what was not confirmed so that each message arrives once and in order. Only one thread may use
// it.
class KafkaProducer {
 public:
  // Throws Error if librdkafka does not accept an option. Does not connect.
  explicit KafkaProducer(const KafkaOptions &options);
  ~KafkaProducer() = default;  // gives up what has not been confirmed

  KafkaProducer(const KafkaProducer &) = delete;
  KafkaProducer &operator=(const KafkaProducer &) = delete;

  // Begins to deliver a message; the first one connects. Returns false if there is no room for it at present.
  bool add(const std::string &key, const std::string &value);

  // Lets time pass, and takes note of what has been decided.
  void poll(std::chrono::milliseconds longest);

  // The messages that were added and not yet taken: how many there are, and how many have been decided.
  std::size_t pending() const { return messages_.size(); }
  std::size_t decided() const { return decided_; }

  // Takes the oldest message if it has been decided: why it was not delivered, or no error.
  std::optional<rd_kafka_resp_err_t> take();

  // Whether a broker says that the topic can be written to, asked anew.
  bool finds_topic(std::chrono::milliseconds longest) const;

  // All brokers were found unreachable, and none has confirmed anything since.
  bool is_unreachable() const { return unreachable_; }
  // Only a new producer can go on.
  bool is_dead() const { return dead_; }
  const std::optional<KafkaProblem> &problem() const { return problem_; }
  void forget_problem();

 private:
  struct Message {
    bool is_decided = false;
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
  };
  struct Destroy {
    void operator()(rd_kafka_t *producer) const { rd_kafka_destroy(producer); }
    void operator()(rd_kafka_topic_t *topic) const { rd_kafka_topic_destroy(topic); }
  };

  void decide(Message &message, rd_kafka_resp_err_t error);
  void note_problem(rd_kafka_resp_err_t code, const char *text);
  static void on_delivery(rd_kafka_t *, const rd_kafka_message_t *message, void *self);
  static void on_error(rd_kafka_t *, int code, const char *text, void *self);

  std::string brokers_;
  std::deque<Message> messages_;  // librdkafka has pointers to those that are not decided
  std::size_t decided_ = 0;
  std::unique_ptr<rd_kafka_t, Destroy> producer_;
  std::unique_ptr<rd_kafka_topic_t, Destroy> topic_;
  std::optional<KafkaProblem> problem_;
  bool connected_ = false;
  bool unreachable_ = false;
  bool dead_ = false;
};

}  // namespace uniad
