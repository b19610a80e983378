// SPDX-License-Identifier: Apache-2.0
// Posts to a web server.
#pragma once

#include <curl/curl.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace uniad {

struct HttpOptions {
  std::string url;
  std::string ca_file;  // PEM, as the next two; empty: the authorities of the system
  std::string cert_file;
  std::string key_file;
  std::string user;  // empty: none
  std::string password;
  std::vector<std::string> headers;  // "NAME: VALUE", sent with each request
  std::chrono::milliseconds timeout{10000};
};

struct HttpAnswer {
  long status = 0;             // 0: none
  std::string problem;         // why there is no status
  bool is_distrusted = false;  // the problem is the server's certificate
  std::chrono::seconds retry_after{0};
};

// A connection that is opened with the first request and again whenever the server has closed it. Only one
// thread may use it. The server's certificate is verified, redirects are not followed, and no more than 64 KB
// of an answer are read.
class HttpClient {
 public:
  // Throws Error if libcurl does not accept an option.
  explicit HttpClient(HttpOptions options);

  HttpClient(const HttpClient &) = delete;
  HttpClient &operator=(const HttpClient &) = delete;

  // Returns early if `stop` is requested.
  HttpAnswer post(const std::string &body, const std::vector<std::string> &headers,
                  const std::stop_token &stop);

 private:
  void set_options();
  CURLcode perform(const std::stop_token &stop);
  HttpAnswer answer(CURLcode code);

  static std::size_t take(char *data, std::size_t size, std::size_t count, void *self);

  HttpOptions options_;
  std::unique_ptr<CURLM, decltype(&curl_multi_cleanup)> connections_;
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> request_;
  std::size_t received_ = 0;  // bytes of the answer, headers included
  std::array<char, CURL_ERROR_SIZE> error_{};
};

}  // namespace uniad
