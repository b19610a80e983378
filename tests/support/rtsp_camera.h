// SPDX-License-Identifier: Apache-2.0
// A camera that serves RTSP.
#pragma once

#include <gst/rtsp-server/rtsp-server.h>

#include <memory>
#include <string>
#include <thread>

namespace uniad::test {

// A running camera with a microphone, at rtsp://127.0.0.1:PORT/cam0.
class RtspCamera {
 public:
  RtspCamera() : RtspCamera("", "", GST_RTSP_AUTH_NONE) {}

  // The camera requires this name and password.
  RtspCamera(const std::string &user, const std::string &password, GstRTSPAuthMethod method) {
    gst_init(nullptr, nullptr);
    context_ = g_main_context_new();
    loop_ = g_main_loop_new(context_, FALSE);
    server_ = gst_rtsp_server_new();
    g_main_context_push_thread_default(context_);
    gst_rtsp_server_set_address(server_, "127.0.0.1");
    gst_rtsp_server_set_service(server_, "0");
    GstRTSPMediaFactory *factory = gst_rtsp_media_factory_new();
    gst_rtsp_media_factory_set_launch(
        factory,
        "( videotestsrc is-live=true ! video/x-raw,width=64,height=48,framerate=25/1 ! "
        "x264enc tune=zerolatency key-int-max=5 ! rtph264pay name=pay0 pt=96 "
        "audiotestsrc is-live=true ! alawenc ! rtppcmapay name=pay1 pt=8 )");
    if (method != GST_RTSP_AUTH_NONE) lock(factory, user, password, method);
    GstRTSPMountPoints *mounts = gst_rtsp_server_get_mount_points(server_);
    gst_rtsp_mount_points_add_factory(mounts, "/cam0", factory);
    g_object_unref(mounts);
    attached_ = gst_rtsp_server_attach(server_, context_);
    g_main_context_pop_thread_default(context_);
    thread_ = std::thread([this] { g_main_loop_run(loop_); });
  }

  ~RtspCamera() {
    g_main_loop_quit(loop_);
    thread_.join();
    g_source_destroy(g_main_context_find_source_by_id(context_, attached_));
    g_object_unref(server_);
    g_main_loop_unref(loop_);
    g_main_context_unref(context_);
  }
  RtspCamera(const RtspCamera &) = delete;
  RtspCamera &operator=(const RtspCamera &) = delete;

  // login: "name:password@", escaped or not.
  std::string uri(const std::string &login = "", const std::string &scheme = "rtsp") const {
    return scheme + "://" + login + "127.0.0.1:" + std::to_string(gst_rtsp_server_get_bound_port(server_)) +
           "/cam0";
  }

 private:
  void lock(GstRTSPMediaFactory *factory, const std::string &user, const std::string &password,
            GstRTSPAuthMethod method) {
    GstRTSPAuth *auth = gst_rtsp_auth_new();
    GstRTSPToken *token =
        gst_rtsp_token_new(GST_RTSP_TOKEN_MEDIA_FACTORY_ROLE, G_TYPE_STRING, "viewer", nullptr);
    gst_rtsp_auth_set_supported_methods(auth, method);
    if (method == GST_RTSP_AUTH_BASIC) {
      gchar *basic = gst_rtsp_auth_make_basic(user.c_str(), password.c_str());
      gst_rtsp_auth_add_basic(auth, basic, token);
      g_free(basic);
    } else {
      gst_rtsp_auth_add_digest(auth, user.c_str(), password.c_str(), token);
    }
    gst_rtsp_token_unref(token);
    gst_rtsp_server_set_auth(server_, auth);
    g_object_unref(auth);
    gst_rtsp_media_factory_add_role(factory, "viewer", GST_RTSP_PERM_MEDIA_FACTORY_ACCESS, G_TYPE_BOOLEAN,
                                    TRUE, GST_RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, G_TYPE_BOOLEAN, TRUE,
                                    nullptr);
  }

  GMainContext *context_ = nullptr;
  GMainLoop *loop_ = nullptr;
  GstRTSPServer *server_ = nullptr;
  guint attached_ = 0;
  std::thread thread_;
};

}  // namespace uniad::test
