// SPDX-License-Identifier: Apache-2.0
#include "pipelines/uniad-rtsp/media.h"

#include <algorithm>
#include <string>

#include "model/error.h"

namespace uniad::rtsp {
namespace {

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
// dropped. H.264 has two luma samples for each of chroma, so an odd size becomes an even one.
std::string media_description(const CameraConfig &camera) {
  return "( appsrc name=frames is-live=true do-timestamp=true format=time max-buffers=2 max-bytes=0 "
         "leaky-type=downstream"
         " ! videoconvertscale ! video/x-raw,format=I420,width=[2,32766,2],height=[2,32766,2] ! " +
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

// A media of one camera whatever the URL that leads to it (a query, a forwarded port): the relay feeds one.
struct MediaFactory {
  GstRTSPMediaFactory parent;
};
struct MediaFactoryClass {
  GstRTSPMediaFactoryClass parent;
};
G_DEFINE_TYPE(MediaFactory, media_factory, GST_TYPE_RTSP_MEDIA_FACTORY)

void media_factory_init(MediaFactory *) {}
void media_factory_class_init(MediaFactoryClass *klass) {
  klass->parent.gen_key = [](GstRTSPMediaFactory *, const GstRTSPUrl *) { return g_strdup("camera"); };
}

}  // namespace

GstRTSPMediaFactory *make_media_factory(const CameraConfig &camera, Relay &relay) {
  const std::string description = media_description(camera);
  auto *factory = GST_RTSP_MEDIA_FACTORY(g_object_new(media_factory_get_type(), nullptr));
  gst_rtsp_media_factory_set_launch(factory, description.c_str());
  gst_rtsp_media_factory_set_shared(factory, TRUE);
  g_signal_connect(factory, "media-configure", G_CALLBACK(connect_viewers), &relay);
  return factory;
}

void send_key_frame(GstRTSPClient *, GstRTSPContext *context, gpointer) {
  if (context->media == nullptr) return;
  const Object<GstElement> bin(gst_rtsp_media_get_element(context->media));
  const Object<GstElement> encoder(gst_bin_get_by_name(GST_BIN(bin.get()), "encoder"));
  gst_element_send_event(encoder.get(),
                         gst_video_event_new_upstream_force_key_unit(GST_CLOCK_TIME_NONE, TRUE, 0));
}

}  // namespace uniad::rtsp
