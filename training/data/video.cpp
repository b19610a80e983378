// SPDX-License-Identifier: Apache-2.0
#include "training/data/video.h"

#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <gst/video/video.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <ctime>
#include <fstream>
#include <memory>
#include <string_view>
#include <utility>

#include "gst-plugin/video/mapped_frame.h"
#include "model/base/error.h"
#include "training/base/interrupt.h"
#include "training/data/cut_short.h"
#include "training/data/damage.h"
#include "training/data/gstreamer.h"
#include "training/data/pipeline.h"

namespace uniad {
namespace {

namespace fs = std::filesystem;

constexpr const char *use_another_video =
    "use a video that GStreamer can play, a folder of pictures, or a .json list";

// The position at which a pipeline reads its file. Shared, because the streaming threads outlive a pipeline
// that does not stop.
struct BytesRead {
  std::atomic<std::uint64_t> bytes = 0;

  using Shared = std::shared_ptr<BytesRead>;

  static Shared count(const Pipeline &pipeline) {
    auto read = std::make_shared<BytesRead>();
    const Ref<GstPad> pad(gst_element_get_static_pad(pipeline.find("source").get(), "src"));
    // Demuxers read at arbitrary positions, so this is the current position and not a sum.
    gst_pad_add_probe(
        pad.get(), static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_PULL),
        [](GstPad *, GstPadProbeInfo *info, gpointer shared) {
          if (GstBuffer *const buffer = GST_PAD_PROBE_INFO_BUFFER(info))
            (*static_cast<Shared *>(shared))->bytes = GST_BUFFER_OFFSET(buffer) + gst_buffer_get_size(buffer);
          return GST_PAD_PROBE_OK;
        },
        new Shared(read), [](gpointer shared) { delete static_cast<Shared *>(shared); });
    return read;
  }
};

// Distinguishes a slow decoder from one that is stuck.
class Patience {
 public:
  // Returns whether the decoder is stuck. Must be called while no frame arrives. bytes: position in the file.
  bool ended(std::uint64_t bytes) {
    const auto now = Clock::now();
    if (bytes != bytes_) restart(bytes);
    const std::chrono::duration<double> silent = now - since_;
    const double worked = static_cast<double>(std::clock() - clock_since_) / CLOCKS_PER_SEC;
    // A decoder that uses the CPU may be decoding a large frame. One that sleeps waits in vain.
    return silent.count() > (worked > silent.count() / 4 ? 20 : 4);
  }
  void restart(std::uint64_t bytes) {
    bytes_ = bytes;
    since_ = Clock::now();
    clock_since_ = std::clock();
  }

 private:
  using Clock = std::chrono::steady_clock;
  std::uint64_t bytes_ = 0;
  Clock::time_point since_ = Clock::now();
  std::clock_t clock_since_ = std::clock();
};

void throw_if_interrupted(const fs::path &video) {
  if (interrupted())
    throw Error(ErrorKind::Interrupted, video.string(), "interrupted while reading it",
                "run the command again");
}

// The error for a video that yields no frames. If the file is cut short, the error says so, whatever the
// demuxer reported.
Error refusal(const fs::path &video, const std::string &reason, const std::string &hint) {
  const std::uint64_t missing = missing_bytes(video);
  if (missing == 0) return {ErrorKind::Malformed, video.string(), reason, hint};
  return {ErrorKind::Malformed, video.string(),
          "is cut short: " + std::to_string(missing) + " bytes or more are missing at its end",
          "copy it again, or record it again"};
}

Error stalled(const fs::path &video) {
  return refusal(video, "its decoder is stuck", "convert the video, for example to H.264");
}

// GStreamer decodes the first frame of a GIF endlessly.
bool is_gif(const fs::path &video) {
  std::array<char, 4> start{};
  std::ifstream(video, std::ios::binary).read(start.data(), start.size());
  return std::string_view(start.data(), start.size()) == "GIF8";
}

std::string description_of(bool turned) {
  return std::string(
             "filesrc name=source ! decodebin name=decodebin ! capsfilter name=video caps=video/x-raw ! ") +
         (turned ? "videoconvert ! videoflip video-direction=auto ! " : "") +
         "appsink name=sink sync=false max-buffers=2";
}

// A running pipeline that decodes one file as fast as its frames are pulled.
class Decoding {
 public:
  Decoding(const fs::path &video, bool turned)
      : video_(video),
        pipeline_(description_of(turned), "install gstreamer1.0-plugins-base, -good and gstreamer1.0-libav"),
        damage_(pipeline_),
        read_(BytesRead::count(pipeline_)) {
    g_object_set(pipeline_.find("source").get(), "location", video.c_str(), nullptr);
    // A file that contains only sound may end neither with an error nor with an end of stream.
    g_signal_connect(
        pipeline_.find("decodebin").get(), "no-more-pads", G_CALLBACK(+[](GstElement *element, gpointer) {
          gst_element_post_message(
              element,
              gst_message_new_application(GST_OBJECT(element), gst_structure_new_empty("no-more-pads")));
        }),
        nullptr);
    sink_.reset(GST_APP_SINK(pipeline_.find("sink").release()));
    pipeline_.play();
  }
  ~Decoding() {
    if (pipeline_.stop()) damage_.end();
  }
  Decoding(const Decoding &) = delete;
  Decoding &operator=(const Decoding &) = delete;

  // Returns the next frame; null at the end of the stream and after an error.
  Ref<GstSample> next() {
    Patience patience;
    patience.restart(read_->bytes);
    while (!ended()) {
      throw_if_interrupted(video_);
      if (auto *sample = gst_app_sink_try_pull_sample(sink_.get(), 100 * GST_MSECOND))
        return advancing(Ref<GstSample>(sample));
      if (gst_app_sink_is_eos(sink_.get())) break;
      if (patience.ended(read_->bytes)) throw stalled(video_);
    }
    // Frames that were decoded before an error may still be queued.
    return Ref<GstSample>(gst_app_sink_try_pull_sample(sink_.get(), 0));
  }

  // Returns why decoding ended; empty at the end of the stream.
  std::string error() {
    ended();
    return error_;
  }

  std::string complaint() const { return damage_.complaint(); }
  std::uint64_t bytes_read() const { return read_->bytes; }

  // Returns whether the video's orientation tag requires rotation; known from the first frame on.
  bool is_to_be_turned() const {
    const Ref<GstPad> pad(gst_element_get_static_pad(GST_ELEMENT(sink_.get()), "sink"));
    bool turn = false;
    for (guint i = 0; GstEvent *event = gst_pad_get_sticky_event(pad.get(), GST_EVENT_TAG, i); ++i) {
      GstTagList *tags = nullptr;
      gst_event_parse_tag(event, &tags);
      const gchar *orientation = nullptr;
      if (gst_tag_list_peek_string_index(tags, GST_TAG_IMAGE_ORIENTATION, 0, &orientation))
        turn = std::string_view(orientation) != "rotate-0";
      gst_event_unref(event);
    }
    return turn;
  }

 private:
  // Detects decoders that repeat a frame forever without reading more of the file.
  Ref<GstSample> advancing(Ref<GstSample> sample) {
    constexpr int most = 250;
    const GstClockTime time = GST_BUFFER_PTS(gst_sample_get_buffer(sample.get()));
    const bool repeated = GST_CLOCK_TIME_IS_VALID(time) && time == last_time_ && read_->bytes == last_bytes_;
    repetitions_ = repeated ? repetitions_ + 1 : 0;
    if (repetitions_ > most) throw stalled(video_);
    last_time_ = time;
    last_bytes_ = read_->bytes;
    return sample;
  }

  bool has_video() {
    const Ref<GstPad> pad(gst_element_get_static_pad(pipeline_.find("video").get(), "sink"));
    return gst_pad_is_linked(pad.get()) != FALSE;
  }

  bool ended() {
    constexpr auto types =
        static_cast<GstMessageType>(GST_MESSAGE_ERROR | GST_MESSAGE_EOS | GST_MESSAGE_APPLICATION);
    while (const Ref<GstMessage> message{gst_bus_pop_filtered(bus_.get(), types)}) {
      if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_APPLICATION) {
        if (has_video()) continue;
        error_ = "it has no video stream";
      }
      ended_ = true;
      if (GST_MESSAGE_TYPE(message.get()) != GST_MESSAGE_ERROR || !error_.empty()) continue;
      GError *raw_error = nullptr;
      gst_message_parse_error(message.get(), &raw_error, nullptr);
      error_ = Ref<GError>(raw_error)->message;
    }
    return ended_;
  }

  const fs::path video_;
  Pipeline pipeline_;
  DamageWatch damage_;
  BytesRead::Shared read_;
  Ref<GstBus> bus_{pipeline_.bus()};
  Ref<GstAppSink> sink_;
  bool ended_ = false;
  std::string error_;
  GstClockTime last_time_ = GST_CLOCK_TIME_NONE;
  std::uint64_t last_bytes_ = 0;
  int repetitions_ = 0;
};

// Decodes a file, rotated according to its orientation tag.
class Decoder {
 public:
  explicit Decoder(const fs::path &video)
      : video_(video), decoding_(std::make_unique<Decoding>(video, false)) {}

  Ref<GstSample> next() {
    auto sample = decoding_->next();
    if (std::exchange(begun_, true) || !sample || !decoding_->is_to_be_turned()) return sample;
    sample.reset();
    decoding_.reset();
    decoding_ = std::make_unique<Decoding>(video_, true);
    return decoding_->next();
  }

  std::string error() { return decoding_->error(); }
  std::string complaint() const { return decoding_->complaint(); }
  std::uint64_t bytes_read() const { return decoding_->bytes_read(); }

 private:
  const fs::path video_;
  std::unique_ptr<Decoding> decoding_;
  bool begun_ = false;
};

// Maps the frame's memory for reading, for the lifetime of this object.
struct MappedSample {
  MappedSample(GstSample *sample, const fs::path &video) {
    GstVideoInfo info;
    if (!gst_video_info_from_caps(&info, gst_sample_get_caps(sample)) ||
        !gst_video_frame_map(&frame, &info, gst_sample_get_buffer(sample), GST_MAP_READ))
      throw Error(ErrorKind::Unreadable, video.string(), "a decoded frame cannot be read",
                  "convert the video, for example to H.264");
  }
  ~MappedSample() { gst_video_frame_unmap(&frame); }
  MappedSample(const MappedSample &) = delete;
  MappedSample &operator=(const MappedSample &) = delete;

  GstVideoFrame frame;
};

double frame_rate_of(const GstCaps *caps) {
  gint numerator = 0;
  gint denominator = 0;
  if (!gst_structure_get_fraction(gst_caps_get_structure(caps, 0), "framerate", &numerator, &denominator) ||
      numerator <= 0 || denominator <= 0)
    return 0;
  return static_cast<double>(numerator) / denominator;
}

Error no_frames(const fs::path &video, const std::string &error) {
  return refusal(video, error.empty() ? "it has no video stream" : error, use_another_video);
}

// Returns whether a decoder makes one frame of every packet. This is not the case for fields and for frames
// that are never shown.
bool packets_are_frames(const GstCaps *caps) {
  const GstStructure *const format = gst_caps_get_structure(caps, 0);
  const std::string_view name = gst_structure_get_name(format);
  const auto says = [&](const char *field, std::string_view value) {
    const gchar *const text = gst_structure_get_string(format, field);
    return text != nullptr && text == value;
  };
  if (gst_structure_has_field(format, "interlace-mode") && !says("interlace-mode", "progressive"))
    return false;
  if (name == "video/x-h264" || name == "video/x-h265") return says("alignment", "au");
  return name == "image/jpeg" || name == "video/x-ffv" || name == "video/x-raw";
}

// Counts the packets of the first video stream as they leave its parser.
class PacketCount {
 public:
  explicit PacketCount(const fs::path &video)
      : pipeline_("filesrc name=source ! parsebin name=parsebin", "install gstreamer1.0-plugins-base"),
        read_(BytesRead::count(pipeline_)) {
    g_object_set(pipeline_.find("source").get(), "location", video.c_str(), nullptr);
    g_signal_connect_data(
        pipeline_.find("parsebin").get(), "pad-added", G_CALLBACK(take), new Shared(state_),
        [](gpointer shared, GClosure *) { delete static_cast<Shared *>(shared); }, GConnectFlags{});
    pipeline_.play();
  }

  // Returns nothing if packets are not frames, or if the file cannot be demuxed.
  std::optional<FrameCount> run(const fs::path &video, std::int64_t limit, const PassingFrames &passing,
                                double file_size) {
    const Ref<GstBus> bus(pipeline_.bus());
    Patience patience;
    for (;;) {
      throw_if_interrupted(video);
      const Ref<GstMessage> message{gst_bus_timed_pop_filtered(
          bus.get(), 20 * GST_MSECOND, static_cast<GstMessageType>(GST_MESSAGE_ERROR | GST_MESSAGE_EOS))};
      if (state_->unknown || (message && GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_ERROR) ||
          patience.ended(read_->bytes))
        return std::nullopt;
      if (passing) passing(state_->packets, static_cast<double>(read_->bytes) / file_size);
      if (message || state_->packets >= limit) break;
    }
    if (state_->packets == 0) return std::nullopt;
    return FrameCount{std::min<std::int64_t>(state_->packets, limit), {}, state_->frame_rate};
  }

 private:
  struct State {
    std::atomic<std::int64_t> packets = 0;
    std::atomic<bool> unknown = false;  // packets are not frames
    std::atomic<double> frame_rate = 0;
    std::atomic<const GstPad *> video = nullptr;  // the pad of the first video stream

    bool is_of_video(const GstPad *pad, const GstCaps *caps) {
      const std::string_view name = gst_structure_get_name(gst_caps_get_structure(caps, 0));
      if (!name.starts_with("video/") && !name.starts_with("image/")) return false;
      const GstPad *first = nullptr;
      return video.compare_exchange_strong(first, pad) || first == pad;
    }
  };
  using Shared = std::shared_ptr<State>;

  static void take(GstElement *parsebin, GstPad *pad, gpointer shared) {
    const Shared &state = *static_cast<Shared *>(shared);
    const Ref<GstObject> pipeline(gst_object_get_parent(GST_OBJECT(parsebin)));
    GstElement *const sink = gst_element_factory_make("fakesink", nullptr);
    g_object_set(sink, "sync", FALSE, "async", FALSE, nullptr);
    gst_bin_add(GST_BIN(pipeline.get()), sink);
    const Ref<GstPad> sink_pad(gst_element_get_static_pad(sink, "sink"));
    gst_pad_link(pad, sink_pad.get());
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, count, new Shared(state),
                      [](gpointer kept) { delete static_cast<Shared *>(kept); });
    gst_element_sync_state_with_parent(sink);
  }

  // Only packets are sure to find the pad's caps: parsebin adds pads before it knows them.
  static GstPadProbeReturn count(GstPad *pad, GstPadProbeInfo *info, gpointer shared) {
    State &state = **static_cast<Shared *>(shared);
    const Ref<GstCaps> caps(gst_pad_get_current_caps(pad));
    if (!caps || !state.is_of_video(pad, caps.get())) return GST_PAD_PROBE_OK;
    state.frame_rate = frame_rate_of(caps.get());
    if (!packets_are_frames(caps.get())) state.unknown = true;
    if (!is_cut_off(pad, GST_PAD_PROBE_INFO_BUFFER(info))) ++state.packets;
    return GST_PAD_PROBE_OK;
  }

  // Edit lists cut off frames that stay in the stream because other frames refer to them.
  static bool is_cut_off(GstPad *pad, GstBuffer *packet) {
    if (GST_BUFFER_FLAG_IS_SET(packet, GST_BUFFER_FLAG_DECODE_ONLY)) return true;
    GstEvent *const event = gst_pad_get_sticky_event(pad, GST_EVENT_SEGMENT, 0);
    if (event == nullptr) return false;
    const GstSegment *segment = nullptr;
    gst_event_parse_segment(event, &segment);
    const GstClockTime begin = GST_BUFFER_PTS(packet);
    const GstClockTime end =
        GST_BUFFER_DURATION_IS_VALID(packet) ? begin + GST_BUFFER_DURATION(packet) : GST_CLOCK_TIME_NONE;
    const bool outside = segment->format == GST_FORMAT_TIME && GST_CLOCK_TIME_IS_VALID(begin) &&
                         !gst_segment_clip(segment, GST_FORMAT_TIME, begin, end, nullptr, nullptr);
    gst_event_unref(event);
    return outside;
  }

  Shared state_ = std::make_shared<State>();
  Pipeline pipeline_;
  BytesRead::Shared read_;
};

double size_of(const fs::path &video) {
  std::error_code unknown;
  const auto size = fs::file_size(video, unknown);
  return unknown || size == 0 ? 1 : static_cast<double>(size);
}

}  // namespace

FrameCount count_frames(const fs::path &video, std::int64_t limit, const PassingFrames &passing) {
  if (is_gif(video))
    throw Error(ErrorKind::Malformed, video.string(), "is a GIF, which is not supported",
                "convert it, for example ffmpeg -i x.gif x.mp4");
  const double file_size = size_of(video);
  if (const auto packets = PacketCount(video).run(video, limit, passing, file_size)) return *packets;
  Decoder decoder(video);
  FrameCount count;
  while (count.frames < limit) {
    const auto sample = decoder.next();
    if (!sample) break;
    if (count.frames == 0) count.frame_rate = frame_rate_of(gst_sample_get_caps(sample.get()));
    ++count.frames;
    if (passing) passing(count.frames, static_cast<double>(decoder.bytes_read()) / file_size);
  }
  if (count.frames < limit) count.error = decoder.error();
  if (count.frames == 0) throw no_frames(video, count.error);
  return count;
}

std::optional<double> frame_rate(const fs::path &video) {
  Decoder decoder(video);
  const auto first = decoder.next();
  if (!first) throw no_frames(video, decoder.error());
  const double rate = frame_rate_of(gst_sample_get_caps(first.get()));
  return rate > 0 ? std::optional(rate) : std::nullopt;
}

FramesSeen visit_frames(const fs::path &video, std::span<const std::int64_t> wanted,
                        std::optional<int> bit_depth,
                        const std::function<void(std::size_t, const FrameView &)> &visitor, DepthSeen &depth,
                        const PassingFrames &passing, const BetweenFrames &between) {
  const double file_size = size_of(video);
  Decoder decoder(video);
  FramesSeen seen;
  for (std::int64_t number = 0; static_cast<std::size_t>(seen.frames) < wanted.size(); ++number) {
    const auto sample = decoder.next();
    if (!sample) {
      seen.error = decoder.error();
      break;
    }
    const auto position = static_cast<std::size_t>(seen.frames);
    if (number != wanted[position]) {
      if (passing) passing(number, static_cast<double>(decoder.bytes_read()) / file_size);
      if (between && !has_no_picture(gst_sample_get_buffer(sample.get()))) {
        const MappedSample mapped(sample.get(), video);
        if (GST_VIDEO_FORMAT_INFO_DEPTH(mapped.frame.info.finfo, 0) != 16)
          between(position, number, view_of(mapped.frame));
      }
      continue;
    }
    ++seen.frames;
    if (has_no_picture(gst_sample_get_buffer(sample.get()))) {
      seen.damaged.push_back(position);
      continue;
    }
    const MappedSample mapped(sample.get(), video);
    const GstVideoFormatInfo *const format = mapped.frame.info.finfo;
    const FrameView view = view_of(mapped.frame);
    if (GST_VIDEO_FORMAT_INFO_DEPTH(format, 0) != 16 || view.layout != PixelLayout::Rows) {
      visitor(position, view);
      continue;
    }
    std::uint16_t most = 0;
    visitor(position, widened(view, bit_depth, GST_VIDEO_FORMAT_INFO_IS_GRAY(format), most));
    depth.add(most);
  }
  seen.damage = decoder.complaint();
  return seen;
}

}  // namespace uniad
