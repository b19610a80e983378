// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/publish/webhook_sink.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

namespace uniad::test {
namespace {

PublishedResult event_line(const std::string &id, const std::string &state, int frames = 1) {
  return {nullptr, true, true,
          R"({"source":"gate","event":{"id":")" + id + R"(","state":")" + state + R"(","frames":)" +
              std::to_string(frames) + "}}"};
}

PublishedResult frame_line(int number) {
  return {nullptr, false, false, R"({"source":"gate","pts":)" + std::to_string(number) + "}"};
}

HttpOptions options_for(const std::string &url) {
  HttpOptions options;
  options.url = url;
  return options;
}

TEST(WebhookMessage, EachStateOfAnEventHasItsOwnKey) {
  EXPECT_EQ(event_message(event_line("a", "begin"), false).key, "a-begin");
  EXPECT_EQ(event_message(event_line("a", "update", 7), false).key, "a-update-7");
  EXPECT_EQ(event_message(event_line("a", "update", 9), false).key, "a-update-9");
  EXPECT_EQ(event_message(event_line("a", "end"), true).key, "a-end");
}

TEST(WebhookMessage, KeysAreSafeInHeaders) {
  const std::string key = event_message(event_line("a\\r\\nX: 1", "begin"), false).key;
  EXPECT_EQ(key.size(), 64U);
  EXPECT_EQ(key.find_first_not_of("0123456789abcdef"), std::string::npos);
}

// Answers one request for each of the statuses, each on a connection of its own, and keeps the requests.
class Server {
 public:
  explicit Server(std::vector<int> statuses) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto *any = reinterpret_cast<sockaddr *>(&address);
    EXPECT_EQ(bind(socket_, any, size), 0);
    EXPECT_EQ(listen(socket_, 8), 0);
    EXPECT_EQ(getsockname(socket_, any, &size), 0);
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/";
    thread_ = std::thread([this, statuses = std::move(statuses)] {
      for (const int status : statuses) answer(status);
    });
  }
  ~Server() {
    if (thread_.joinable()) thread_.join();
    close(socket_);
  }
  Server(const Server &) = delete;
  Server &operator=(const Server &) = delete;

  const std::string &url() const { return url_; }
  std::vector<std::string> requests() {
    thread_.join();
    return requests_;
  }

 private:
  void answer(int status) {
    const int connection = accept(socket_, nullptr, nullptr);
    std::string request;
    while (!is_whole(request)) {
      char bytes[4096];
      const ssize_t size = recv(connection, bytes, sizeof bytes, 0);
      if (size <= 0) break;
      request.append(bytes, static_cast<std::size_t>(size));
    }
    requests_.push_back(request);
    const std::string text =
        "HTTP/1.1 " + std::to_string(status) + " status\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    EXPECT_EQ(send(connection, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
    close(connection);
  }

  static bool is_whole(const std::string &request) {
    const auto end = request.find("\r\n\r\n");
    const auto length = request.find("Content-Length: ");
    return end != request.npos && length != request.npos &&
           request.size() == end + 4 + std::stoul(request.substr(length + 16));
  }

  int socket_;
  std::string url_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

std::string header(const std::string &request, const std::string &name) {
  const auto begin = request.find(name + ": ");
  return begin == request.npos ? "" : request.substr(begin, request.find('\r', begin) - begin);
}

TEST(WebhookSink, RepeatsWhatFailedAndGoesOnBehindWhatWasRefused) {
  Server server({500, 200, 422, 200});
  WebhookSink sink(options_for(server.url()), "test", false);
  const std::vector<PublishedResult> results{frame_line(1), frame_line(2), event_line("a", "begin"),
                                             frame_line(3)};
  const Delivery first = sink.deliver(results, {});
  EXPECT_EQ(first.done, 0U);
  EXPECT_NE(first.failure.value_or(Failure{}).reason.find("500"), std::string::npos);
  const Delivery second = sink.deliver(results, {});
  EXPECT_EQ(second.done, 4U);
  EXPECT_EQ(second.refused, 1U);
  EXPECT_FALSE(second.failure.has_value());

  const std::vector<std::string> requests = server.requests();
  EXPECT_EQ(requests[0], requests[1]);
  EXPECT_NE(requests[0].find(frame_line(1).line + "\n" + frame_line(2).line + "\n"), std::string::npos);
  EXPECT_EQ(header(requests[2], "Idempotency-Key"), "Idempotency-Key: a-begin");
  EXPECT_NE(header(requests[0], "Idempotency-Key"), header(requests[3], "Idempotency-Key"));
}

TEST(WebhookSink, NothingListens) {
  std::string url;
  {
    Server server({});
    url = server.url();
  }
  WebhookSink sink(options_for(url), "test", false);
  const Delivery delivery = sink.deliver(std::vector{frame_line(1)}, {});
  EXPECT_EQ(delivery.done, 0U);
  EXPECT_TRUE(delivery.failure.has_value());
}

}  // namespace
}  // namespace uniad::test
