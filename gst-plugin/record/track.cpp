// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/record/track.h"

#include <exception>
#include <filesystem>
#include <system_error>
#include <utility>

namespace uniad {

namespace {

constexpr std::uint64_t bytes_between_looks = 16777216;
constexpr const char *name_of_segments = "segment";

}  // namespace

Track::Track(BoundedFolder folder, bool embed, Counter lost, Reporter report)
    : folder_(std::move(folder)),
      embed_(embed),
      lost_(std::move(lost)),
      index_(folder_.path()),
      report_(std::move(report)) {}

void Track::tell(ClipReport::Kind kind, Clip clip, std::string reason) {
  const std::lock_guard lock(report_mutex_);
  if (report_) report_({kind, std::move(clip), std::move(reason)});
}

void Track::mute() {
  const std::lock_guard lock(report_mutex_);
  report_ = nullptr;
}

void Track::attempt(const std::function<void()> &step) {
  try {
    step();
    return;
  } catch (const std::exception &error) {
    if (!std::exchange(failing_, true)) tell(ClipReport::Kind::failing, *clip_, error.what());
  }
  given_up_ = true;
  const bool one_waits = carrier_ && carrier_->has_frame();
  *lost_ += frames_at_hand_ + (one_waits ? 1 : 0) + (file_ ? file_->frames_not_written() : 0);
  close();
}

// Without the index, the segments are still worth having.
void Track::note(const std::function<void()> &step) {
  if (!clip_->is_segment()) return;
  try {
    step();
    index_failing_ = false;
  } catch (const std::exception &error) {
    if (!std::exchange(index_failing_, true)) tell(ClipReport::Kind::index_failing, *clip_, error.what());
  }
}

void Track::begin(Clip clip) {
  clip_ = std::move(clip);
  given_up_ = has_frames_ = false;
}

void Track::join(std::string event) {
  clip_->events.push_back(std::move(event));
}

void Track::open(const EncodedFrame &first) {
  folder_.create();
  folder_.make_room(1, 0);
  const std::string id = clip_->is_segment() ? name_of_segments : clip_->events.front();
  clip_->path = folder_.new_path(clip_->source, clip_->time, id);
  folder_.use(clip_->path);
  file_ = std::make_unique<Mp4File>(clip_->path, first);
  if (embed_) carrier_.emplace(first, folder_.companion_of(clip_->path));
  stretch_ = first.stretch;
  looked_at_ = clip_->frames = 0;
  note([&] { index_.open(*clip_, first); });
  tell(ClipReport::Kind::opened, *clip_);
}

// A segment is longer than most outages, so the rest of it is tried again.
bool Track::may_try_again(const EncodedFrame &frame) const {
  constexpr GstClockTime pause = 5 * GST_SECOND;
  return clip_->is_segment() && frame.is_key && (frame.time < failed_at_ || frame.time - failed_at_ >= pause);
}

void Track::put(const EncodedFrame &frame) {
  frames_at_hand_ = 0;  // it is the file's now, even if that cannot be written
  file_->add(frame);
  if (file_->bytes() < looked_at_ + bytes_between_looks) return;
  looked_at_ = file_->bytes();
  folder_.make_room(1, file_->bytes(), file_->path());
}

void Track::write(const EncodedFrame &frame) {
  if (file_ && stretch_ != frame.stretch) finish({});
  if (!file_) open(frame);
  note([&] { index_.add(frame); });
  if (!carrier_) return put(frame);
  const auto before = carrier_->add(frame);
  frames_at_hand_ = before ? 1 : 0;
  if (before) put(*before);
}

void Track::add(const EncodedFrame &frame) {
  has_frames_ = true;
  frames_at_hand_ = 1;
  if (given_up_ && may_try_again(frame)) {
    given_up_ = false;
    clip_->time = frame.captured;
  }
  if (given_up_) {
    ++*lost_;
    if (frame.events) note([&] { index_.add(*frame.events); });
  } else {
    attempt([&] { write(frame); });
    if (given_up_) failed_at_ = frame.time;
  }
  frames_at_hand_ = 0;
}

void Track::finish(const std::vector<Event> &events) {
  if (carrier_)
    if (const auto last = carrier_->finish(events)) put(*last);
  file_->finish();
  clip_->frames = file_->frames();
  clip_->bytes = file_->bytes();
  clip_->duration = file_->duration();
  folder_.make_room(1, file_->bytes(), file_->path());
  close();
  folder_.finish(clip_->path);
  failing_ = false;
  note([this] { index_.finish(*clip_); });
  tell(ClipReport::Kind::finished, *clip_);
}

void Track::close() {
  if (!file_) return;
  folder_.release(file_->path());
  carrier_.reset();
  file_.reset();
  std::error_code error;
  if (!std::filesystem::exists(clip_->path, error))  // nothing was written, or someone removed it
    std::filesystem::remove(folder_.companion_of(clip_->path), error);
}

void Track::end(const std::vector<Event> &events) {
  note([&] { index_.add(events); });
  if (file_) attempt([&] { finish(events); });
  if (!has_frames_) tell(ClipReport::Kind::empty, *clip_);
  clip_.reset();
}

void Track::write_available() {
  if (file_) attempt([this] { file_->write_available(); });
}

}  // namespace uniad
