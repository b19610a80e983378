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

#include "model/base/error.h"
#include "pipelines/uniad-rtsp/capture.h"
#include "pipelines/uniad-rtsp/messages.h"
#include "pipelines/uniad-rtsp/running_pipeline.h"

namespace uniad::rtsp {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::seconds;

constexpr seconds shortest_pause{1};
constexpr seconds longest_pause{30};
constexpr seconds longest_patience{120};
constexpr auto no_signal = "no signal";
constexpr auto poll_interval = std::chrono::nanoseconds(std::chrono::milliseconds(250));

void pass(CameraOutput &output, GstSample *frame) {
  output.status.note_frame(frame);
  output.relay.push(frame);
}

void pass(Relay &relay, GstSample *placeholder) {
  relay.push_placeholder(placeholder);
}

template <typename Receiver>
GstFlowReturn pass_on(GstAppSink *sink, gpointer receiver) {
  g_autoptr(GstSample) sample = gst_app_sink_pull_sample(sink);
  if (sample == nullptr) return GST_FLOW_EOS;
  pass(*static_cast<Receiver *>(receiver), sample);
  return GST_FLOW_OK;
}

// The receiver must outlive the pipeline.
template <typename Receiver>
Pipeline pass_to(Receiver &receiver, Pipeline pipeline) {
  with_element(pipeline.get(), "frames", [&](GstElement *sink) {
    GstAppSinkCallbacks callbacks{};
    callbacks.new_sample = pass_on<Receiver>;
    gst_app_sink_set_callbacks(GST_APP_SINK(sink), &callbacks, &receiver, nullptr);
  });
  return pipeline;
}

// The queue before the detector reports each frame that it is about to drop.
void count_dropped(GstElement *pipeline, CameraStatus &status) {
  with_element(pipeline, "newest", [&status](GstElement *queue) {
    g_signal_connect(queue, "overrun", G_CALLBACK(+[](GstElement *, gpointer counter) {
                       static_cast<CameraStatus *>(counter)->note_dropped();
                     }),
                     &status);
  });
}

ElementFigures read_figures(GstElement *pipeline) {
  ElementFigures figures;
  with_element(pipeline, "detect", [&figures](GstElement *detect) {
    g_object_get(detect, "skipped", &figures.skipped, "drift", &figures.drift, nullptr);
  });
  with_element(pipeline, "publish", [&figures](GstElement *publish) {
    g_object_get(publish, "lost", &figures.lost, "queued", &figures.queued, nullptr);
  });
  return figures;
}

auto whole_seconds(Clock::duration time) {
  return std::chrono::duration_cast<seconds>(time).count();
}

using Abandoned = std::shared_ptr<AbandonedPipelines>;

// Shows viewers a message exactly while the camera delivers no frames.
class Placeholder {
 public:
  Placeholder(std::string name, Relay &relay, Abandoned abandoned)
      : name_(std::move(name)), relay_(relay), abandoned_(std::move(abandoned)) {}

  void update(const std::string &words) {
    if (relay_.is_live())
      pipeline_.reset();
    else if (!pipeline_)
      pipeline_.emplace(pass_to(relay_, make_placeholder(name_ + ": " + words, relay_.format())), name_,
                        abandoned_);
  }

 private:
  std::string name_;
  Relay &relay_;
  Abandoned abandoned_;
  std::optional<RunningPipeline> pipeline_;
};

// Reads one kind of orders for a camera. Orders that arrive while the camera is away wait for its return.
class OrderReader {
 public:
  explicit OrderReader(const std::atomic<unsigned> &orders) : orders_(orders) {}

  // Returns whether there were new orders since the last call.
  bool take() {
    const unsigned given = orders_.load();
    return std::exchange(followed_, given) != given;
  }

 private:
  const std::atomic<unsigned> &orders_;
  unsigned followed_ = 0;
};

void learn_again(const RunningPipeline &pipeline, const CameraConfig &camera, const LearnOrder &order) {
  const bool by_time = order.time.count() > 0;
  spdlog::info("{}: learning again, from {} more {}", camera.name,
               by_time ? whole_seconds(order.time) : order.frames, by_time ? "seconds" : "frames");
  with_element(pipeline.get(), "detect", [&](GstElement *detect) {
    g_signal_emit_by_name(detect, "learn-for", order.frames, guint64(order.time.count()));
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
  bool is_over = false;     // a file that starts over, but in a new pipeline
};

// The state that a camera keeps between attempts.
struct Camera {
  const CameraConfig &config;
  CameraOutput &output;
  Relay &relay;
  CameraStatus &status;
  Abandoned abandoned;
  Placeholder placeholder;
  OrderReader learn;
  OrderReader reopen;
  Findings findings;
  unsigned stalls = 0;  // attempts that stalled before the frame rate was known, since it was last known

  // Grows with every stall, so that a frame interval longer than the initial patience is eventually detected.
  Clock::duration patience() const {
    const auto usual = relay.patience();
    return std::max(usual,
                    std::min<Clock::duration>(usual * (1U << std::min(stalls, 10U)), longest_patience));
  }
};

void note_message(Camera &camera, GstMessage *message) {
  camera.status.note_message(message);
  log_message(camera.config, message);
}

// Follows the orders that have arrived. What learns needs frames.
void follow_orders(const RunningPipeline &pipeline, Camera &camera) {
  if (camera.reopen.take()) reopen(pipeline);
  if (camera.relay.frames() == 0 || !camera.config.model) return;
  if (camera.config.learns() && camera.learn.take())
    learn_again(pipeline, camera.config, camera.config.learn_order());
  if (const auto order = camera.status.take_learn_order()) learn_again(pipeline, camera.config, *order);
}

// Stops the pipeline and logs its remaining messages about earlier frames. Errors are not logged, because the
// reason for the end is already known.
void stop(RunningPipeline &pipeline, Camera &camera, GstBus *bus) {
  pipeline.stop();
  while (pipeline.is_still_stopping_after(poll_interval)) camera.placeholder.update(no_signal);
  camera.status.note_elements(read_figures(pipeline.get()));
  camera.status.note_end_of_pipeline();
  constexpr auto kinds = static_cast<GstMessageType>(GST_MESSAGE_WARNING | GST_MESSAGE_ELEMENT);
  while (g_autoptr(GstMessage) message = gst_bus_pop_filtered(bus, kinds)) note_message(camera, message);
}

// Handles the end of a file, which starts over if `loop` is set.
Attempt at_end_of_file(Camera &camera, Attempt attempt) {
  attempt.end = "end of the file";
  attempt.is_last = !camera.config.loop;
  attempt.is_over = camera.config.loop;
  if (attempt.frames != 1 || !camera.config.loop) return attempt;
  camera.findings.is_still = true;
  spdlog::info("{}: the source is a still picture, which is shown continuously", camera.config.name);
  return attempt;
}

// Captures until the source is lost or stop is requested.
Attempt watch(RunningPipeline &pipeline, GstBus *bus, Camera &camera, const std::stop_token &stop) {
  const auto begin = Clock::now();
  const auto ended = [&](const std::string &reason) { return Attempt{reason, camera.relay.frames()}; };
  while (!stop.stop_requested()) {
    camera.placeholder.update(no_signal);
    camera.status.beat();
    camera.status.note_elements(read_figures(pipeline.get()));
    if (!camera.relay.is_live()) camera.status.note_silence();
    const auto silence = std::min<Clock::duration>(camera.relay.age(), Clock::now() - begin);
    if (silence > camera.patience()) {
      Attempt stalled = ended("no frame for " + std::to_string(whole_seconds(silence)) + " s");
      stalled.is_stalled = true;
      return stalled;
    }
    follow_orders(pipeline, camera);

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
      case GST_MESSAGE_APPLICATION:  // the file cannot be rewound
        return at_end_of_file(camera, ended(""));
      default:
        note_message(camera, message);
    }
  }
  return {};
}

Attempt capture(Camera &camera, const std::stop_token &stop_token) {
  if (begins_model(camera.config)) camera.learn.take();  // it learns now, with or without an order
  camera.reopen.take();                                  // the new pipeline opens all files again
  camera.relay.begin();
  Pipeline captured = pass_to(camera.output, make_capture(camera.config, camera.findings));
  count_dropped(captured.get(), camera.status);
  RunningPipeline pipeline(std::move(captured), camera.config.name, camera.abandoned);
  g_autoptr(GstBus) bus = gst_element_get_bus(pipeline.get());
  Attempt attempt = watch(pipeline, bus, camera, stop_token);
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

// Logs why a camera is away: immediately, and once an hour while the reason stays the same.
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

void wait_until(Clock::time_point end, const std::string &words, Camera &camera,
                const std::stop_token &stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  while (!stop.stop_requested() && Clock::now() < end) {
    camera.placeholder.update(words);
    camera.status.beat();
    wake.wait_for(lock, stop, poll_interval, [] { return false; });
  }
}

}  // namespace

void run_camera(const CameraConfig &config, CameraOutput &output, const Orders &orders,
                const Abandoned &abandoned, const std::stop_token &stop) {
  Camera camera{config,
                output,
                output.relay,
                output.status,
                abandoned,
                Placeholder(config.name, output.relay, abandoned),
                OrderReader(orders.learn),
                OrderReader(orders.reopen),
                {}};
  LossLog losses;
  seconds pause = shortest_pause;
  while (!stop.stop_requested()) {
    const Attempt attempt = try_capture(camera, stop);
    if (stop.stop_requested()) return;
    output.relay.give_up();
    if (attempt.is_last) {
      spdlog::info("{}: {}", config.name, attempt.end);
      output.status.set_state(CameraState::ended, attempt.end);
      wait_until(Clock::time_point::max(), attempt.end, camera, stop);
      return;
    }
    if (attempt.is_over) continue;
    output.status.set_state(CameraState::no_signal, attempt.end);
    output.status.note_reconnect();
    if (attempt.frames > 1)
      camera.stalls = 0;
    else if (attempt.is_stalled)
      ++camera.stalls;
    if (attempt.frames > 0) pause = shortest_pause;
    losses.tell(config, attempt, pause);
    wait_until(Clock::now() + pause, no_signal, camera, stop);
    pause = std::min(2 * pause, longest_pause);
  }
}

}  // namespace uniad::rtsp
