// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/publish/snapshots.h"

#include <fcntl.h>
#include <gst/video/video.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <exception>
#include <filesystem>
#include <mutex>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "gst-plugin/base/ref.h"
#include "gst-plugin/base/write_signals.h"
#include "gst-plugin/drawing/frame_drawing.h"
#include "model/base/error.h"

namespace uniad {

namespace {

constexpr std::chrono::seconds patience_for_picture(2);
constexpr std::chrono::seconds time_to_finish(5);
constexpr std::size_t most_waiting = 4;
constexpr std::size_t most_events = 64;

Ref<GstSample> encoded(GstSample *sample) {
  const Ref<GstCaps> jpeg(gst_caps_new_empty_simple("image/jpeg"));
  GError *problem = nullptr;
  Ref<GstSample> picture(gst_video_convert_sample(sample, jpeg.get(), 5 * GST_SECOND, &problem));
  const Ref<GError> owned(problem);
  if (picture) return picture;
  throw Error(ErrorKind::Unsupported, "snapshot", problem != nullptr ? problem->message : "cannot be encoded",
              "install GStreamer's good plugins, for jpegenc");
}

[[noreturn]] void fail(const std::string &path, int error) {
  throw Error(ErrorKind::Unwritable, path, std::generic_category().message(error),
              "check the folder in 'snapshots'");
}

void write_bytes(const std::string &path, const guint8 *data, gsize size) {
  const NoWriteSignals guard;
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (fd < 0) fail(path, errno);
  int error = 0;
  for (gsize done = 0; done < size && error == 0;) {
    const ssize_t written = write(fd, data + done, size - done);
    if (written >= 0)
      done += static_cast<gsize>(written);
    else if (errno != EINTR)
      error = errno;
  }
  close(fd);
  if (error == 0) return;
  unlink(path.c_str());
  fail(path, error);
}

// A reader of the file sees either the previous picture or this one.
void replace_file(const std::string &path, GstBuffer *buffer) {
  const std::string beside = path + ".part";
  GstMapInfo data;
  if (gst_buffer_map(buffer, &data, GST_MAP_READ) == FALSE) fail(path, ENOMEM);
  const std::unique_ptr<GstMapInfo, std::function<void(GstMapInfo *)>> unmap(
      &data, [buffer](GstMapInfo *info) { gst_buffer_unmap(buffer, info); });
  write_bytes(beside, data.data, data.size);
  if (std::rename(beside.c_str(), path.c_str()) == 0) return;
  const int error = errno;
  unlink(beside.c_str());
  fail(path, error);
}

bool is_raw_video_in_system_memory(GstCaps *caps) {
  if (caps == nullptr || gst_caps_is_fixed(caps) == FALSE) return false;
  const GstCapsFeatures *features = gst_caps_get_features(caps, 0);
  return gst_structure_has_name(gst_caps_get_structure(caps, 0), "video/x-raw") &&
         gst_caps_features_is_equal(features, GST_CAPS_FEATURES_MEMORY_SYSTEM_MEMORY) != FALSE;
}

}  // namespace

// The mutex of Shared guards all but the first three members.
struct Snapshots::Picture {
  std::string source;
  GstClockTime time;
  std::string event;
  SnapshotPaths paths = {};     // of what is written
  Ref<GstSample> waiting = {};  // the newest frame that has not been encoded
  bool is_being_written = false;
};

// Lives until the owner, the thread and all functions that wait for a picture have released it.
struct Snapshots::Shared {
  Shared(BoundedFolder its_folder, bool has_overlay, Reporter reporter)
      : folder(std::move(its_folder)), overlay(has_overlay), report(std::move(reporter)) {}

  void run(const std::stop_token &stop);
  void write(Picture &picture, GstSample *sample);
  SnapshotPaths write_files(const Picture &picture, GstSample *sample);
  Ref<GstSample> with_results(GstSample *sample);
  void tell(const std::string &problem);

  // Only the thread uses these.
  BoundedFolder folder;
  bool overlay;
  std::unique_ptr<FrameDrawing> drawing;  // for frames as described by drawn_info
  GstVideoInfo drawn_info{};
  bool failing = false;

  std::mutex report_mutex;  // guards report, which the owner takes away when it abandons the thread
  Reporter report;

  std::mutex mutex;  // guards all of the following; held only for moments
  std::condition_variable_any changed;
  std::condition_variable_any settled;
  std::deque<std::shared_ptr<Picture>> queue;
  bool is_late = false;  // somebody has waited in vain since the last picture
  bool finished = false;
};

void Snapshots::Shared::tell(const std::string &problem) {
  const std::lock_guard lock(report_mutex);
  if (report) report(problem);
}

void Snapshots::Shared::write(Picture &picture, GstSample *sample) {
  try {
    SnapshotPaths paths = write_files(picture, sample);
    failing = false;
    const std::lock_guard lock(mutex);
    picture.paths = std::move(paths);
  } catch (const std::exception &error) {
    if (!std::exchange(failing, true)) tell(error.what());
  }
}

SnapshotPaths Snapshots::Shared::write_files(const Picture &picture, GstSample *sample) {
  folder.create();
  SnapshotPaths paths = picture.paths;
  if (paths.frame.empty()) paths.frame = folder.new_path(picture.source, picture.time, picture.event);
  std::vector<std::pair<std::string, Ref<GstSample>>> files;
  files.emplace_back(paths.frame, encoded(sample));
  const Ref<GstSample> drawn = overlay ? with_results(sample) : nullptr;
  if (drawn) {
    paths.overlay = folder.overlay_path(paths.frame);
    files.emplace_back(paths.overlay, encoded(drawn.get()));
  }
  gsize bytes = 0;
  for (const auto &[path, jpeg] : files) bytes += gst_buffer_get_size(gst_sample_get_buffer(jpeg.get()));
  folder.make_room(static_cast<unsigned>(files.size()), bytes, paths.frame, paths.overlay);
  for (const auto &[path, jpeg] : files) replace_file(path, gst_sample_get_buffer(jpeg.get()));
  return paths;
}

// A copy on which the results are drawn; null if frames of its format cannot be drawn on.
Ref<GstSample> Snapshots::Shared::with_results(GstSample *sample) {
  GstVideoInfo info;
  GstCaps *caps = gst_sample_get_caps(sample);
  if (gst_video_info_from_caps(&info, caps) == FALSE || !Painter::can_paint(info)) return nullptr;
  if (!drawing || gst_video_info_is_equal(&info, &drawn_info) == FALSE)
    drawing = std::make_unique<FrameDrawing>(info);
  drawn_info = info;
  const Ref<GstBuffer> copy(gst_buffer_copy_deep(gst_sample_get_buffer(sample)));
  Style style;
  style.boxes = true;
  if (drawing->prepare(results_of(copy.get()), style)) {
    const auto frame = map_frame_to_draw(copy.get(), info);
    if (!frame) return nullptr;
    drawing->paint(*frame);
  }
  return Ref<GstSample>(gst_sample_new(copy.get(), caps, nullptr, nullptr));
}

void Snapshots::Shared::run(const std::stop_token &stop) {
  std::unique_lock lock(mutex);
  while (changed.wait(lock, stop, [this] { return !queue.empty(); })) {
    const std::shared_ptr<Picture> picture = std::move(queue.front());
    queue.pop_front();
    const Ref<GstSample> sample = std::move(picture->waiting);
    picture->is_being_written = true;
    lock.unlock();
    write(*picture, sample.get());
    lock.lock();
    picture->is_being_written = false;
    is_late = false;
    settled.notify_all();
  }
  finished = true;
  settled.notify_all();
}

Snapshots::Snapshots(BoundedFolder folder, bool overlay, Reporter report)
    : shared_(std::make_shared<Shared>(std::move(folder), overlay, std::move(report))),
      thread_([shared = shared_](const std::stop_token &stop) { shared->run(stop); }) {}

Snapshots::~Snapshots() {
  thread_.request_stop();
  bool has_finished = false;
  {
    std::unique_lock lock(shared_->mutex);
    has_finished = shared_->settled.wait_for(lock, time_to_finish, [this] { return shared_->finished; });
    if (!has_finished) shared_->queue.clear();
  }
  if (has_finished)
    thread_.join();
  else
    thread_.detach();
  const std::lock_guard lock(shared_->report_mutex);
  shared_->report = nullptr;
}

void Snapshots::take(const GstAnomalyMeta &meta, GstBuffer *buffer, GstCaps *caps) {
  const Event event = event_of(meta);
  if (event.id.empty() || !event.open()) return;
  auto known = peaks_.find(event.id);
  const double score = std::max(event.peak_score, event.score);
  if (known != peaks_.end() && score <= known->second.score) return;
  if (!is_raw_video_in_system_memory(caps)) return;
  if (known == peaks_.end()) {
    if (peaks_.size() >= most_events) peaks_.erase(peaks_.begin());
    const auto picture = std::make_shared<Picture>(
        Picture{.source = event.source, .time = event.begin.time, .event = event.id});
    known = peaks_.emplace(event.id, Peak{score, picture}).first;
  }
  known->second.score = score;
  {
    const std::lock_guard lock(shared_->mutex);
    const bool is_queued = known->second.picture->waiting != nullptr;
    if (!is_queued && shared_->queue.size() >= most_waiting) return;
    known->second.picture->waiting.reset(gst_sample_new(buffer, caps, nullptr, nullptr));
    if (!is_queued) shared_->queue.push_back(known->second.picture);
  }
  shared_->changed.notify_one();
}

std::function<SnapshotPaths()> Snapshots::paths_of(const Event &event) {
  const auto known = peaks_.find(event.id);
  if (known == peaks_.end()) return [] { return SnapshotPaths(); };
  const std::shared_ptr<Picture> picture = known->second.picture;
  if (event.state == GST_ANOMALY_EVENT_END) peaks_.erase(known);
  return [shared = shared_, picture] {
    std::unique_lock lock(shared->mutex);
    const auto patience = shared->is_late ? std::chrono::seconds(0) : patience_for_picture;
    const auto is_settled = [&] { return !picture->waiting && !picture->is_being_written; };
    if (!shared->settled.wait_for(lock, patience, is_settled)) shared->is_late = true;
    return picture->paths;
  };
}

std::unique_ptr<Snapshots> open_snapshots(const PublishSettings &settings, Snapshots::Reporter report) {
  if (settings.snapshots.empty()) return nullptr;
  const BoundedFolder folder(
      std::filesystem::absolute(settings.snapshots).string(), ".jpg",
      {settings.snapshots_max_size, settings.snapshots_max_age, settings.snapshots_max_files});
  folder.create();
  return std::make_unique<Snapshots>(folder, settings.snapshots_overlay, std::move(report));
}

}  // namespace uniad
