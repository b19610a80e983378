// SPDX-License-Identifier: Apache-2.0
#include "pipelines/uniad-rtsp/server.h"

#include <glib-unix.h>
#include <gst/rtsp-server/rtsp-server.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <future>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "model/base/error.h"
#include "pipelines/uniad-rtsp/camera.h"
#ifdef UNIAD_HAS_HTTP
#include "pipelines/uniad-rtsp/http/http_server.h"
#include "pipelines/uniad-rtsp/http_site.h"
#endif
#include "pipelines/uniad-rtsp/media.h"
#include "pipelines/uniad-rtsp/relay.h"

namespace uniad::rtsp {
namespace {

struct ThreadStopper {
  void operator()(GstRTSPThread *thread) const { gst_rtsp_thread_stop(thread); }
};
using ViewersThread = std::unique_ptr<GstRTSPThread, ThreadStopper>;

struct SourceDestroyer {
  void operator()(GSource *source) const {
    g_source_destroy(source);
    g_source_unref(source);
  }
};
using Source = std::unique_ptr<GSource, SourceDestroyer>;

GstRTSPStatusCode before_play(GstRTSPClient *, GstRTSPContext *context, gpointer) {
  if (context->media != nullptr) keep_up_to_key_frame(context->media);
  return GST_RTSP_STS_OK;
}

void after_play(GstRTSPClient *, GstRTSPContext *context, gpointer) {
  if (context->media != nullptr) make_key_frame(context->media);
}

void welcome(GstRTSPServer *, GstRTSPClient *client, gpointer) {
  g_signal_connect(client, "pre-play-request", G_CALLBACK(before_play), nullptr);
  g_signal_connect(client, "play-request", G_CALLBACK(after_play), nullptr);
}

void mount(GstRTSPServer *server, const CameraConfig &camera, Relay &relay) {
  const Ref<GstRTSPMountPoints> mounts(gst_rtsp_server_get_mount_points(server));
  gst_rtsp_mount_points_add_factory(mounts.get(), camera.path.c_str(),
                                    make_media_factory(camera, relay));  // takes ownership of the factory
}

// Supervisors are asked to allow five seconds after SIGTERM.
constexpr std::chrono::milliseconds time_to_end{4500};
constexpr std::chrono::milliseconds time_to_leave{500};

// Ends the process without running destructors, which would free memory that a stuck thread still uses, or
// wait for that thread.
[[noreturn]] void end_process(int status) {
  spdlog::default_logger()->flush();
  std::_Exit(status);
}

// Ends the process in time even if its shutdown waits for a viewer, an element or a disk.
class EndInTime {
 public:
  EndInTime() : thread_([this](const std::stop_token &stop) { wait(stop); }) {}

 private:
  void wait(const std::stop_token &stop) {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop, time_to_end, [] { return false; });
    if (stop.stop_requested()) return;
    spdlog::error("shutdown takes too long: exiting immediately");
    end_process(EXIT_FAILURE);
  }

  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

gboolean quit(gpointer loop) {
  g_main_loop_quit(static_cast<GMainLoop *>(loop));
  return G_SOURCE_CONTINUE;
}

gboolean order(gpointer count) {
  ++*static_cast<std::atomic<unsigned> *>(count);
  return G_SOURCE_CONTINUE;
}

gboolean refuse_learning(gpointer) {
  spdlog::warn("SIGUSR1: no camera has `learn`, so nothing is learned");
  return G_SOURCE_CONTINUE;
}

guint learn_on_signal(const Config &config, Orders &orders) {
  const bool can_learn = std::any_of(config.cameras.begin(), config.cameras.end(),
                                     [](const CameraConfig &camera) { return camera.learns(); });
  return g_unix_signal_add(SIGUSR1, can_learn ? order : refuse_learning, &orders.learn);
}

// Keeps the only thread that serves viewers, so that it is always the same one. On another thread, a viewer
// could request a media while the last viewer to leave tears it down, and the request would be refused.
ViewersThread hold_viewers_thread(GstRTSPServer *server) {
  const Ref<GstRTSPThreadPool> pool(gst_rtsp_server_get_thread_pool(server));
  gst_rtsp_thread_pool_set_max_threads(pool.get(), 1);
  return ViewersThread(gst_rtsp_thread_pool_get_thread(pool.get(), GST_RTSP_THREAD_TYPE_CLIENT, nullptr));
}

// Removes the sessions of viewers that disappeared without closing them, which would otherwise stay forever.
gboolean drop_dead_sessions(gpointer server) {
  const Ref<GstRTSPSessionPool> pool(gst_rtsp_server_get_session_pool(GST_RTSP_SERVER(server)));
  gst_rtsp_session_pool_cleanup(pool.get());
  return G_SOURCE_CONTINUE;
}

Source drop_dead_sessions_regularly(GstRTSPServer *server, GMainContext *context) {
  Source source(g_timeout_source_new_seconds(10));
  g_source_set_callback(source.get(), drop_dead_sessions, g_object_ref(server), g_object_unref);
  g_source_attach(source.get(), context);
  return source;
}

// Disconnects all viewers on their own thread, because that thread may be serving one of them.
void drop_viewers(GstRTSPServer *server, GMainContext *context) {
  using Work = std::packaged_task<void()>;
  auto *work = new Work([server] {
    gst_rtsp_server_client_filter(
        server, [](auto *, auto *, gpointer) { return GST_RTSP_FILTER_REMOVE; }, nullptr);
    const Ref<GstRTSPSessionPool> sessions(gst_rtsp_server_get_session_pool(server));
    gst_rtsp_session_pool_filter(
        sessions.get(), [](auto *, auto *, gpointer) { return GST_RTSP_FILTER_REMOVE; }, nullptr);
  });
  const std::future<void> done = work->get_future();
  g_main_context_invoke_full(
      context, G_PRIORITY_DEFAULT,
      [](gpointer task) {
        (*static_cast<Work *>(task))();
        return G_SOURCE_REMOVE;
      },
      work, [](gpointer task) { delete static_cast<Work *>(task); });
  done.wait();
}

guint listen(GstRTSPServer *server, const ServerConfig &config) {
  gst_rtsp_server_set_address(server, config.address.c_str());
  gst_rtsp_server_set_service(server, std::to_string(config.port).c_str());
  g_autoptr(GError) error = nullptr;
  g_autoptr(GSource) source = gst_rtsp_server_create_source(server, nullptr, &error);
  if (source == nullptr)
    throw Error(
        ErrorKind::InvalidArgument,
        (config.place.empty() ? "" : config.place + " ") + config.address + ":" + std::to_string(config.port),
        error->message, "choose another port or address in [server], or stop the program that uses it");
  return g_source_attach(source, nullptr);
}

// Returns the host name under which viewers reach the server.
std::string url_host(const std::string &address) {
  if (address == "0.0.0.0" || address == "::") return g_get_host_name();
  return address.find(':') == std::string::npos ? address : "[" + address + "]";
}

// Waits briefly, because slow pipelines may still stop. If none remain, the process can end normally.
void leave_stuck_pipelines(const AbandonedPipelines &abandoned, int status) {
  const auto deadline = std::chrono::steady_clock::now() + time_to_leave;
  while (abandoned.count() > 0 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  if (abandoned.count() == 0) return;
  spdlog::warn("exiting with {} pipelines that do not stop", abandoned.count());
  end_process(status);
}

// Serves until a signal arrives. Returns false if it ends because too many pipelines are stuck.
bool serve_until_signal(const Config &config, std::optional<EndInTime> &end) {
  EventLog events;
  std::deque<CameraOutput> outputs;  // destroyed last, because viewers and cameras refer to them
  Orders orders;
  const Ref<GstRTSPServer> server(gst_rtsp_server_new());
  for (const auto &camera : config.cameras)
    mount(server.get(), camera, outputs.emplace_back(camera, events).relay);
  g_signal_connect(server.get(), "client-connected", G_CALLBACK(welcome), nullptr);

  const std::unique_ptr<GMainLoop, decltype(&g_main_loop_unref)> loop(g_main_loop_new(nullptr, FALSE),
                                                                      g_main_loop_unref);
  std::atomic<bool> failed{false};
  const auto abandoned = std::make_shared<AbandonedPipelines>([&failed, &loop] {
    spdlog::error("too many pipelines do not stop: exiting so that the program can be restarted");
    failed = true;
    g_main_loop_quit(loop.get());
  });
  const guint sources[] = {listen(server.get(), config.server), g_unix_signal_add(SIGINT, quit, loop.get()),
                           g_unix_signal_add(SIGTERM, quit, loop.get()),
                           g_unix_signal_add(SIGHUP, order, &orders.reopen), learn_on_signal(config, orders)};
  const ViewersThread thread = hold_viewers_thread(server.get());
  const Source sessions = drop_dead_sessions_regularly(server.get(), thread->context);

  const std::string root = "rtsp://" + url_host(config.server.address) + ":" +
                           std::to_string(gst_rtsp_server_get_bound_port(server.get()));
#ifdef UNIAD_HAS_HTTP
  const MainLoopPulse pulse;
  std::optional<HttpServer> http;
  if (config.server.http)
    http.emplace(*config.server.http,
                 make_site(config, outputs, events, server.get(), root, abandoned, pulse));
#endif

  std::deque<std::jthread> captures;
  for (std::size_t i = 0; i < config.cameras.size(); ++i)
    captures.emplace_back(
        [&camera = config.cameras[i], &output = outputs[i], &orders,
         &abandoned](const std::stop_token &stop) { run_camera(camera, output, orders, abandoned, stop); });
  for (const auto &camera : config.cameras)
    std::cout << camera.name << ": " << root << camera.path << std::endl;
#ifdef UNIAD_HAS_HTTP
  if (http)
    std::cout << "HTTP: http://" << url_host(config.server.http->address) << ":" << http->port() << "/"
              << std::endl;
#endif

  g_main_loop_run(loop.get());
  spdlog::info("stopping");
  end.emplace();
#ifdef UNIAD_HAS_HTTP
  http.reset();  // before what it shows
#endif
  for (const guint source : sources) g_source_remove(source);
  for (auto &output : outputs) output.relay.give_up();
  drop_viewers(server.get(), thread->context);  // while cameras still feed viewers that have just connected
  for (auto &capture : captures) capture.request_stop();
  captures.clear();
  leave_stuck_pipelines(*abandoned, failed ? EXIT_FAILURE : EXIT_SUCCESS);
  return !failed;
}

}  // namespace

void check_server(const Config &config) {
  Relay relay;
  for (const auto &camera : config.cameras)
    const Ref<GstRTSPMediaFactory> factory(make_media_factory(camera, relay));
  ServerConfig any_port = config.server;
  any_port.port = 0;
  const Ref<GstRTSPServer> server(gst_rtsp_server_new());
  g_source_remove(listen(server.get(), any_port));
#ifdef UNIAD_HAS_HTTP
  if (!config.server.http) return;
  HttpConfig http = *config.server.http;
  http.port = 0;
  const EventLog events;
  const HttpServer tried(http, Site{{}, events, [] { return 0U; }, [] { return std::chrono::seconds(0); }});
#endif
}

int serve(const Config &config) {
  std::optional<EndInTime> end;
  const bool is_well = serve_until_signal(config, end);
  gst_rtsp_thread_pool_cleanup();  // waits for the threads of viewers and media
  return is_well ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace uniad::rtsp
