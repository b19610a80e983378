// SPDX-License-Identifier: Apache-2.0
#include "pipelines/uniad-rtsp/camera.h"

#include <gst/app/app.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "model/address.h"
#include "model/error.h"
#include "pipelines/uniad-rtsp/running_pipeline.h"

namespace uniad::rtsp {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::seconds;

constexpr seconds shortest_pause{1};
constexpr seconds longest_pause{30};
constexpr seconds longest_patience{120};
constexpr GstClockTime time_to_open = 20 * GST_SECOND;
constexpr auto no_signal = "no signal";
constexpr auto poll_interval = std::chrono::nanoseconds(std::chrono::milliseconds(250));

// What only playing it tells of a source.
struct Findings {
  bool is_still = false;  // a file of one picture
};

std::string capture_description(const CameraConfig &camera, const Findings &findings) {
  std::string text;
  if (camera.kind == SourceKind::test)
    text = "videotestsrc is-live=true name=pattern ! video/x-raw,width=640,height=360,framerate=25/1";
  else
    text = "uridecodebin name=source caps=video/x-raw(ANY) expose-all-streams=false ! video/x-raw";
  if (camera.kind == SourceKind::file)  // turned as it says, as uniad train does
    text += " ! videoconvert ! videoflip video-direction=auto";
  if (camera.kind == SourceKind::file)
    text += findings.is_still ? " ! imagefreeze is-live=true ! video/x-raw,framerate=10/1"
                              : " ! identity name=pace sync=true";  // as fast as a camera, no faster
  // Everything before this queue is as fast as the source; what judges too slowly loses the oldest frames
  // here.
  text += " ! queue name=newest leaky=downstream max-size-buffers=2 max-size-bytes=0 max-size-time=0";
  if (camera.model) {
    text += " ! uniaddetect name=detect";
    if (camera.overlay) text += " ! uniadoverlay name=overlay";
    if (!camera.publish.empty()) text += " ! uniadpublish name=publish";
  }
  return text + " ! appsink name=frames caps=video/x-raw sync=false max-buffers=2 drop=true";
}

GstPadProbeReturn forget_end_time(GstPad *, GstPadProbeInfo *info, gpointer) {
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
  if (GST_EVENT_TYPE(event) != GST_EVENT_CAPS) return GST_PAD_PROBE_OK;
  GstCaps *announced = nullptr;
  gst_event_parse_caps(event, &announced);
  g_autoptr(GstCaps) caps = gst_caps_copy(announced);
  for (guint i = 0; i < gst_caps_get_size(caps); ++i)
    gst_structure_remove_field(gst_caps_get_structure(caps, i), "npt-stop");
  GST_PAD_PROBE_INFO_DATA(info) = gst_event_new_caps(caps);
  gst_event_unref(event);
  return GST_PAD_PROBE_OK;
}

// A jitter buffer that knows when its stream will end sets a timer for that without waking the thread that
// waits for timers. Where all packets have come by then, as on a busy machine, the end of the stream waits
// for that thread for ever, and stopping the pipeline with it. The stream's own end says the same, in time.
void set_up_jitter_buffer(GstElement *, GstElement *jitter_buffer, guint, guint, gpointer) {
  g_autoptr(GstPad) pad = gst_element_get_static_pad(jitter_buffer, "sink");
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, forget_end_time, nullptr, nullptr);
}

void set_up_rtp(GstElement *, GstElement *manager, gpointer) {
  g_signal_connect(manager, "new-jitterbuffer", G_CALLBACK(set_up_jitter_buffer), nullptr);
}

bool has_property(GstElement *element, const char *name) {
  return g_object_class_find_property(G_OBJECT_GET_CLASS(element), name) != nullptr;
}

void set_up_source(GstElement *, GstElement *source, gpointer) {
  if (has_property(source, "drop-on-latency"))
    g_object_set(source, "latency", 200U, "drop-on-latency", TRUE, nullptr);
  // Results then say when the camera took the frame.
  if (has_property(source, "add-reference-timestamp-meta"))
    g_object_set(source, "add-reference-timestamp-meta", TRUE, nullptr);
  if (g_signal_lookup("new-manager", G_OBJECT_TYPE(source)) != 0)
    g_signal_connect(source, "new-manager", G_CALLBACK(set_up_rtp), nullptr);
}

// Gives times to frames that have none, as those of a file of JPEG pictures: as many a second as the file
// states, or 25.
class Pace {
 public:
  static GstPadProbeReturn keep(GstPad *, GstPadProbeInfo *info, gpointer pace) {
    if ((GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER) != 0)
      GST_PAD_PROBE_INFO_DATA(info) = static_cast<Pace *>(pace)->stamp(GST_PAD_PROBE_INFO_BUFFER(info));
    else
      static_cast<Pace *>(pace)->heed(GST_PAD_PROBE_INFO_EVENT(info));
    return GST_PAD_PROBE_OK;
  }

 private:
  GstBuffer *stamp(GstBuffer *frame) {
    const guint64 number = frames_++;
    if (GST_BUFFER_PTS_IS_VALID(frame)) return frame;
    frame = gst_buffer_make_writable(frame);
    GST_BUFFER_PTS(frame) = gst_util_uint64_scale(number, GST_SECOND * duration_n_, duration_d_);
    return frame;
  }

  void heed(GstEvent *event) {
    if (GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT) frames_ = 0;
    if (GST_EVENT_TYPE(event) != GST_EVENT_CAPS) return;
    GstCaps *caps = nullptr;
    gst_event_parse_caps(event, &caps);
    gint n = 0, d = 0;
    const bool is_stated =
        gst_structure_get_fraction(gst_caps_get_structure(caps, 0), "framerate", &n, &d) != FALSE && n > 0;
    duration_n_ = is_stated ? static_cast<guint64>(d) : 1;
    duration_d_ = is_stated ? static_cast<guint64>(n) : 25;
  }

  guint64 frames_ = 0;
  guint64 duration_n_ = 1, duration_d_ = 25;  // of a frame, in seconds
};

void keep_pace(GstElement *pace) {
  g_autoptr(GstPad) pad = gst_element_get_static_pad(pace, "sink");
  constexpr auto kinds =
      static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM);
  gst_pad_add_probe(pad, kinds, Pace::keep, new Pace,
                    [](gpointer data) { delete static_cast<Pace *>(data); });
}

void set_pattern(GstElement *source, const CameraConfig &camera) {
  const std::string name = camera.uri.substr(sizeof("test://") - 1);
  GParamSpec *pattern = g_object_class_find_property(G_OBJECT_GET_CLASS(source), "pattern");
  const GEnumValue *value = g_enum_get_value_by_nick(G_PARAM_SPEC_ENUM(pattern)->enum_class, name.c_str());
  if (value == nullptr)
    throw Error(camera.place("uri"), "there is no test picture \"" + name + "\"",
                "`gst-inspect-1.0 videotestsrc` lists them under `pattern`");
  g_object_set(source, "pattern", value->value, nullptr);
}

constexpr auto has_video = "uniad-has-video";

// decodebin tells of sound alone as of a missing decoder: whether anything was tried for pictures tells them
// apart.
int note_video(GstElement *bin, GstPad *, GstCaps *, GstElementFactory *factory, gpointer) {
  const std::string_view kind = gst_element_factory_get_metadata(factory, GST_ELEMENT_METADATA_KLASS);
  const auto has = [kind](std::string_view word) { return kind.find(word) != std::string_view::npos; };
  if ((has("Video") || has("Image")) && !has("Demuxer")) g_object_set_data(G_OBJECT(bin), has_video, bin);
  return 0;  // GST_AUTOPLUG_SELECT_TRY
}

std::string uri_of(const CameraConfig &camera) {
  if (camera.kind != SourceKind::file || scheme_of(camera.uri) == "file")
    return with_encoded_credentials(camera.uri);
  g_autofree char *uri = gst_filename_to_uri(camera.uri.c_str(), nullptr);
  return uri != nullptr ? uri : camera.uri;
}

bool begins_model(const CameraConfig &camera) {
  std::error_code unreadable;
  return camera.learns() && !std::filesystem::exists(*camera.model, unreadable);
}

void set_detection(GstElement *detect, const CameraConfig &camera) {
  g_object_set(detect, "model", camera.model->c_str(), "source", camera.name.c_str(), "interval",
               camera.interval, nullptr);
  gst_util_set_object_arg(G_OBJECT(detect), "mode",
                          "async");  // viewers see every frame, whatever the model's pace
  if (camera.threshold) g_object_set(detect, "threshold", *camera.threshold, nullptr);
  if (camera.adapt_rate > 0) g_object_set(detect, "adapt-rate", camera.adapt_rate, nullptr);
  // Untold, only what the model does not know of this camera yet and what was interrupted: a camera that
  // comes back goes on as it was.
  if (camera.learns())
    g_object_set(detect, "learn", camera.learn, "learn-time", guint64(camera.learn_time.count()),
                 "learn-once", TRUE, "backbone", camera.backbone.c_str(), nullptr);
}

void set_publishing(GstElement *publish, const CameraConfig &camera) {
  // A camera that comes back makes a new pipeline: what it published before stays. What cannot be written to
  // costs lines, never the picture.
  g_object_set(publish, "location", camera.publish.c_str(), "append", TRUE, "retry-open", TRUE, "max-size",
               camera.publish_max_size, "max-files", camera.publish_max_files, nullptr);
  gst_util_set_object_arg(G_OBJECT(publish), "mode", camera.publish_mode.c_str());
}

Pipeline make_capture(const CameraConfig &camera, const Findings &findings) {
  Pipeline pipeline = parse_pipeline(capture_description(camera, findings));
  with_element(pipeline.get(), "source", [&](GstElement *source) {
    g_signal_connect(source, "source-setup", G_CALLBACK(set_up_source), nullptr);
    g_signal_connect(source, "autoplug-select", G_CALLBACK(note_video), nullptr);
    g_object_set(source, "uri", uri_of(camera).c_str(), nullptr);
  });
  with_element(pipeline.get(), "pattern", [&](GstElement *source) { set_pattern(source, camera); });
  with_element(pipeline.get(), "pace", keep_pace);
  with_element(pipeline.get(), "detect", [&](GstElement *detect) { set_detection(detect, camera); });
  with_element(pipeline.get(), "publish", [&](GstElement *publish) { set_publishing(publish, camera); });
  return pipeline;
}

// The picture in place of a camera that brings none, in the camera's format so that viewers see no change of
// it.
Pipeline make_placeholder(const std::string &words, const GstVideoInfo &format) {
  Pipeline pipeline = parse_pipeline(
      "videotestsrc is-live=true pattern=black ! capsfilter name=format ! "
      "textoverlay name=words valignment=center halignment=center shaded-background=false ! "
      "appsink name=frames caps=video/x-raw sync=false max-buffers=2 drop=true");
  GstVideoInfo paced = format;
  const bool is_rate_useful = paced.fps_n > 0 && paced.fps_d > 0 && paced.fps_n <= 60 * paced.fps_d;
  if (!is_rate_useful) {  // unknown, or a clock's rate that cameras state instead of theirs
    paced.fps_n = 10;
    paced.fps_d = 1;
  }
  g_autoptr(GstCaps) caps = gst_video_info_to_caps(&paced);
  with_element(pipeline.get(), "format",
               [&](GstElement *filter) { g_object_set(filter, "caps", caps, nullptr); });
  with_element(pipeline.get(), "words",
               [&](GstElement *overlay) { g_object_set(overlay, "text", words.c_str(), nullptr); });
  return pipeline;
}

template <void (Relay::*Push)(GstSample *)>
GstFlowReturn pass_on(GstAppSink *sink, gpointer relay) {
  g_autoptr(GstSample) sample = gst_app_sink_pull_sample(sink);
  if (sample == nullptr) return GST_FLOW_EOS;
  (static_cast<Relay *>(relay)->*Push)(sample);
  return GST_FLOW_OK;
}

// The relay outlives the pipeline.
template <void (Relay::*Push)(GstSample *)>
Pipeline pass_to(Relay &relay, Pipeline pipeline) {
  with_element(pipeline.get(), "frames", [&](GstElement *sink) {
    GstAppSinkCallbacks callbacks{};
    callbacks.new_sample = pass_on<Push>;
    gst_app_sink_set_callbacks(GST_APP_SINK(sink), &callbacks, &relay, nullptr);
  });
  return pipeline;
}

auto whole_seconds(Clock::duration time) {
  return std::chrono::duration_cast<seconds>(time).count();
}

void log_event(const CameraConfig &camera, const GstStructure *event) {
  const char *state = gst_structure_get_string(event, "state");
  double score = 0;
  gst_structure_get_double(event, "score", &score);
  spdlog::info("{}: anomaly {}, score {:.4g}", camera.name, state != nullptr ? state : "seen", score);
}

void log_learned(const CameraConfig &camera, const GstStructure *learning, guint64 frames) {
  double threshold = 0;
  if (gst_structure_get_double(learning, "threshold", &threshold) != FALSE)
    spdlog::info("{}: learning is done after {} frames, threshold {:.4g}", camera.name, frames, threshold);
  else
    spdlog::info("{}: learning is done after {} frames, without a threshold", camera.name, frames);
}

// "120 of 400 frames" or "12 of 30 s", as it was asked for.
std::string progress(const GstStructure *learning) {
  const auto read = [learning](const char *field) {
    guint64 number = 0;
    gst_structure_get_uint64(learning, field, &number);
    return number;
  };
  if (read("wanted") > 0)
    return std::to_string(read("frames")) + " of " + std::to_string(read("wanted")) + " frames";
  return std::to_string(read("time") / GST_SECOND) + " of " +
         std::to_string(read("wanted-time") / GST_SECOND) + " s";
}

void log_learning(const CameraConfig &camera, const GstStructure *learning) {
  const char *text = gst_structure_get_string(learning, "state");
  const std::string_view state = text != nullptr ? text : "";
  guint64 frames = 0;
  gst_structure_get_uint64(learning, "frames", &frames);
  const char *remarks = gst_structure_get_string(learning, "remarks");
  if (state == "learning" && remarks != nullptr)
    spdlog::info("{}: {}", camera.name, remarks);  // it resumes, or begins anew
  else if (state == "learning")
    spdlog::info("{}: learning, {}", camera.name, progress(learning));
  else if (state == "interrupted")
    spdlog::info("{}: learning is interrupted at {}, and resumes when frames come again", camera.name,
                 progress(learning));
  else if (state == "done")
    log_learned(camera, learning, frames);
  else if (state == "saved")
    spdlog::info("{}: what was learned is in {}", camera.name, camera.model->string());
  else if (state == "failed")
    spdlog::error("{}: learning has failed", camera.name);  // the element's warning says why
}

void log_element_message(const CameraConfig &camera, GstMessage *message) {
  const GstStructure *fields = gst_message_get_structure(message);
  if (gst_message_has_name(message, "uniad-event") != FALSE) log_event(camera, fields);
  if (gst_message_has_name(message, "uniad-learn") != FALSE) log_learning(camera, fields);
}

// What went wrong, and the details that stand below the source line in GStreamer's debug text. Neither tells
// the camera's password.
std::string error_text(const CameraConfig &camera, GstMessage *message) {
  g_autoptr(GError) error = nullptr;
  g_autofree char *debug = nullptr;
  gst_message_parse_error(message, &error, &debug);
  std::string details = debug != nullptr ? debug : "";
  details.erase(0, std::min(details.find('\n'), details.size()));
  std::replace(details.begin(), details.end(), '\n', ' ');
  return redacted(error->message + details, camera.uri);
}

bool is_of_missing_decoder(GstMessage *message) {
  g_autoptr(GError) error = nullptr;
  gst_message_parse_error(message, &error, nullptr);
  return g_error_matches(error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN) != FALSE ||
         g_error_matches(error, GST_STREAM_ERROR, GST_STREAM_ERROR_CODEC_NOT_FOUND) != FALSE;
}

std::string source_error(GstElement *pipeline, const CameraConfig &camera, GstMessage *message) {
  bool is_without_video = false;
  with_element(pipeline, "source", [&](GstElement *source) {
    is_without_video =
        is_of_missing_decoder(message) && g_object_get_data(G_OBJECT(source), has_video) == nullptr;
  });
  if (!is_without_video) return error_text(camera, message);
  return camera.kind == SourceKind::file ? "there is no video in " + without_credentials(camera.uri)
                                         : "the source brings no video";
}

std::string warning_text(const CameraConfig &camera, GstMessage *message) {
  g_autoptr(GError) warning = nullptr;
  gst_message_parse_warning(message, &warning, nullptr);
  return redacted(warning->message, camera.uri);
}

using Abandoned = std::shared_ptr<AbandonedPipelines>;

// Says on the screens of the viewers that the camera brings nothing, exactly while it does not.
class Placeholder {
 public:
  Placeholder(std::string name, Relay &relay, Abandoned abandoned)
      : name_(std::move(name)), relay_(relay), abandoned_(std::move(abandoned)) {}

  void update(const std::string &words) {
    if (relay_.is_live())
      pipeline_.reset();
    else if (!pipeline_)
      pipeline_.emplace(
          pass_to<&Relay::push_placeholder>(relay_, make_placeholder(name_ + ": " + words, relay_.format())),
          name_, abandoned_);
  }

 private:
  std::string name_;
  Relay &relay_;
  Abandoned abandoned_;
  std::optional<RunningPipeline> pipeline_;
};

// One kind of orders as a camera follows them: those that come while it is away wait for it.
class OrderReader {
 public:
  explicit OrderReader(const std::atomic<unsigned> &orders) : orders_(orders) {}

  // Whether there were new ones since the last call.
  bool take() {
    const unsigned given = orders_.load();
    return std::exchange(followed_, given) != given;
  }

 private:
  const std::atomic<unsigned> &orders_;
  unsigned followed_ = 0;
};

void learn_again(const RunningPipeline &pipeline, const CameraConfig &camera) {
  const bool by_time = camera.learn_time.count() > 0;
  spdlog::info("{}: learning again, from {} more {}", camera.name,
               by_time ? whole_seconds(camera.learn_time) : camera.learn, by_time ? "seconds" : "frames");
  with_element(pipeline.get(), "detect", [&](GstElement *detect) {
    g_signal_emit_by_name(detect, "learn-for", camera.learn, guint64(camera.learn_time.count()));
  });
}

void reopen(const RunningPipeline &pipeline) {
  with_element(pipeline.get(), "publish",
               [](GstElement *publish) { g_signal_emit_by_name(publish, "reopen"); });
}

struct Attempt {
  std::string end;  // why capture ended; empty: stop was requested
  unsigned frames = 0;
  bool is_stalled = false;  // no frame came for too long
  bool is_last = false;     // a file that is not looped
  bool is_over = false;     // a file that begins again, though not by being rewound
};

// What a camera keeps from one attempt to the next.
struct Camera {
  const CameraConfig &config;
  Relay &relay;
  Abandoned abandoned;
  Placeholder placeholder;
  OrderReader learn;
  OrderReader reopen;
  Findings findings;
  unsigned stalls = 0;  // attempts in a row that were given up before the stream's rate was known

  // An interval that is longer than the patience is found out in the end.
  Clock::duration patience() const {
    const auto usual = relay.patience();
    return std::max(usual,
                    std::min<Clock::duration>(usual * (1U << std::min(stalls, 10U)), longest_patience));
  }
};

void log_warning_or_event(const CameraConfig &camera, GstMessage *message) {
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING)
    spdlog::warn("{}: {}", camera.name, warning_text(camera, message));
  else
    log_element_message(camera, message);
}

// What it still has to say is about frames from before; why it ends is known.
void stop(RunningPipeline &pipeline, Camera &camera, GstBus *bus) {
  pipeline.stop();
  while (pipeline.is_still_stopping_after(poll_interval)) camera.placeholder.update(no_signal);
  constexpr auto kinds = static_cast<GstMessageType>(GST_MESSAGE_WARNING | GST_MESSAGE_ELEMENT);
  while (g_autoptr(GstMessage) message = gst_bus_pop_filtered(bus, kinds))
    log_warning_or_event(camera.config, message);
}

// A file is over: it begins anew where it may.
Attempt at_end_of_file(Camera &camera, Attempt attempt) {
  attempt.end = "end of the file";
  attempt.is_last = !camera.config.loop;
  attempt.is_over = camera.config.loop;
  if (attempt.frames != 1 || !camera.config.loop) return attempt;
  camera.findings.is_still = true;
  spdlog::info("{}: a still picture, which stays", camera.config.name);
  return attempt;
}

// Captures until the source is lost or stop is requested.
Attempt watch(RunningPipeline &pipeline, GstBus *bus, Camera &camera, const std::stop_token &stop) {
  const auto begin = Clock::now();
  const auto ended = [&](const std::string &reason) { return Attempt{reason, camera.relay.frames()}; };
  while (!stop.stop_requested()) {
    camera.placeholder.update(no_signal);
    const auto silence = std::min<Clock::duration>(camera.relay.age(), Clock::now() - begin);
    if (silence > camera.patience()) {
      Attempt stalled = ended("no frame for " + std::to_string(whole_seconds(silence)) + " s");
      stalled.is_stalled = true;
      return stalled;
    }
    const bool may_learn = camera.config.learns() && camera.relay.frames() > 0;
    if (may_learn && camera.learn.take()) learn_again(pipeline, camera.config);
    if (camera.reopen.take()) reopen(pipeline);

    constexpr auto kinds =
        static_cast<GstMessageType>(GST_MESSAGE_ERROR | GST_MESSAGE_WARNING | GST_MESSAGE_EOS |
                                    GST_MESSAGE_ELEMENT | GST_MESSAGE_APPLICATION);
    g_autoptr(GstMessage) message = gst_bus_timed_pop_filtered(bus, poll_interval.count(), kinds);
    if (message == nullptr) continue;
    switch (GST_MESSAGE_TYPE(message)) {
      case GST_MESSAGE_ERROR:
        return ended(source_error(pipeline.get(), camera.config, message));
      case GST_MESSAGE_EOS:
        if (camera.config.kind != SourceKind::file) return ended("the source has ended");
        if (!camera.config.loop || camera.relay.frames() == 1) return at_end_of_file(camera, ended(""));
        pipeline.rewind();
        break;
      case GST_MESSAGE_APPLICATION:  // it cannot be rewound
        return at_end_of_file(camera, ended(""));
      default:
        log_warning_or_event(camera.config, message);
    }
  }
  return {};
}

Attempt capture(Camera &camera, const std::stop_token &stop_token) {
  if (begins_model(camera.config)) camera.learn.take();  // it learns now, told or not
  camera.reopen.take();                                  // the new pipeline opens all files anew
  camera.relay.begin();
  RunningPipeline pipeline(pass_to<&Relay::push>(camera.relay, make_capture(camera.config, camera.findings)),
                           camera.config.name, camera.abandoned);
  g_autoptr(GstBus) bus = gst_element_get_bus(pipeline.get());
  const Attempt attempt = watch(pipeline, bus, camera, stop_token);
  stop(pipeline, camera, bus);
  return attempt;
}

Attempt try_capture(Camera &camera, const std::stop_token &stop) {
  try {
    return capture(camera, stop);
  } catch (const std::exception &error) {
    return {error.what()};
  }
}

// Says why a camera is away: at once, and what goes on for hours once an hour.
class LossLog {
 public:
  void tell(const CameraConfig &camera, const Attempt &attempt, seconds pause) {
    const auto now = Clock::now();
    const bool is_known = attempt.frames == 0 && attempt.end == last_ && now < again_;
    if (is_known) return;
    spdlog::warn("{}: {}; trying again in {} s", camera.name, attempt.end, pause.count());
    last_ = attempt.end;
    again_ = now + std::chrono::hours(1);
  }

 private:
  std::string last_;
  Clock::time_point again_;
};

void wait_until(Clock::time_point end, const std::string &words, Placeholder &placeholder,
                const std::stop_token &stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  while (!stop.stop_requested() && Clock::now() < end) {
    placeholder.update(words);
    wake.wait_for(lock, stop, poll_interval, [] { return false; });
  }
}

}  // namespace

void run_camera(const CameraConfig &config, Relay &relay, const Orders &orders, const Abandoned &abandoned,
                const std::stop_token &stop) {
  Camera camera{config,
                relay,
                abandoned,
                Placeholder(config.name, relay, abandoned),
                OrderReader(orders.learn),
                OrderReader(orders.reopen),
                {}};
  LossLog losses;
  seconds pause = shortest_pause;
  while (!stop.stop_requested()) {
    const Attempt attempt = try_capture(camera, stop);
    if (stop.stop_requested()) return;
    relay.give_up();
    if (attempt.is_last) {
      spdlog::info("{}: {}", config.name, attempt.end);
      wait_until(Clock::time_point::max(), attempt.end, camera.placeholder, stop);
      return;
    }
    if (attempt.is_over) continue;
    camera.stalls = attempt.is_stalled && attempt.frames < 2 ? camera.stalls + 1 : 0;
    if (attempt.frames > 0) pause = shortest_pause;
    losses.tell(config, attempt, pause);
    wait_until(Clock::now() + pause, no_signal, camera.placeholder, stop);
    pause = std::min(2 * pause, longest_pause);
  }
}

std::optional<std::string> why_unplayable(const CameraConfig &camera) {
  if (camera.kind != SourceKind::file) return std::nullopt;
  CameraConfig unjudged = camera;
  unjudged.model.reset();
  const Pipeline pipeline = make_capture(unjudged, {});
  g_autoptr(GstBus) bus = gst_element_get_bus(pipeline.get());
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  constexpr auto kinds = static_cast<GstMessageType>(GST_MESSAGE_ERROR | GST_MESSAGE_ASYNC_DONE);
  g_autoptr(GstMessage) message = gst_bus_timed_pop_filtered(bus, time_to_open, kinds);
  if (message == nullptr)
    return camera.place("uri") + ": no picture comes from " + without_credentials(camera.uri);
  if (GST_MESSAGE_TYPE(message) != GST_MESSAGE_ERROR) return std::nullopt;
  return camera.place("uri") + ": " + source_error(pipeline.get(), camera, message);
}

void check_camera(const CameraConfig &camera) {
  make_placeholder("", Relay().format());
  make_capture(camera, {});
  if (!camera.model) return;
  const Pipeline pipeline = parse_pipeline("uniaddetect name=detect ! fakesink");
  with_element(pipeline.get(), "detect", [&](GstElement *detect) { set_detection(detect, camera); });
  g_autoptr(GstBus) bus = gst_element_get_bus(pipeline.get());
  if (gst_element_set_state(pipeline.get(), GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE) return;
  g_autoptr(GstMessage) message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
  throw Error("camera " + camera.name,
              message != nullptr ? error_text(camera, message) : "its model does not open",
              begins_model(camera) ? "correct `model` or `backbone`" : "correct `model`");
}

}  // namespace uniad::rtsp
