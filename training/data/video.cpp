// SPDX-License-Identifier: Apache-2.0
#include "training/data/video.h"

#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <gst/video/video.h>

#include "gst-plugin/frame_view.h"
#include "model/error.h"
#include "training/data/owned.h"
#include "training/interrupt.h"

namespace uniad {
namespace {

// A running pipeline that decodes one file as fast as its frames are taken.
class Decoder {
 public:
  explicit Decoder(const std::filesystem::path &video) {
    require_gstreamer();
    GError *raw_error = nullptr;
    pipeline_.reset(
        gst_parse_launch("filesrc name=source ! decodebin name=decodebin ! "
                         "capsfilter name=video caps=video/x-raw ! "
                         "appsink name=sink sync=false max-buffers=4",
                         &raw_error));
    if (const Owned<GError> error(raw_error); error)
      throw Error("GStreamer", error->message, "install gstreamer1.0-plugins-base");
    g_object_set(find("source").get(), "location", video.c_str(), nullptr);
    // A file with sound alone may end in neither an error nor the end of a stream.
    g_signal_connect(
        find("decodebin").get(), "no-more-pads", G_CALLBACK(+[](GstElement *decodebin, gpointer) {
          gst_element_post_message(
              decodebin,
              gst_message_new_application(GST_OBJECT(decodebin), gst_structure_new_empty("no-more-pads")));
        }),
        nullptr);
    sink_.reset(GST_APP_SINK(find("sink").release()));
    gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
  }

  ~Decoder() {
    if (pipeline_) gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
  }
  Decoder(const Decoder &) = delete;
  Decoder &operator=(const Decoder &) = delete;

  // The next frame; none at the end of the stream and after an error.
  Owned<GstSample> next() {
    while (!ended()) {
      if (auto *sample = gst_app_sink_try_pull_sample(sink_.get(), 100 * GST_MSECOND))
        return Owned<GstSample>(sample);
      if (gst_app_sink_is_eos(sink_.get())) break;
    }
    // An error may leave frames behind that were decoded before it.
    return Owned<GstSample>(gst_app_sink_try_pull_sample(sink_.get(), 0));
  }

  // Why it ended; empty: at the end of the stream.
  std::string error() {
    ended();
    return error_;
  }

 private:
  Owned<GstElement> find(const char *name) {
    return Owned<GstElement>(gst_bin_get_by_name(GST_BIN(pipeline_.get()), name));
  }

  bool has_video() {
    const Owned<GstPad> pad(gst_element_get_static_pad(find("video").get(), "sink"));
    return gst_pad_is_linked(pad.get()) != FALSE;
  }

  bool ended() {
    const Owned<GstBus> bus(gst_element_get_bus(pipeline_.get()));
    constexpr auto types =
        static_cast<GstMessageType>(GST_MESSAGE_ERROR | GST_MESSAGE_EOS | GST_MESSAGE_APPLICATION);
    while (const Owned<GstMessage> message{gst_bus_pop_filtered(bus.get(), types)}) {
      if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_APPLICATION) {
        if (has_video()) continue;
        error_ = "it has no video stream";
      }
      ended_ = true;
      if (GST_MESSAGE_TYPE(message.get()) != GST_MESSAGE_ERROR || !error_.empty()) continue;
      GError *raw_error = nullptr;
      gst_message_parse_error(message.get(), &raw_error, nullptr);
      error_ = Owned<GError>(raw_error)->message;
    }
    return ended_;
  }

  Owned<GstElement> pipeline_;
  Owned<GstAppSink> sink_;
  bool ended_ = false;
  std::string error_;
};

// The frame's memory, readable as long as this lives.
struct MappedFrame {
  MappedFrame(GstSample *sample, const std::filesystem::path &video) {
    GstVideoInfo info;
    if (!gst_video_info_from_caps(&info, gst_sample_get_caps(sample)) ||
        !gst_video_frame_map(&frame, &info, gst_sample_get_buffer(sample), GST_MAP_READ))
      throw Error(video.string(), "a decoded frame cannot be read",
                  "convert the video, for example to H.264");
  }
  ~MappedFrame() { gst_video_frame_unmap(&frame); }
  MappedFrame(const MappedFrame &) = delete;
  MappedFrame &operator=(const MappedFrame &) = delete;

  GstVideoFrame frame;
};

double frame_rate_of(GstSample *sample) {
  GstVideoInfo info;
  if (!gst_video_info_from_caps(&info, gst_sample_get_caps(sample)) || info.fps_n <= 0 || info.fps_d <= 0)
    return 0;
  return static_cast<double>(info.fps_n) / info.fps_d;
}

Error no_frames(const std::filesystem::path &video, const std::string &error) {
  return {video.string(), error.empty() ? "it has no video stream" : error,
          "give a video that GStreamer plays, a folder of pictures, or a .json list"};
}

}  // namespace

FrameCount count_frames(const std::filesystem::path &video, std::int64_t limit) {
  Decoder decoder(video);
  FrameCount count;
  while (count.frames < limit) {
    const auto sample = decoder.next();
    if (!sample) break;
    if (interrupted()) throw Error(video.string(), "interrupted", "nothing was written");
    if (count.frames == 0) count.frame_rate = frame_rate_of(sample.get());
    ++count.frames;
  }
  if (count.frames < limit) count.error = decoder.error();
  if (count.frames == 0) throw no_frames(video, count.error);
  return count;
}

std::optional<double> frame_rate(const std::filesystem::path &video) {
  Decoder decoder(video);
  const auto first = decoder.next();
  if (!first) throw no_frames(video, decoder.error());
  const double rate = frame_rate_of(first.get());
  return rate > 0 ? std::optional(rate) : std::nullopt;
}

FrameCount visit_frames(const std::filesystem::path &video, std::span<const std::int64_t> wanted,
                        const std::function<void(std::size_t, const FrameView &)> &visitor) {
  Decoder decoder(video);
  FrameCount count;
  for (std::int64_t number = 0; static_cast<std::size_t>(count.frames) < wanted.size(); ++number) {
    const auto sample = decoder.next();
    if (!sample) {
      count.error = decoder.error();
      break;
    }
    const auto position = static_cast<std::size_t>(count.frames);
    if (number != wanted[position]) continue;
    ++count.frames;
    if (has_no_picture(gst_sample_get_buffer(sample.get()))) {
      count.corrupt.push_back(position);
      continue;
    }
    const MappedFrame mapped(sample.get(), video);
    visitor(position, view_of(mapped.frame));
  }
  return count;
}

}  // namespace uniad
