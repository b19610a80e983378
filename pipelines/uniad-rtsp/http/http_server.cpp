// SPDX-License-Identifier: Apache-2.0
#include "pipelines/uniad-rtsp/http/http_server.h"

#include <libsoup/soup.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gst-plugin/base/ref.h"
#include "pipelines/uniad-rtsp/http/access.h"
#include "pipelines/uniad-rtsp/http/connections.h"
#include "pipelines/uniad-rtsp/http/message.h"
#include "pipelines/uniad-rtsp/http/routes.h"

namespace uniad::rtsp {
namespace {

constexpr goffset most_body_bytes = goffset{64} * 1024;

// Objects that are created in its scope belong to this context.
class ContextScope {
 public:
  explicit ContextScope(GMainContext *context) : context_(context) {
    g_main_context_push_thread_default(context);
  }
  ~ContextScope() { g_main_context_pop_thread_default(context_); }
  ContextScope(const ContextScope &) = delete;
  ContextScope &operator=(const ContextScope &) = delete;

 private:
  GMainContext *context_;
};

std::string text_of(const char *text) {
  return text != nullptr ? text : "";
}

void send(SoupServerMessage *message, const Response &response) {
  SoupMessageHeaders *headers = soup_server_message_get_response_headers(message);
  for (const auto &[name, value] : response.headers)
    soup_message_headers_replace(headers, name.c_str(), value.c_str());
  soup_message_headers_replace(headers, "X-Content-Type-Options", "nosniff");
  soup_message_headers_replace(headers, "Cache-Control", "no-store");
  soup_message_headers_replace(headers, "Connection", "close");
  soup_server_message_set_status(message, response.status, nullptr);
  soup_server_message_set_response(message, response.type.c_str(), SOUP_MEMORY_COPY, response.body.data(),
                                   response.body.size());
}

Visitor visitor_of(SoupServerMessage *message) {
  SoupMessageHeaders *headers = soup_server_message_get_request_headers(message);
  return {text_of(soup_server_message_get_remote_host(message)),
          text_of(soup_message_headers_get_one(headers, "Host")),
          text_of(soup_message_headers_get_one(headers, "Origin")),
          text_of(soup_message_headers_get_one(headers, "Authorization"))};
}

// What a request asks for, or why it is refused.
struct Target {
  const Route *route = nullptr;
  const CameraAccess *camera = nullptr;
  std::optional<Response> refusal;
};

Target refused(Response response) {
  Target target;
  target.refusal = std::move(response);
  return target;
}

Response not_allowed(const std::vector<const Route *> &routes) {
  std::string methods;
  for (const Route *route : routes) {
    methods += (methods.empty() ? "" : ", ") + std::string(route->method);
    if (route->method == "GET") methods += ", HEAD";
  }
  Response response = problem(405, "use " + methods);
  response.headers["Allow"] = methods;
  return response;
}

}  // namespace

struct HttpServer::State {
  State(const HttpConfig &config, Site given)
      : site(std::move(given)),
        access(config),
        context(g_main_context_new(), g_main_context_unref),
        loop(g_main_loop_new(context.get(), FALSE), g_main_loop_unref) {
    const ContextScope scope(context.get());
    server.reset(soup_server_new("raw-paths", TRUE, "server-header", "uniad-rtsp", nullptr));
    soup_server_add_early_handler(server.get(), nullptr, on_headers, this, nullptr);
    soup_server_add_handler(server.get(), nullptr, on_request, this, nullptr);
    connections.emplace(config, [this](GSocketConnection *connection) { take(connection); });
    thread = std::thread([this] {
      const ContextScope on_thread(context.get());
      g_main_loop_run(loop.get());
    });
  }

  // The thread, which has just ended, was the only one to use the rest.
  ~State() {
    quit();
    thread.join();
    const ContextScope scope(context.get());
    connections.reset();
    soup_server_disconnect(server.get());
    server.reset();
  }

  State(const State &) = delete;
  State &operator=(const State &) = delete;

  // Through the loop, because it may not run yet.
  void quit() {
    g_main_context_invoke(
        context.get(),
        [](gpointer ended) {
          g_main_loop_quit(static_cast<GMainLoop *>(ended));
          return G_SOURCE_REMOVE;
        },
        loop.get());
  }

  void take(GSocketConnection *connection) {
    const Ref<GSocketAddress> local(g_socket_connection_get_local_address(connection, nullptr));
    const Ref<GSocketAddress> remote(g_socket_connection_get_remote_address(connection, nullptr));
    g_autoptr(GError) error = nullptr;
    if (soup_server_accept_iostream(server.get(), G_IO_STREAM(connection), local.get(), remote.get(),
                                    &error) == FALSE)
      spdlog::debug("HTTP: {}", error->message);
  }

  // Before the body has arrived, so that nobody sends one in vain.
  static void on_headers(SoupServer *, SoupServerMessage *message, const char *, GHashTable *, gpointer) {
    SoupMessageHeaders *headers = soup_server_message_get_request_headers(message);
    if (soup_message_headers_get_encoding(headers) == SOUP_ENCODING_CONTENT_LENGTH &&
        soup_message_headers_get_content_length(headers) > most_body_bytes)
      return refuse_body(message);
    g_signal_connect(message, "got-chunk", G_CALLBACK(on_chunk), nullptr);
  }

  static void on_chunk(SoupServerMessage *message, GBytes *, gpointer) {
    SoupMessageBody *body = soup_server_message_get_request_body(message);
    if (body->length > most_body_bytes) refuse_body(message);
  }

  // The rest of the body is read and forgotten until the connection's time is over.
  static void refuse_body(SoupServerMessage *message) {
    SoupMessageBody *body = soup_server_message_get_request_body(message);
    soup_message_body_truncate(body);
    soup_message_body_set_accumulate(body, FALSE);
    send(message, problem(413, "the body is larger than 64 kB"));
  }

  static void on_request(SoupServer *, SoupServerMessage *message, const char *path, GHashTable *query,
                         gpointer self) {
    if (soup_server_message_get_status(message) != 0) return;  // it was refused before
    static_cast<State *>(self)->answer(message, path, query);
  }

  Target target_of(SoupServerMessage *message, const char *path) {
    const Visitor visitor = visitor_of(message);
    const auto segments = segments_of(path);
    std::optional<std::string> camera_name;
    const auto found = segments ? routes_at(*segments, camera_name) : std::vector<const Route *>();
    const bool is_open =
        std::any_of(found.begin(), found.end(), [](auto *route) { return !route->needs_token; });
    const std::string_view method = soup_server_message_get_method(message);
    const std::string_view asked = method == "HEAD" ? "GET" : method;
    const auto route =
        std::find_if(found.begin(), found.end(), [asked](auto *other) { return other->method == asked; });
    if (!is_open)
      if (auto refusal = access.refusal(visitor, route != found.end() ? (*route)->role : Role::viewer))
        return refused(*refusal);
    if (!segments) return refused(problem(400, "the path has an escape that is not valid"));
    if (found.empty()) return refused(problem(404, "there is nothing at this path; see docs/http-api.json"));
    if (route == found.end()) return refused(not_allowed(found));
    if (!camera_name) return {*route, nullptr, std::nullopt};
    const auto camera = std::find_if(site.cameras.begin(), site.cameras.end(),
                                     [&](const CameraAccess &other) { return other.name == *camera_name; });
    if (camera == site.cameras.end())
      return refused(problem(404, "there is no camera of this name; /api/v1/cameras lists them"));
    return {*route, &*camera, std::nullopt};
  }

  void answer(SoupServerMessage *message, const char *path, GHashTable *query) {
    const Target target = target_of(message, path);
    if (target.refusal) return send(message, *target.refusal);
    Request request;
    request.camera = target.camera;
    GHashTableIter items;
    gpointer key = nullptr, value = nullptr;
    if (query != nullptr)
      for (g_hash_table_iter_init(&items, query); g_hash_table_iter_next(&items, &key, &value) != FALSE;)
        request.query[static_cast<char *>(key)] = static_cast<char *>(value);
    const SoupMessageBody *body = soup_server_message_get_request_body(message);
    if (body->data != nullptr) request.body.assign(body->data, static_cast<std::size_t>(body->length));
    g_signal_connect(message, "finished", G_CALLBACK(note_end), nullptr);
    soup_server_message_pause(message);
    const std::shared_ptr<SoupServerMessage> waiting(static_cast<SoupServerMessage *>(g_object_ref(message)),
                                                     [](SoupServerMessage *m) { g_object_unref(m); });
    try {
      target.route->answer(site, request,
                           [waiting](const Response &response) { reply(waiting.get(), response); });
    } catch (const std::exception &error) {
      spdlog::error("HTTP: {}", error.what());
      reply(message, problem(500, "an internal error, which the log describes"));
    }
  }

  static constexpr auto has_ended = "uniad-has-ended";

  static void note_end(SoupServerMessage *message, gpointer) {
    g_object_set_data(G_OBJECT(message), has_ended, message);
  }

  // A client that has gone does not wait for the reply.
  static void reply(SoupServerMessage *message, const Response &response) {
    if (g_object_get_data(G_OBJECT(message), has_ended) != nullptr) return;
    send(message, response);
    soup_server_message_unpause(message);
  }

  const Site site;
  Access access;
  std::unique_ptr<GMainContext, decltype(&g_main_context_unref)> context;
  std::unique_ptr<GMainLoop, decltype(&g_main_loop_unref)> loop;
  Ref<SoupServer> server;
  std::optional<Connections> connections;
  std::thread thread;
};

HttpServer::HttpServer(const HttpConfig &config, Site site)
    : state_(std::make_unique<State>(config, std::move(site))) {}

HttpServer::~HttpServer() = default;

std::uint16_t HttpServer::port() const {
  return state_->connections->port();
}

}  // namespace uniad::rtsp
