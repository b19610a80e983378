// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/record/clip_writer.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>
#include <variant>

namespace uniad {

namespace {

struct Join {
  std::string event;
};
struct End {
  std::vector<Event> events;
};
using Command = std::variant<Clip, Join, EncodedFrame, End>;

constexpr std::size_t bytes_of_others = 1024;  // about
std::size_t bytes_of(const Command &command) {
  const auto *frame = std::get_if<EncodedFrame>(&command);
  return frame != nullptr ? frame->bytes() : bytes_of_others;
}

constexpr std::chrono::milliseconds idle_interval(200);

}  // namespace

// Lives until both the owner and the thread have released it.
struct ClipWriter::Shared {
  Shared(std::unique_ptr<Track> its_track, std::size_t its_limit)
      : track(std::move(its_track)), limit(its_limit) {}

  void run();
  bool push(Command command);

  // Only the thread uses these.
  void obey(Clip &clip) { track->begin(std::move(clip)); }
  void obey(Join &join) { track->join(std::move(join.event)); }
  void obey(EncodedFrame &frame) { track->add(frame); }
  void obey(End &end);

  std::unique_ptr<Track> track;

  std::mutex mutex;  // guards all of the following; held only for moments
  std::condition_variable changed;
  std::condition_variable done;
  std::deque<Command> commands;
  std::size_t limit;
  std::size_t bytes = 0;
  bool too_slow = false;
  bool closing = false;
  bool finished = false;
};

// Without a clip that has begun, an end would have no meaning, so there is always room for one.
bool ClipWriter::Shared::push(Command command) {
  bool may_sleep = false;  // the thread; waking it takes longer than all else, and a pre-roll has many frames
  {
    const std::lock_guard lock(mutex);
    const std::size_t size = bytes_of(command);
    if (bytes + size > limit && !std::holds_alternative<End>(command)) return false;
    bytes += size;
    may_sleep = commands.empty();
    commands.push_back(std::move(command));
  }
  if (may_sleep) changed.notify_one();
  return true;
}

void ClipWriter::Shared::obey(End &end) {
  track->end(end.events);
  const std::lock_guard lock(mutex);
  if (bytes <= limit / 2) too_slow = false;
}

void ClipWriter::Shared::run() {
  std::unique_lock lock(mutex);
  while (true) {
    const bool woken = changed.wait_for(lock, idle_interval, [this] { return !commands.empty() || closing; });
    if (!woken) {
      lock.unlock();
      track->write_available();
      lock.lock();
      continue;
    }
    if (commands.empty()) break;
    Command command = std::move(commands.front());
    commands.pop_front();
    lock.unlock();
    const std::size_t size = bytes_of(command);
    std::visit([this](auto &what) { obey(what); }, command);
    lock.lock();
    bytes -= size;
  }
  finished = true;
  done.notify_all();
}

ClipWriter::ClipWriter(std::unique_ptr<Track> track, std::size_t queue_bytes)
    : shared_(std::make_shared<Shared>(std::move(track), queue_bytes)),
      thread_([shared = shared_] { shared->run(); }) {}

ClipWriter::~ClipWriter() {
  if (thread_.joinable()) stop(std::chrono::steady_clock::now());
}

void ClipWriter::close() {
  const std::lock_guard lock(shared_->mutex);
  shared_->closing = true;
  shared_->changed.notify_one();
}

void ClipWriter::stop(std::chrono::steady_clock::time_point deadline) {
  close();
  bool has_finished = false;
  {
    std::unique_lock lock(shared_->mutex);
    has_finished = shared_->done.wait_until(lock, deadline, [this] { return shared_->finished; });
    if (!has_finished) {
      for (const Command &command : shared_->commands)
        if (std::holds_alternative<EncodedFrame>(command)) shared_->track->lose(1);
      shared_->commands.clear();
    }
  }
  if (has_finished) {
    thread_.join();
  } else {
    thread_.detach();
    shared_->track->tell(ClipReport::Kind::stopped);
  }
  shared_->track->mute();
}

bool ClipWriter::begin(Clip clip) {
  return shared_->push(std::move(clip));
}

void ClipWriter::join(std::string event) {
  shared_->push(Join{std::move(event)});
}

bool ClipWriter::add(const EncodedFrame &frame) {
  if (shared_->push(frame)) return true;
  shared_->track->lose(1);
  bool is_first = false;
  {
    const std::lock_guard lock(shared_->mutex);
    is_first = !std::exchange(shared_->too_slow, true);
  }
  if (is_first) shared_->track->tell(ClipReport::Kind::too_slow);
  return false;
}

void ClipWriter::end(std::vector<Event> events) {
  shared_->push(End{std::move(events)});
}

void ClipWriter::lose_frame() {
  shared_->track->lose(1);
}

}  // namespace uniad
