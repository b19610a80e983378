// SPDX-License-Identifier: Apache-2.0
#include <glib-unix.h>
#include <gst/rtsp-server/rtsp-server.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <deque>
#include <iostream>
#include <memory>
#include <string>
#include <thread>

#include "model/error.h"
#include "pipelines/uniad-rtsp/camera.h"
#include "pipelines/uniad-rtsp/config.h"
#include "pipelines/uniad-rtsp/relay.h"

namespace uniad::rtsp {
namespace {

struct ObjectDeleter {
  void operator()(gpointer object) const { g_object_unref(object); }
};
template <typename T>
using Object = std::unique_ptr<T, ObjectDeleter>;

bool has_element(const char *name) {
  const Object<GstElementFactory> factory(gst_element_factory_find(name));
  return factory != nullptr;
}

std::string encoder(const CameraConfig &camera) {
  if (has_element("x264enc"))
    return "x264enc name=encoder tune=zerolatency speed-preset=veryfast bitrate=" +
           std::to_string(camera.bitrate);
  if (has_element("openh264enc"))
    return "openh264enc name=encoder rate-control=bitrate complexity=low bitrate=" +
           std::to_string(1000 * camera.bitrate);
  throw Error(
      "camera " + camera.name, "no H.264 encoder",
      "install x264enc (Debian: gstreamer1.0-plugins-ugly) or openh264enc (gstreamer1.0-plugins-bad)");
}

// Live frames with the time of their arrival; a viewer's network never makes them wait: the oldest are
// dropped.
std::string media_description(const CameraConfig &camera) {
  return "( appsrc name=frames is-live=true do-timestamp=true format=time max-buffers=2 max-bytes=0 "
         "leaky-type=downstream"
         " ! videoconvert ! video/x-raw,format=I420 ! " +
         encoder(camera) +
         " ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=-1 aggregate-mode=zero-latency )";
}

// A viewer who lost packets sees a whole picture again within two seconds.
void set_key_frames(GstElement *encoder, const GstVideoInfo &format) {
  const bool is_rate_known = format.fps_n > 0 && format.fps_d > 0;
  const int frames = is_rate_known ? std::max(1, 2 * format.fps_n / format.fps_d) : 60;
  const char *property = g_object_class_find_property(G_OBJECT_GET_CLASS(encoder), "key-int-max") != nullptr
                             ? "key-int-max"
                             : "gop-size";
  g_object_set(encoder, property, frames, nullptr);
}

void connect_viewers(GstRTSPMediaFactory *, GstRTSPMedia *media, gpointer relay) {
  const Object<GstElement> bin(gst_rtsp_media_get_element(media));
  const Object<GstElement> encoder(gst_bin_get_by_name(GST_BIN(bin.get()), "encoder"));
  const Object<GstElement> frames(gst_bin_get_by_name(GST_BIN(bin.get()), "frames"));
  set_key_frames(encoder.get(), static_cast<Relay *>(relay)->format());
  static_cast<Relay *>(relay)->set_viewers(GST_APP_SRC(frames.get()));
}

// Somebody who joins others need not wait for the next key frame.
void send_key_frame(GstRTSPClient *, GstRTSPContext *context, gpointer) {
  if (context->media == nullptr) return;
  const Object<GstElement> bin(gst_rtsp_media_get_element(context->media));
  const Object<GstElement> encoder(gst_bin_get_by_name(GST_BIN(bin.get()), "encoder"));
  gst_element_send_event(encoder.get(),
                         gst_video_event_new_upstream_force_key_unit(GST_CLOCK_TIME_NONE, TRUE, 0));
}

void welcome(GstRTSPServer *, GstRTSPClient *client, gpointer) {
  g_signal_connect(client, "play-request", G_CALLBACK(send_key_frame), nullptr);
}

void mount(GstRTSPServer *server, const CameraConfig &camera, Relay &relay) {
  GstRTSPMediaFactory *factory = gst_rtsp_media_factory_new();
  gst_rtsp_media_factory_set_launch(factory, media_description(camera).c_str());
  gst_rtsp_media_factory_set_shared(factory, TRUE);
  g_signal_connect(factory, "media-configure", G_CALLBACK(connect_viewers), &relay);
  const Object<GstRTSPMountPoints> mounts(gst_rtsp_server_get_mount_points(server));
  gst_rtsp_mount_points_add_factory(mounts.get(), camera.path.c_str(), factory);  // takes the factory
}

gboolean quit(gpointer loop) {
  g_main_loop_quit(static_cast<GMainLoop *>(loop));
  return G_SOURCE_CONTINUE;
}

// Sessions of viewers that vanished without a word would stay for ever.
gboolean drop_dead_sessions(gpointer server) {
  const Object<GstRTSPSessionPool> pool(gst_rtsp_server_get_session_pool(GST_RTSP_SERVER(server)));
  gst_rtsp_session_pool_cleanup(pool.get());
  return G_SOURCE_CONTINUE;
}

GstRTSPFilterResult drop_client(GstRTSPServer *, GstRTSPClient *, gpointer) {
  return GST_RTSP_FILTER_REMOVE;
}

guint listen(GstRTSPServer *server, const ServerConfig &config) {
  gst_rtsp_server_set_address(server, config.address.c_str());
  gst_rtsp_server_set_service(server, std::to_string(config.port).c_str());
  g_autoptr(GError) error = nullptr;
  g_autoptr(GSource) source = gst_rtsp_server_create_source(server, nullptr, &error);
  if (source == nullptr)
    throw Error(config.address + ":" + std::to_string(config.port), error->message,
                "choose another port or address under [server], or stop the program that has it");
  return g_source_attach(source, nullptr);
}

// What a viewer calls the server.
std::string url_host(const std::string &address) {
  if (address == "0.0.0.0" || address == "::") return g_get_host_name();
  return address.find(':') == std::string::npos ? address : "[" + address + "]";
}

void serve(const Config &config) {
  std::deque<Relay> relays;  // first in, last out: viewers and cameras both hold on to them
  const Object<GstRTSPServer> server(gst_rtsp_server_new());
  for (const auto &camera : config.cameras) mount(server.get(), camera, relays.emplace_back());
  g_signal_connect(server.get(), "client-connected", G_CALLBACK(welcome), nullptr);

  const std::unique_ptr<GMainLoop, decltype(&g_main_loop_unref)> loop(g_main_loop_new(nullptr, FALSE),
                                                                      g_main_loop_unref);
  const guint sources[] = {listen(server.get(), config.server), g_unix_signal_add(SIGINT, quit, loop.get()),
                           g_unix_signal_add(SIGTERM, quit, loop.get()),
                           g_timeout_add_seconds(10, drop_dead_sessions, server.get())};

  std::deque<std::jthread> captures;
  for (std::size_t i = 0; i < config.cameras.size(); ++i)
    captures.emplace_back([&camera = config.cameras[i], &relay = relays[i]](const std::stop_token &stop) {
      run_camera(camera, relay, stop);
    });
  const std::string root = "rtsp://" + url_host(config.server.address) + ":" +
                           std::to_string(gst_rtsp_server_get_bound_port(server.get()));
  for (const auto &camera : config.cameras)
    std::cout << camera.name << ": " << root << camera.path << std::endl;

  g_main_loop_run(loop.get());
  spdlog::info("stopping");
  for (auto &capture : captures) capture.request_stop();
  for (const guint source : sources) g_source_remove(source);
  gst_rtsp_server_client_filter(server.get(), drop_client, nullptr);
}

void run(const std::string &file, bool check_only) {
  const Config config = load_config(file);
  for (const auto &warning : config.warnings) spdlog::warn("{}", warning);
  for (const auto &camera : config.cameras) check_camera(camera);
  if (check_only)
    std::cout << file << ": " << config.cameras.size() << " cameras, all can be served" << std::endl;
  else
    serve(config);
}

}  // namespace
}  // namespace uniad::rtsp

int main(int argc, char **argv) try {
  spdlog::set_default_logger(spdlog::stderr_color_mt("uniad-rtsp"));
  CLI::App app(
      "Serves cameras with their anomalies marked, as RTSP streams.\n"
      "CONFIG is a TOML file; pipelines/uniad-rtsp/cameras.toml is a commented example.");
  std::string config;
  bool check_only = false;
  app.add_option("CONFIG", config, "What to serve, and where")->required();
  app.add_flag("--check", check_only, "Only check CONFIG, its models and elements, and exit");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    return app.exit(error) == 0 ? 0 : 2;
  }

  gst_init(nullptr, nullptr);
  uniad::rtsp::run(config, check_only);
  gst_deinit();
  return 0;
} catch (const std::exception &error) {
  std::fprintf(stderr, "uniad-rtsp: %s\n", error.what());
  return 1;
}
