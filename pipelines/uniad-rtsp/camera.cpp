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

#include "model/error.h"
#include "pipelines/uniad-rtsp/running_pipeline.h"

namespace uniad::rtsp {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::seconds;

constexpr seconds stall_limit{15};  // without a frame, the source counts as lost
constexpr seconds shortest_pause{1};
constexpr seconds longest_pause{30};
constexpr auto no_signal = "no signal";
constexpr auto poll_interval = std::chrono::nanoseconds(std::chrono::milliseconds(250));

std::string capture_description(const CameraConfig &camera) {
  std::string text;
  if (camera.kind == SourceKind::test)
    text = "videotestsrc is-live=true name=pattern ! video/x-raw,width=640,height=360,framerate=25/1";
  else
    text = "uridecodebin name=source caps=video/x-raw(ANY) expose-all-streams=false ! video/x-raw";
  if (camera.kind == SourceKind::file) text += " ! identity sync=true";  // as fast as a camera, no faster
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

std::string uri_of(const CameraConfig &camera) {
  if (camera.kind != SourceKind::file || camera.uri.rfind("file://", 0) == 0) return camera.uri;
  g_autofree char *uri = gst_filename_to_uri(camera.uri.c_str(), nullptr);
  return uri != nullptr ? uri : camera.uri;
}

// Only a model file that is not there yet is learned without being told to, so that a camera that comes back
// goes on as it was.
bool begins_model(const CameraConfig &camera) {
  std::error_code unreadable;
  return camera.learn > 0 && !std::filesystem::exists(*camera.model, unreadable);
}

void set_detection(GstElement *detect, const CameraConfig &camera) {
  g_object_set(detect, "model", camera.model->c_str(), "source", camera.name.c_str(), "interval",
               camera.interval, nullptr);
  gst_util_set_object_arg(G_OBJECT(detect), "mode",
                          "async");  // viewers see every frame, whatever the model's pace
  if (camera.threshold) g_object_set(detect, "threshold", *camera.threshold, nullptr);
  if (camera.adapt_rate > 0) g_object_set(detect, "adapt-rate", camera.adapt_rate, nullptr);
  if (begins_model(camera))
    g_object_set(detect, "learn", camera.learn, "backbone", camera.backbone.c_str(), nullptr);
}

Pipeline make_capture(const CameraConfig &camera) {
  Pipeline pipeline = parse_pipeline(capture_description(camera));
  with_element(pipeline.get(), "source", [&](GstElement *source) {
    g_signal_connect(source, "source-setup", G_CALLBACK(set_up_source), nullptr);
    g_object_set(source, "uri", uri_of(camera).c_str(), nullptr);
  });
  with_element(pipeline.get(), "pattern", [&](GstElement *source) {
    gst_util_set_object_arg(G_OBJECT(source), "pattern", camera.uri.substr(sizeof("test://") - 1).c_str());
  });
  with_element(pipeline.get(), "detect", [&](GstElement *detect) { set_detection(detect, camera); });
  with_element(pipeline.get(), "publish", [&](GstElement *publish) {
    // A camera that comes back makes a new pipeline: what it published before stays.
    g_object_set(publish, "location", camera.publish.c_str(), "append", TRUE, nullptr);
  });
  return pipeline;
}

// The picture in place of a camera that brings none, in the camera's format so that viewers see no change of
// it.
Pipeline make_placeholder(const std::string &words, const GstVideoInfo &format) {
  Pipeline pipeline = parse_pipeline(
      "videotestsrc is-live=true pattern=black ! capsfilter name=format ! "
      "textoverlay name=words valignment=center halignment=center shaded-background=false ! "
      "appsink name=frames caps=video/x-raw sync=false max-buffers=2 drop=true");
  g_autoptr(GstCaps) caps = gst_video_info_to_caps(&format);
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

void log_learning(const CameraConfig &camera, const GstStructure *learning) {
  const char *text = gst_structure_get_string(learning, "state");
  const std::string_view state = text != nullptr ? text : "";
  guint64 frames = 0, wanted = 0;
  gst_structure_get_uint64(learning, "frames", &frames);
  gst_structure_get_uint64(learning, "wanted", &wanted);
  if (state == "learning")
    spdlog::info("{}: learning, {} of {} frames", camera.name, frames, wanted);
  else if (state == "done")
    log_learned(camera, learning, frames);
  else if (state == "failed")
    spdlog::error("{}: learning has failed", camera.name);  // the element's warning says why
}

void log_element_message(const CameraConfig &camera, GstMessage *message) {
  const GstStructure *fields = gst_message_get_structure(message);
  if (gst_message_has_name(message, "uniad-event") != FALSE) log_event(camera, fields);
  if (gst_message_has_name(message, "uniad-learn") != FALSE) log_learning(camera, fields);
}

// What went wrong, and the details that stand below the source line in GStreamer's debug text.
std::string error_text(GstMessage *message) {
  g_autoptr(GError) error = nullptr;
  g_autofree char *debug = nullptr;
  gst_message_parse_error(message, &error, &debug);
  std::string details = debug != nullptr ? debug : "";
  details.erase(0, std::min(details.find('\n'), details.size()));
  std::replace(details.begin(), details.end(), '\n', ' ');
  return error->message + details;
}

std::string warning_text(GstMessage *message) {
  g_autoptr(GError) warning = nullptr;
  gst_message_parse_warning(message, &warning, nullptr);
  return warning->message;
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

// The orders to learn again as one camera follows them: those that come while it is away wait for it.
class OrderReader {
 public:
  explicit OrderReader(const LearnOrders &orders) : orders_(orders) {}

  // Whether there were new ones since the last call.
  bool take() {
    const unsigned given = orders_.load();
    return std::exchange(followed_, given) != given;
  }

 private:
  const LearnOrders &orders_;
  unsigned followed_ = 0;
};

void learn_again(const RunningPipeline &pipeline, const CameraConfig &camera) {
  spdlog::info("{}: learning again, from {} more frames", camera.name, camera.learn);
  with_element(pipeline.get(), "detect",
               [&](GstElement *detect) { g_signal_emit_by_name(detect, "learn", camera.learn); });
}

struct Attempt {
  std::string end;  // why capture ended; empty: stop was requested
  bool frames_came = false;
  bool is_last = false;  // a file that is not looped
};

void log_warning_or_event(const CameraConfig &camera, GstMessage *message) {
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING)
    spdlog::warn("{}: {}", camera.name, warning_text(message));
  else
    log_element_message(camera, message);
}

// What it still has to say is about frames from before; why it ends is known.
void stop(RunningPipeline &pipeline, const CameraConfig &camera, Placeholder &placeholder, GstBus *bus) {
  pipeline.stop();
  while (pipeline.is_still_stopping_after(poll_interval)) placeholder.update(no_signal);
  constexpr auto kinds = static_cast<GstMessageType>(GST_MESSAGE_WARNING | GST_MESSAGE_ELEMENT);
  while (g_autoptr(GstMessage) message = gst_bus_pop_filtered(bus, kinds))
    log_warning_or_event(camera, message);
}

// Captures until the source is lost or stop is requested.
Attempt watch(RunningPipeline &pipeline, GstBus *bus, const CameraConfig &camera, Relay &relay,
              Placeholder &placeholder, OrderReader &orders, const std::stop_token &stop) {
  const auto begin = Clock::now();
  const auto frames_came = [&] { return relay.age() < Clock::now() - begin; };
  const auto ended = [&](const std::string &reason, bool is_last = false) {
    return Attempt{reason, frames_came(), is_last};
  };
  while (!stop.stop_requested()) {
    placeholder.update(no_signal);
    if (std::min<Clock::duration>(relay.age(), Clock::now() - begin) > stall_limit)
      return ended("no frame for " + std::to_string(stall_limit.count()) + " s");
    if (camera.learn > 0 && frames_came() && orders.take()) learn_again(pipeline, camera);

    constexpr auto kinds = static_cast<GstMessageType>(GST_MESSAGE_ERROR | GST_MESSAGE_WARNING |
                                                       GST_MESSAGE_EOS | GST_MESSAGE_ELEMENT);
    g_autoptr(GstMessage) message = gst_bus_timed_pop_filtered(bus, poll_interval.count(), kinds);
    if (message == nullptr) continue;
    switch (GST_MESSAGE_TYPE(message)) {
      case GST_MESSAGE_ERROR:
        return ended(error_text(message));
      case GST_MESSAGE_EOS:
        if (camera.kind != SourceKind::file) return ended("the source has ended");
        if (!camera.loop) return ended("end of the file", true);
        pipeline.rewind();
        break;
      default:
        log_warning_or_event(camera, message);
    }
  }
  return {};
}

Attempt capture(const CameraConfig &camera, Relay &relay, Placeholder &placeholder, OrderReader &orders,
                const Abandoned &abandoned, const std::stop_token &stop_token) {
  if (begins_model(camera)) orders.take();  // it learns now, told or not
  RunningPipeline pipeline(pass_to<&Relay::push>(relay, make_capture(camera)), camera.name, abandoned);
  g_autoptr(GstBus) bus = gst_element_get_bus(pipeline.get());
  const Attempt attempt = watch(pipeline, bus, camera, relay, placeholder, orders, stop_token);
  stop(pipeline, camera, placeholder, bus);
  return attempt;
}

Attempt try_capture(const CameraConfig &camera, Relay &relay, Placeholder &placeholder, OrderReader &orders,
                    const Abandoned &abandoned, const std::stop_token &stop) {
  try {
    return capture(camera, relay, placeholder, orders, abandoned, stop);
  } catch (const std::exception &error) {
    return {error.what()};
  }
}

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

void run_camera(const CameraConfig &camera, Relay &relay, const LearnOrders &orders,
                const Abandoned &abandoned, const std::stop_token &stop) {
  Placeholder placeholder(camera.name, relay, abandoned);
  OrderReader reader(orders);
  seconds pause = shortest_pause;
  while (!stop.stop_requested()) {
    const Attempt attempt = try_capture(camera, relay, placeholder, reader, abandoned, stop);
    if (stop.stop_requested()) return;
    if (attempt.is_last) {
      spdlog::info("{}: {}", camera.name, attempt.end);
      wait_until(Clock::time_point::max(), attempt.end, placeholder, stop);
      return;
    }
    if (attempt.frames_came) pause = shortest_pause;
    spdlog::warn("{}: {}; trying again in {} s", camera.name, attempt.end, pause.count());
    wait_until(Clock::now() + pause, no_signal, placeholder, stop);
    pause = std::min(2 * pause, longest_pause);
  }
}

void check_camera(const CameraConfig &camera) {
  make_placeholder("", Relay().format());
  make_capture(camera);
  if (!camera.model) return;
  const Pipeline pipeline = parse_pipeline("uniaddetect name=detect ! fakesink");
  with_element(pipeline.get(), "detect", [&](GstElement *detect) { set_detection(detect, camera); });
  g_autoptr(GstBus) bus = gst_element_get_bus(pipeline.get());
  if (gst_element_set_state(pipeline.get(), GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE) return;
  g_autoptr(GstMessage) message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
  throw Error("camera " + camera.name, message != nullptr ? error_text(message) : "its model does not open",
              begins_model(camera) ? "correct `model` or `backbone`" : "correct `model`");
}

}  // namespace uniad::rtsp
