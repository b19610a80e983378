// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/publish/kafka_sink.h"

#include <gtest/gtest.h>
#include <librdkafka/rdkafka_mock.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "model/base/error.h"

namespace uniad::test {
namespace {

struct DestroyKafka {
  void operator()(rd_kafka_t *client) const { rd_kafka_destroy(client); }
  void operator()(rd_kafka_mock_cluster_t *cluster) const { rd_kafka_mock_cluster_destroy(cluster); }
};
using Client = std::unique_ptr<rd_kafka_t, DestroyKafka>;

Client new_client(rd_kafka_type_t type, const std::vector<std::pair<const char *, std::string>> &options) {
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  for (const auto &[name, value] : options)
    EXPECT_EQ(rd_kafka_conf_set(conf, name, value.c_str(), nullptr, 0), RD_KAFKA_CONF_OK);
  return Client(rd_kafka_new(type, conf, nullptr, 0));
}

PublishedResult kafka_line(const std::string &source, int number, std::size_t padding = 0) {
  return {nullptr, false, false,
          R"({"source":")" + source + R"(","pts":)" + std::to_string(number) + R"(,"padding":")" +
              std::string(padding, 'x') + "\"}"};
}

struct Received {
  std::string key, value;
  int partition;
};

// A broker within librdkafka, with four partitions for each topic.
class KafkaSinkTest : public testing::Test {
 protected:
  static constexpr const char *topic = "plant";
  static constexpr std::int16_t produce = 0, new_producer_id = 22;  // requests of Kafka's protocol

  KafkaSinkTest()
      : host_(new_client(RD_KAFKA_PRODUCER, {})), cluster_(rd_kafka_mock_cluster_new(host_.get(), 1)) {
    brokers_ = rd_kafka_mock_cluster_bootstraps(cluster_.get());
    rd_kafka_mock_topic_create(cluster_.get(), topic, 4, 1);
  }

  KafkaOptions options(const std::vector<std::pair<std::string, std::string>> &more = {}) const {
    return {brokers_, topic, more};
  }

  // Delivers until everything is done or a delivery fails, as the publisher does.
  static Delivery deliver(KafkaSink &sink, std::vector<PublishedResult> &results) {
    const Delivery delivery = sink.deliver(results, {});
    results.erase(results.begin(), results.begin() + static_cast<std::ptrdiff_t>(delivery.done));
    return delivery;
  }
  static void deliver_all(KafkaSink &sink, std::vector<PublishedResult> &results) {
    while (!results.empty()) deliver(sink, results);
  }

  std::vector<Received> receive(std::size_t count) const {
    const Client consumer = new_client(
        RD_KAFKA_CONSUMER,
        {{"bootstrap.servers", brokers_}, {"group.id", "test"}, {"auto.offset.reset", "earliest"}});
    rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(4);
    for (int partition = 0; partition < 4; ++partition)
      rd_kafka_topic_partition_list_add(all, topic, partition)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_poll_set_consumer(consumer.get());
    EXPECT_EQ(rd_kafka_assign(consumer.get(), all), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(all);
    std::vector<Received> received;
    while (received.size() < count) {
      rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer.get(), 1000);
      if (message == nullptr) continue;
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        received.push_back({{static_cast<char *>(message->key), message->key_len},
                            {static_cast<char *>(message->payload), message->len},
                            message->partition});
      rd_kafka_message_destroy(message);
    }
    rd_kafka_consumer_close(consumer.get());
    return received;
  }

  std::vector<std::string> received_lines(std::size_t count) const {
    std::vector<std::string> lines;
    for (const Received &message : receive(count)) lines.push_back(message.value);
    return lines;
  }

  static std::vector<PublishedResult> results(int count) {
    std::vector<PublishedResult> results;
    for (int i = 0; i < count; ++i) results.push_back(kafka_line("gate", i));
    return results;
  }
  static std::vector<std::string> lines(const std::vector<PublishedResult> &results) {
    std::vector<std::string> lines;
    for (const PublishedResult &result : results) lines.push_back(result.line);
    return lines;
  }

  Client host_;
  std::unique_ptr<rd_kafka_mock_cluster_t, DestroyKafka> cluster_;
  std::string brokers_;
};

// The expected numbers are those of Kafka's own test of murmur2, in UtilsTest.java: -973932308 and so on,
// without their sign, modulo 4.
TEST_F(KafkaSinkTest, TheSourceChoosesThePartitionAsInJava) {
  KafkaSink sink(options());
  std::vector<PublishedResult> sent;
  for (const char *source : {"21", "foobar", "a-little-bit-long-string", "abc"})
    sent.push_back(kafka_line(source, 0));
  deliver_all(sink, sent);
  std::map<std::string, int> partitions;
  for (const Received &message : receive(4)) partitions[message.key] = message.partition;
  EXPECT_EQ(partitions, (std::map<std::string, int>{
                            {"21", 0}, {"foobar", 2}, {"a-little-bit-long-string", 0}, {"abc", 3}}));
}

TEST_F(KafkaSinkTest, AnEmptyNameHasOnePartitionToo) {
  KafkaSink sink(options());
  std::vector<PublishedResult> sent;
  for (int i = 0; i < 32; ++i) sent.push_back(kafka_line("", i));
  const auto expected = lines(sent);
  deliver_all(sink, sent);
  EXPECT_EQ(received_lines(32), expected);
}

TEST_F(KafkaSinkTest, WhatIsTooLargeIsRefusedAndTheRestArrives) {
  KafkaSink sink(options({{"message.max.bytes", "2000"}}));
  std::vector<PublishedResult> sent{kafka_line("gate", 0), kafka_line("gate", 1, 3000),
                                    kafka_line("gate", 2)};
  const auto expected = lines({sent[0], sent[2]});
  const Delivery delivery = deliver(sink, sent);
  EXPECT_EQ(delivery.done, 3U);
  EXPECT_EQ(delivery.refused, 1U);
  EXPECT_FALSE(delivery.failure);
  EXPECT_NE(delivery.refusal.find("max.message.bytes"), std::string::npos);
  EXPECT_EQ(received_lines(2), expected);
}

TEST_F(KafkaSinkTest, WhatTheBrokerFindsTooLargeIsRefused) {
  rd_kafka_mock_push_request_errors(cluster_.get(), produce, 1, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
  KafkaSink sink(options());
  std::vector<PublishedResult> sent{kafka_line("gate", 0)};
  EXPECT_EQ(deliver(sink, sent).refused, 1U);
  sent = {kafka_line("gate", 1)};
  const auto expected = lines(sent);
  deliver_all(sink, sent);
  EXPECT_EQ(received_lines(1), expected);
}

TEST_F(KafkaSinkTest, AMissingTopicIsNamedAndUsedOnceItIsThere) {
  rd_kafka_mock_topic_set_error(cluster_.get(), topic, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  KafkaSink sink(options());
  auto sent = results(3);
  const auto expected = lines(sent);
  const Delivery delivery = deliver(sink, sent);
  EXPECT_EQ(delivery.done, 0U);
  ASSERT_TRUE(delivery.failure);
  EXPECT_NE(delivery.failure->reason.find("the topic plant does not exist"), std::string::npos)
      << delivery.failure->reason;
  rd_kafka_mock_topic_set_error(cluster_.get(), topic, RD_KAFKA_RESP_ERR_NO_ERROR);
  deliver_all(sink, sent);
  EXPECT_EQ(received_lines(3), expected);
}

TEST_F(KafkaSinkTest, WithoutPermissionResultsWait) {
  for (const auto &[request, error] : {std::pair{produce, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED},
                                       {new_producer_id, RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED}}) {
    rd_kafka_mock_push_request_errors(cluster_.get(), request, 1, error);
    KafkaSink sink(options());
    auto sent = results(3);
    const Delivery delivery = deliver(sink, sent);
    EXPECT_EQ(delivery.done, 0U);
    EXPECT_EQ(delivery.refused, 0U);
    ASSERT_TRUE(delivery.failure);
    EXPECT_NE(delivery.failure->hint.find("allow this user to write"), std::string::npos)
        << delivery.failure->reason;
    deliver_all(sink, sent);
  }
  EXPECT_EQ(receive(6).size(), 6U);
}

TEST_F(KafkaSinkTest, WhatABrokerDidNotTakeArrivesOnceAndInOrder) {
  KafkaSink sink(options());
  auto sent = results(40);
  const auto expected = lines(sent);
  for (int round = 0; round < 4; ++round) {
    rd_kafka_mock_push_request_errors(cluster_.get(), produce, 2, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
                                      RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT);
    std::vector<PublishedResult> part(sent.begin() + 10 * round, sent.begin() + 10 * (round + 1));
    deliver_all(sink, part);
  }
  EXPECT_EQ(received_lines(40), expected);
}

TEST_F(KafkaSinkTest, TheProducerHoldsWhatItHasDuringAnOutage) {
  KafkaSink sink(options());
  auto sent = results(3);
  auto expected = lines(sent);
  deliver_all(sink, sent);
  rd_kafka_mock_broker_set_down(cluster_.get(), 1);
  sent = results(5);
  for (const auto &line : lines(sent)) expected.push_back(line);
  for (int i = 0; i < 3; ++i) {
    const Delivery delivery = deliver(sink, sent);
    EXPECT_TRUE(delivery.failure);
    EXPECT_EQ(delivery.done, 0U);
    EXPECT_EQ(delivery.held, 5U);
  }
  rd_kafka_mock_broker_set_up(cluster_.get(), 1);
  deliver_all(sink, sent);
  EXPECT_EQ(received_lines(8), expected);
}

TEST_F(KafkaSinkTest, AStopEndsTheWaiting) {
  rd_kafka_mock_broker_set_down(cluster_.get(), 1);
  KafkaSink sink(options());
  const auto sent = results(3);
  std::stop_source stop;
  stop.request_stop();
  const Delivery delivery = sink.deliver(sent, stop.get_token());
  EXPECT_EQ(delivery.done, 0U);
  EXPECT_FALSE(delivery.failure);
  sink.close();
}

TEST_F(KafkaSinkTest, SecretsAreNotInMessages) {
  for (const auto &[name, value] : std::vector<std::pair<std::string, std::string>>{
           {"sasl.mechanism", "hunter2"}, {"ssl.key.pem", "hunter2"}, {"linger.ms", "hunter2"}}) {
    try {
      KafkaSink sink(options({{"security.protocol", "sasl_ssl"}, {"sasl.username", "u"}, {name, value}}));
      FAIL() << name << " was accepted";
    } catch (const Error &error) {
      EXPECT_EQ(std::string(error.what()).find("hunter2"), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace uniad::test
