// SPDX-License-Identifier: Apache-2.0

// A GStreamer plugin whose source takes the place of rtspsrc: a green picture of ten frames a second, behind
// an element that waits for ever where the address says so. rtsp://good/FRAMES ends after so many frames,
// rtsp://stop/FRAMES never stops after them, rtsp://start/FRAMES never starts.

#include <gst/gst.h>

#include <string>

namespace {

struct StuckSource {
  GstBin parent;
  std::string *host;
  GstElement *source;
};
struct StuckSourceClass {
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
gboolean set_uri(GstURIHandler *handler, const gchar *text, GError **error) {
  auto *self = reinterpret_cast<StuckSource *>(handler);
  g_autoptr(GstUri) uri = gst_uri_from_string(text);
  if (uri == nullptr) {
    g_set_error_literal(error, GST_URI_ERROR, GST_URI_ERROR_BAD_URI, "no URI");
    return FALSE;
  }
  *self->host = gst_uri_get_host(uri);
  g_autofree gchar *path = gst_uri_get_path(uri);
  g_object_set(self->source, "num-buffers", std::stoi(path + 1), nullptr);
  return TRUE;
}
void init_uri_handler(gpointer interface, gpointer) {
  auto *handler = static_cast<GstURIHandlerInterface *>(interface);
  handler->get_type = uri_type;
  handler->get_protocols = protocols;
  handler->get_uri = get_uri;
  handler->set_uri = set_uri;
}

G_DEFINE_TYPE_WITH_CODE(StuckSource, stuck_source, GST_TYPE_BIN,
                        G_IMPLEMENT_INTERFACE(GST_TYPE_URI_HANDLER, init_uri_handler))

void wait_for_ever() {
  for (;;) g_usleep(G_USEC_PER_SEC);
}

GstStateChangeReturn change_state(GstElement *element, GstStateChange transition) {
  const std::string &host = *reinterpret_cast<StuckSource *>(element)->host;
  if (host == "start" && transition == GST_STATE_CHANGE_READY_TO_PAUSED) wait_for_ever();
  if (host == "stop" && transition == GST_STATE_CHANGE_PAUSED_TO_READY) wait_for_ever();
  return GST_ELEMENT_CLASS(stuck_source_parent_class)->change_state(element, transition);
}

void finalize(GObject *object) {
  delete reinterpret_cast<StuckSource *>(object)->host;
  G_OBJECT_CLASS(stuck_source_parent_class)->finalize(object);
}

void stuck_source_class_init(StuckSourceClass *klass) {
  G_OBJECT_CLASS(klass)->finalize = finalize;
  GST_ELEMENT_CLASS(klass)->change_state = change_state;
  GstCaps *caps = gst_caps_from_string("video/x-raw");
  gst_element_class_add_pad_template(GST_ELEMENT_CLASS(klass),
                                     gst_pad_template_new("src", GST_PAD_SRC, GST_PAD_ALWAYS, caps));
  gst_caps_unref(caps);
  gst_element_class_set_static_metadata(GST_ELEMENT_CLASS(klass), "Stuck source", "Source/Network",
                                        "Waits for ever where it is told to", "uniad-gst");
}

void stuck_source_init(StuckSource *self) {
  self->host = new std::string;
  self->source = gst_element_factory_make("videotestsrc", nullptr);
  g_object_set(self->source, "is-live", TRUE, nullptr);
  gst_util_set_object_arg(G_OBJECT(self->source), "pattern", "green");
  GstElement *filter = gst_element_factory_make("capsfilter", nullptr);
  GstCaps *caps = gst_caps_from_string("video/x-raw,format=I420,width=160,height=120,framerate=10/1");
  g_object_set(filter, "caps", caps, nullptr);
  gst_caps_unref(caps);
  gst_bin_add_many(GST_BIN(self), self->source, filter, nullptr);
  gst_element_link(self->source, filter);
  GstPad *pad = gst_element_get_static_pad(filter, "src");
  gst_element_add_pad(GST_ELEMENT(self), gst_ghost_pad_new("src", pad));
  gst_object_unref(pad);
}

gboolean init_plugin(GstPlugin *plugin) {
  return gst_element_register(plugin, "stucksource", GST_RANK_PRIMARY + 1000, stuck_source_get_type());
}

}  // namespace

#define PACKAGE "uniad-gst"
GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, stucksource, "For tests", init_plugin, "0",
                  "Apache-2.0", "uniad-gst", "uniad-gst")
