// SPDX-License-Identifier: Apache-2.0
#include "pipelines/uniad-rtsp/media.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

#include "model/base/error.h"

namespace uniad::rtsp {
namespace {

bool has_element(const char *name) {
  const Ref<GstElementFactory> factory(gst_element_factory_find(name));
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
      ErrorKind::NotFound, "camera " + camera.name, "no H.264 encoder",
      "install x264enc (Debian: gstreamer1.0-plugins-ugly) or openh264enc (gstreamer1.0-plugins-bad)");
}

// Live frames are stamped with the time of their arrival. The network of a viewer never delays them, because
// the oldest frames are dropped. H.264 has two luma samples for each chroma sample, so odd sizes become even.
std::string media_description(const CameraConfig &camera) {
  return "( appsrc name=frames is-live=true do-timestamp=true format=time max-buffers=2 max-bytes=0 "
         "leaky-type=downstream"
         " ! videoconvertscale ! video/x-raw,format=I420,width=[2,32766,2],height=[2,32766,2] ! " +
         encoder(camera) +
         " ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=-1 aggregate-mode=zero-latency )";
}

Ref<GstElement> find(GstRTSPMedia *media, const char *name) {
  const Ref<GstElement> bin(gst_rtsp_media_get_element(media));
  return Ref<GstElement>(gst_bin_get_by_name(GST_BIN(bin.get()), name));
}

Ref<GstElement> encoder_of(GstRTSPMedia *media) {
  return find(media, "encoder");
}

// Viewers that lost packets see a complete picture again within two seconds.
void set_key_frames(GstElement *encoder, const GstVideoInfo &format) {
  const bool is_rate_known = format.fps_n > 0 && format.fps_d > 0;
  const int frames = is_rate_known ? std::max(1, 2 * format.fps_n / format.fps_d) : 60;
  const char *property = g_object_class_find_property(G_OBJECT_GET_CLASS(encoder), "key-int-max") != nullptr
                             ? "key-int-max"
                             : "gop-size";
  g_object_set(encoder, property, frames, nullptr);
}

// After this time, frames that have left the encoder have reached the current viewers.
constexpr std::chrono::milliseconds time_to_viewers{20};

// The other viewers lose one or two frames just before a key frame, which does not depend on them.
GstPadProbeReturn drop_up_to_key_frame(GstPad *, GstPadProbeInfo *info, gpointer) {
  const bool is_key = !GST_BUFFER_FLAG_IS_SET(GST_PAD_PROBE_INFO_BUFFER(info), GST_BUFFER_FLAG_DELTA_UNIT);
  return is_key ? GST_PAD_PROBE_REMOVE : GST_PAD_PROBE_DROP;
}

void connect_viewers(GstRTSPMediaFactory *, GstRTSPMedia *media, gpointer relay) {
  // Some clients (OpenCV) never change the first frame size that they receive.
  static_cast<Relay *>(relay)->wait_for_format();
  const Ref<GstElement> frames = find(media, "frames");
  set_key_frames(encoder_of(media).get(), static_cast<Relay *>(relay)->format());
  static_cast<Relay *>(relay)->set_viewers(GST_APP_SRC(frames.get()));
}

// All URLs of a camera (with a query, or through a forwarded port) share one media, because the relay feeds
// only one.
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

void keep_up_to_key_frame(GstRTSPMedia *media) {
  const Ref<GstPad> pad(gst_element_get_static_pad(encoder_of(media).get(), "src"));
  gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BUFFER, drop_up_to_key_frame, nullptr, nullptr);
  std::this_thread::sleep_for(time_to_viewers);
}

void make_key_frame(GstRTSPMedia *media) {
  gst_element_send_event(encoder_of(media).get(),
                         gst_video_event_new_upstream_force_key_unit(GST_CLOCK_TIME_NONE, TRUE, 0));
}

}  // namespace uniad::rtsp
