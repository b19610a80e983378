// SPDX-License-Identifier: Apache-2.0

// A GStreamer plugin whose source takes the place of rtspsrc, for cameras that misbehave: a green picture of
// 160x120, ten frames a second, as many as rtsp://HOST/FRAMES says. The host says how it misbehaves:
//   stop   never stops
//   start  never starts
//   late   starts after a second
//   slow   brings a frame every 2.5 seconds
//   moody  does so too, and every other time refuses to start
//   ends   does nothing else: after its frames it ends
//   norate states no frame rate, and comes only once

#include <gst/gst.h>

#include <atomic>
#include <string>

namespace {

struct BadCamera {
  GstBin parent;
  std::string *host;
  GstElement *source, *rate, *stated;
};
struct BadCameraClass {
  GstBinClass parent;
};

GstURIType uri_type(GType) {
  return GST_URI_SRC;
}
const gchar *const *protocols(GType) {
  static const gchar *const names[] = {"rtsp", nullptr};
  return names;
}
gchar *get_uri(GstURIHandler *) {
  return nullptr;
}
void set_caps(GstElement *element, const char *text) {
  g_autoptr(GstCaps) caps = gst_caps_from_string(text);
  g_object_set(element, "caps", caps, nullptr);
}

gboolean set_uri(GstURIHandler *handler, const gchar *text, GError **error) {
  auto *self = reinterpret_cast<BadCamera *>(handler);
  g_autoptr(GstUri) uri = gst_uri_from_string(text);
  if (uri == nullptr) {
    g_set_error_literal(error, GST_URI_ERROR, GST_URI_ERROR_BAD_URI, "no URI");
    return FALSE;
  }
  *self->host = gst_uri_get_host(uri);
  g_autofree gchar *path = gst_uri_get_path(uri);
  g_object_set(self->source, "num-buffers", std::stoi(path + 1), nullptr);
  set_caps(self->rate, *self->host == "slow" || *self->host == "moody"
                           ? "video/x-raw,format=I420,width=160,height=120,framerate=2/5"
                           : "video/x-raw,format=I420,width=160,height=120,framerate=10/1");
  if (*self->host == "norate") set_caps(self->stated, "video/x-raw,framerate=0/1");
  return TRUE;
}
void init_uri_handler(gpointer interface, gpointer) {
  auto *handler = static_cast<GstURIHandlerInterface *>(interface);
  handler->get_type = uri_type;
  handler->get_protocols = protocols;
  handler->get_uri = get_uri;
  handler->set_uri = set_uri;
}

G_DEFINE_TYPE_WITH_CODE(BadCamera, bad_camera, GST_TYPE_BIN,
                        G_IMPLEMENT_INTERFACE(GST_TYPE_URI_HANDLER, init_uri_handler))

void wait_for_ever() {
  for (;;) g_usleep(G_USEC_PER_SEC);
}

GstStateChangeReturn change_state(GstElement *element, GstStateChange transition) {
  const std::string &host = *reinterpret_cast<BadCamera *>(element)->host;
  if (host == "late" && transition == GST_STATE_CHANGE_READY_TO_PAUSED) g_usleep(G_USEC_PER_SEC);
  static std::atomic<int> comings{0};
  if (host == "norate" && transition == GST_STATE_CHANGE_READY_TO_PAUSED && comings++ > 0) wait_for_ever();
  if (host == "moody" && transition == GST_STATE_CHANGE_READY_TO_PAUSED && comings++ % 2 == 1) {
    GST_ELEMENT_ERROR(element, RESOURCE, READ, ("not now"), (nullptr));
    return GST_STATE_CHANGE_FAILURE;
  }
  if (host == "start" && transition == GST_STATE_CHANGE_READY_TO_PAUSED) wait_for_ever();
  if (host == "stop" && transition == GST_STATE_CHANGE_PAUSED_TO_READY) wait_for_ever();
  return GST_ELEMENT_CLASS(bad_camera_parent_class)->change_state(element, transition);
}

void finalize(GObject *object) {
  delete reinterpret_cast<BadCamera *>(object)->host;
  G_OBJECT_CLASS(bad_camera_parent_class)->finalize(object);
}

void bad_camera_class_init(BadCameraClass *klass) {
  G_OBJECT_CLASS(klass)->finalize = finalize;
  GST_ELEMENT_CLASS(klass)->change_state = change_state;
  GstCaps *caps = gst_caps_from_string("video/x-raw");
  gst_element_class_add_pad_template(GST_ELEMENT_CLASS(klass),
                                     gst_pad_template_new("src", GST_PAD_SRC, GST_PAD_ALWAYS, caps));
  gst_caps_unref(caps);
  gst_element_class_set_static_metadata(GST_ELEMENT_CLASS(klass), "Bad camera", "Source/Network",
                                        "Misbehaves as it is told to", "uniad-gst");
}

void bad_camera_init(BadCamera *self) {
  self->host = new std::string;
  self->source = gst_element_factory_make("videotestsrc", nullptr);
  g_object_set(self->source, "is-live", TRUE, nullptr);
  gst_util_set_object_arg(G_OBJECT(self->source), "pattern", "green");
  self->rate = gst_element_factory_make("capsfilter", nullptr);
  self->stated = gst_element_factory_make("capssetter", nullptr);
  gst_bin_add_many(GST_BIN(self), self->source, self->rate, self->stated, nullptr);
  gst_element_link_many(self->source, self->rate, self->stated, nullptr);
  GstPad *pad = gst_element_get_static_pad(self->stated, "src");
  gst_element_add_pad(GST_ELEMENT(self), gst_ghost_pad_new("src", pad));
  gst_object_unref(pad);
}

gboolean init_plugin(GstPlugin *plugin) {
  return gst_element_register(plugin, "badcamera", GST_RANK_PRIMARY + 1000, bad_camera_get_type());
}

}  // namespace

#define PACKAGE "uniad-gst"
GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, badcamera, "For tests", init_plugin, "0",
                  "Apache-2.0", "uniad-gst", "uniad-gst")
