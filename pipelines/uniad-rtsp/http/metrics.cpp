// SPDX-License-Identifier: Apache-2.0
#include "pipelines/uniad-rtsp/http/metrics.h"

#include <unistd.h>

#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "pipelines/uniad-rtsp/http/metrics_text.h"

namespace uniad::rtsp {
namespace {

struct Observed {
  const CameraAccess &camera;
  CameraFigures figures;
};

// One metric of all cameras. `value` returns nothing where there is nothing to tell.
template <typename Value>
void add_metric(MetricsText &text, const std::vector<Observed> &cameras, const char *name, const char *type,
                const char *help, const Value &value) {
  text.begin(name, type, help);
  for (const auto &[camera, figures] : cameras)
    if (const std::optional<double> number = value(figures)) text.add({{"camera", camera.name}}, *number);
}

void add_counters(MetricsText &text, const std::vector<Observed> &cameras) {
  const auto add = [&](const char *name, const char *help, const auto &count) {
    add_metric(text, cameras, name, "counter", help, [&count](const CameraFigures &figures) {
      return std::optional<double>(static_cast<double>(count(figures)));
    });
  };
  using Figures = const CameraFigures &;
  add("uniad_camera_frames_total", "Frames that the camera delivered to its viewers.",
      [](Figures f) { return f.frames; });
  add("uniad_camera_dropped_frames_total", "Frames that were dropped because judging was too slow.",
      [](Figures f) { return f.dropped; });
  add("uniad_camera_judged_frames_total", "Frames that were judged.", [](Figures f) { return f.judged; });
  add("uniad_camera_anomalous_frames_total", "Judged frames that were anomalous.",
      [](Figures f) { return f.anomalous; });
  add("uniad_camera_skipped_frames_total", "Frames that were not judged because they are damaged.",
      [](Figures f) { return f.elements.skipped; });
  add("uniad_camera_reconnects_total", "Attempts to reach the camera after the first.",
      [](Figures f) { return f.reconnects; });
  add("uniad_publisher_lost_results_total", "Results that could not be published.",
      [](Figures f) { return f.elements.lost; });
}

void add_gauges(MetricsText &text, const std::vector<Observed> &cameras) {
  const auto add = [&](const char *name, const char *help, const auto &value) {
    add_metric(text, cameras, name, "gauge", help, value);
  };
  using Figures = const CameraFigures &;
  using Number = std::optional<double>;
  add("uniad_camera_score", "Anomaly score of the newest judged frame.",
      [](Figures f) { return f.newest ? Number(f.newest->score) : Number(); });
  add("uniad_camera_threshold", "Score from which a frame is anomalous.",
      [](Figures f) { return f.newest ? f.newest->threshold : Number(); });
  add("uniad_camera_motion_score", "Motion score of the newest judged frame.",
      [](Figures f) { return f.newest ? f.newest->motion_score : Number(); });
  add("uniad_camera_drift", "How far the scene has moved from what was learned.",
      [](Figures f) { return f.newest ? Number(f.elements.drift) : Number(); });
  add("uniad_camera_learning_ratio", "Progress of the newest learning, from 0 to 1.",
      [](Figures f) { return f.learning ? Number(f.learning->share()) : Number(); });
  add("uniad_publisher_queued_results", "Results that wait to be published.",
      [](Figures f) { return Number(static_cast<double>(f.elements.queued)); });
}

void add_states(MetricsText &text, const std::vector<Observed> &cameras) {
  text.begin("uniad_camera_state", "gauge", "1 for the state of the camera, 0 for all others.");
  for (const auto &[camera, figures] : cameras)
    for (const CameraState state : camera_states)
      text.add({{"camera", camera.name}, {"state", name_of(state)}}, figures.state == state ? 1 : 0);
  text.begin("uniad_camera_viewers", "gauge", "Viewers of the camera's stream.");
  for (const auto &[camera, figures] : cameras) text.add({{"camera", camera.name}}, camera.viewers());
  text.begin("uniad_camera_events_total", "counter", "Events that began.");
  for (const auto &[camera, figures] : cameras)
    for (const auto &[kind, count] : figures.events)
      text.add({{"camera", camera.name}, {"kind", kind}}, static_cast<double>(count));
}

void add_process(MetricsText &text, const Site &site) {
  std::ifstream statm("/proc/self/statm");
  double all = 0, resident = 0;
  if (statm >> all >> resident) {
    text.begin("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.");
    text.add({}, resident * static_cast<double>(sysconf(_SC_PAGESIZE)));
  }
  std::ifstream status("/proc/self/status");
  for (std::string key; status >> key;) {
    double threads = 0;
    if (key != "Threads:" || !(status >> threads)) continue;
    text.begin("process_threads", "gauge", "Threads of the process.");
    text.add({}, threads);
    break;
  }
  text.begin("uniad_abandoned_pipelines", "gauge", "Pipelines that do not stop and were replaced.");
  text.add({}, site.abandoned_pipelines());
}

}  // namespace

std::string metrics_of(const Site &site) {
  std::vector<Observed> cameras;
  for (const auto &camera : site.cameras) cameras.push_back({camera, camera.status.figures()});
  MetricsText text;
  add_counters(text, cameras);
  add_gauges(text, cameras);
  add_states(text, cameras);
  add_process(text, site);
  return text.text();
}

}  // namespace uniad::rtsp
