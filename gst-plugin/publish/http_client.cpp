// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/publish/http_client.h"

#include <algorithm>
#include <utility>

#include "gst-plugin/base/write_signals.h"
#include "model/base/error.h"

namespace uniad {

namespace {

constexpr std::size_t longest_answer = 65536;
constexpr long connect_timeout_ms = 5000;
constexpr int poll_ms = 1000;
constexpr std::chrono::seconds longest_pause = std::chrono::hours(1);

CURLM *new_connections() {
  static const CURLcode initialized = curl_global_init(CURL_GLOBAL_DEFAULT);
  return initialized == CURLE_OK ? curl_multi_init() : nullptr;
}

class HeaderList {
 public:
  ~HeaderList() { curl_slist_free_all(list_); }
  HeaderList() = default;
  HeaderList(const HeaderList &) = delete;
  HeaderList &operator=(const HeaderList &) = delete;

  void add(const std::string &header) {
    curl_slist *longer = curl_slist_append(list_, header.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    list_ = longer;
  }
  curl_slist *get() const { return list_; }

 private:
  curl_slist *list_ = nullptr;
};

template <typename Value>
void set(CURL *request, CURLoption option, Value value, const char *property) {
  const CURLcode code = curl_easy_setopt(request, option, value);
  if (code == CURLE_OK) return;
  throw Error(ErrorKind::InvalidArgument, property, curl_easy_strerror(code), "correct this property");
}

bool is_about_certificates(CURLcode code) {
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
      return true;
    default:
      return false;
  }
}

}  // namespace

HttpClient::HttpClient(HttpOptions options)
    : options_(std::move(options)),
      connections_(new_connections(), curl_multi_cleanup),
      request_(curl_easy_init(), curl_easy_cleanup) {
  if (!connections_ || !request_)
    throw Error(ErrorKind::OutOfMemory, "libcurl", "cannot be initialized", "free some memory");
  set_options();
}

void HttpClient::set_options() {
  CURL *request = request_.get();
  const auto set_text = [request](CURLoption option, const std::string &text, const char *property) {
    if (!text.empty()) set(request, option, text.c_str(), property);
  };
  set_text(CURLOPT_URL, options_.url, "location");
  set(request, CURLOPT_PROTOCOLS_STR, "http,https", "location");
  set(request, CURLOPT_FOLLOWLOCATION, 0L, "location");
  set(request, CURLOPT_NOSIGNAL, 1L, "libcurl");
  set(request, CURLOPT_USERAGENT, "uniad-gst", "libcurl");
  set(request, CURLOPT_ERRORBUFFER, error_.data(), "libcurl");
  set(request, CURLOPT_CONNECTTIMEOUT_MS, connect_timeout_ms, "timeout");
  set(request, CURLOPT_TIMEOUT_MS, static_cast<long>(options_.timeout.count()), "timeout");

  set(request, CURLOPT_SSL_VERIFYPEER, 1L, "libcurl");
  set(request, CURLOPT_SSL_VERIFYHOST, 2L, "libcurl");
  set(request, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2), "libcurl");
  set_text(CURLOPT_CAINFO, options_.ca_file, "ca-file");
  set_text(CURLOPT_SSLCERT, options_.cert_file, "cert-file");
  set_text(CURLOPT_SSLKEY, options_.key_file, "key-file");
  // Without it, OpenSSL would ask at the terminal for the password of an encrypted key.
  set(request, CURLOPT_KEYPASSWD, "", "key-file");
  if (!options_.user.empty()) {
    set(request, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC), "credentials");
    set(request, CURLOPT_USERNAME, options_.user.c_str(), "credentials");
    set(request, CURLOPT_PASSWORD, options_.password.c_str(), "credentials");
  }

  set(request, CURLOPT_WRITEFUNCTION, &HttpClient::take, "libcurl");
  set(request, CURLOPT_WRITEDATA, static_cast<void *>(this), "libcurl");
  set(request, CURLOPT_HEADERFUNCTION, &HttpClient::take, "libcurl");
  set(request, CURLOPT_HEADERDATA, static_cast<void *>(this), "libcurl");
}

std::size_t HttpClient::take(char * /*data*/, std::size_t size, std::size_t count, void *self) {
  auto &client = *static_cast<HttpClient *>(self);
  client.received_ += size * count;
  return client.received_ <= longest_answer ? size * count : 0;  // 0 ends the transfer
}

CURLcode HttpClient::perform(const std::stop_token &stop) {
  CURLM *connections = connections_.get();
  if (curl_multi_add_handle(connections, request_.get()) != CURLM_OK) return CURLE_FAILED_INIT;
  CURLcode code = CURLE_ABORTED_BY_CALLBACK;
  {
    const std::stop_callback wake(stop, [connections] { curl_multi_wakeup(connections); });
    int running = 1;
    while (running > 0 && !stop.stop_requested()) {
      if (curl_multi_perform(connections, &running) != CURLM_OK) break;
      if (running > 0) curl_multi_poll(connections, nullptr, 0, poll_ms, nullptr);
    }
  }
  int left = 0;
  while (const CURLMsg *message = curl_multi_info_read(connections, &left))
    if (message->msg == CURLMSG_DONE) code = message->data.result;
  curl_multi_remove_handle(connections, request_.get());
  return code;
}

// A status counts even if the rest of the answer is missing or too long: the server has decided.
HttpAnswer HttpClient::answer(CURLcode code) {
  HttpAnswer answer;
  curl_easy_getinfo(request_.get(), CURLINFO_RESPONSE_CODE, &answer.status);
  curl_off_t pause = 0;
  curl_easy_getinfo(request_.get(), CURLINFO_RETRY_AFTER, &pause);
  answer.retry_after = std::clamp(std::chrono::seconds(pause), std::chrono::seconds(0), longest_pause);
  constexpr long first_final_status = 200;
  if (code == CURLE_OK || answer.status >= first_final_status) return answer;
  answer.status = 0;
  answer.is_distrusted = is_about_certificates(code);
  answer.problem = error_[0] != '\0' ? error_.data() : curl_easy_strerror(code);
  return answer;
}

HttpAnswer HttpClient::post(const std::string &body, const std::vector<std::string> &headers,
                            const std::stop_token &stop) {
  const NoWriteSignals guard;
  HeaderList list;
  list.add("Expect:");  // otherwise libcurl waits for a permission to send large bodies
  for (const std::string &header : options_.headers) list.add(header);
  for (const std::string &header : headers) list.add(header);
  received_ = 0;
  error_[0] = '\0';
  set(request_.get(), CURLOPT_HTTPHEADER, list.get(), "headers");
  set(request_.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()), "libcurl");
  set(request_.get(), CURLOPT_POSTFIELDS, body.c_str(), "libcurl");
  const CURLcode code = perform(stop);
  curl_easy_setopt(request_.get(), CURLOPT_HTTPHEADER, nullptr);
  return answer(code);
}

}  // namespace uniad
