// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/record/clip_writer.h"

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <utility>
#include <variant>

#include "gst-plugin/record/mp4_file.h"

namespace uniad {

namespace {

struct Join {
  std::string event;
};
struct End {};
using Command = std::variant<Clip, Join, EncodedFrame, End>;

constexpr std::size_t bytes_of_others = 1024;  // about
std::size_t bytes_of(const Command &command) {
  const auto *frame = std::get_if<EncodedFrame>(&command);
  return frame != nullptr ? frame->bytes() : bytes_of_others;
}

constexpr std::uint64_t bytes_between_looks = 16777216;
constexpr std::chrono::milliseconds idle_interval(200);

}  // namespace

// Lives until both the owner and the thread have released it.
struct ClipWriter::Shared {
  Shared(BoundedFolder its_folder, std::size_t its_limit, Counter its_lost, Reporter reporter)
      : folder(std::move(its_folder)),
        lost(std::move(its_lost)),
        report(std::move(reporter)),
        limit(its_limit) {}

  void run();
  void tell(ClipReport::Kind kind, Clip clip, std::string reason = {});
  bool push(Command command);

  // Only the thread uses these.
  void obey(Clip &clip);
  void obey(Join &join);
  void obey(EncodedFrame &frame);
  void obey(End &end);
  void open(const EncodedFrame &first);
  void write(const EncodedFrame &frame);
  void finish();
  void attempt(const std::function<void()> &step);

  BoundedFolder folder;
  std::optional<Clip> clip;
  std::unique_ptr<Mp4File> file;
  std::shared_ptr<const Stretch> stretch;  // of the file
  std::uint64_t looked_at = 0;             // size of the file when the folder was looked through
  std::uint64_t frames_at_hand = 0;        // taken from the queue, not yet in the file
  bool given_up = false;                   // the rest of this clip is not written
  bool has_frames = false;
  bool failing = false;

  Counter lost;

  std::mutex report_mutex;  // guards report, which the owner takes away when it abandons the thread
  Reporter report;

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

void ClipWriter::Shared::tell(ClipReport::Kind kind, Clip its_clip, std::string reason) {
  const std::lock_guard lock(report_mutex);
  if (report) report({kind, std::move(its_clip), std::move(reason)});
}

// Without a clip that has begun, an end would have no meaning, so there is always room for one.
bool ClipWriter::Shared::push(Command command) {
  {
    const std::lock_guard lock(mutex);
    const std::size_t size = bytes_of(command);
    if (bytes + size > limit && !std::holds_alternative<End>(command)) return false;
    bytes += size;
    commands.push_back(std::move(command));
  }
  changed.notify_one();
  return true;
}

void ClipWriter::Shared::attempt(const std::function<void()> &step) {
  try {
    step();
    return;
  } catch (const std::exception &error) {
    if (!std::exchange(failing, true)) tell(ClipReport::Kind::failing, *clip, error.what());
  }
  given_up = true;
  *lost += frames_at_hand + (file ? file->frames_not_written() : 0);
  file.reset();
}

void ClipWriter::Shared::obey(Clip &its_clip) {
  clip = std::move(its_clip);
  given_up = has_frames = false;
}

void ClipWriter::Shared::obey(Join &join) {
  clip->events.push_back(std::move(join.event));
}

void ClipWriter::Shared::open(const EncodedFrame &first) {
  folder.create();
  folder.make_room(1, 0);
  clip->path = folder.new_path(clip->source, clip->time, clip->events.front());
  file = std::make_unique<Mp4File>(clip->path, first);
  stretch = first.stretch;
  looked_at = 0;
  tell(ClipReport::Kind::opened, *clip);
}

void ClipWriter::Shared::write(const EncodedFrame &frame) {
  if (file && stretch != frame.stretch) finish();
  if (!file) open(frame);
  frames_at_hand = 0;
  file->add(frame);
  if (file->bytes() < looked_at + bytes_between_looks) return;
  looked_at = file->bytes();
  folder.make_room(1, file->bytes(), file->path());
}

void ClipWriter::Shared::obey(EncodedFrame &frame) {
  has_frames = true;
  frames_at_hand = 1;
  if (given_up)
    ++*lost;
  else
    attempt([&] { write(frame); });
  frames_at_hand = 0;
}

void ClipWriter::Shared::finish() {
  file->finish();
  clip->frames = file->frames();
  clip->bytes = file->bytes();
  clip->duration = file->duration();
  folder.make_room(1, file->bytes(), file->path());
  file.reset();
  failing = false;
  tell(ClipReport::Kind::finished, *clip);
}

void ClipWriter::Shared::obey(End & /*end*/) {
  if (file) attempt([this] { finish(); });
  if (!has_frames) tell(ClipReport::Kind::empty, *clip);
  clip.reset();
  const std::lock_guard lock(mutex);
  too_slow = false;
}

void ClipWriter::Shared::run() {
  std::unique_lock lock(mutex);
  while (true) {
    const bool woken = changed.wait_for(lock, idle_interval, [this] { return !commands.empty() || closing; });
    if (!woken) {
      lock.unlock();
      if (file) attempt([this] { file->write_available(); });
      lock.lock();
      continue;
    }
    if (commands.empty()) break;
    Command command = std::move(commands.front());
    commands.pop_front();
    lock.unlock();
    std::visit([this](auto &what) { obey(what); }, command);
    lock.lock();
    bytes -= bytes_of(command);
  }
  finished = true;
  done.notify_all();
}

ClipWriter::ClipWriter(BoundedFolder folder, std::size_t queue_bytes, Counter lost, Reporter report)
    : shared_(std::make_shared<Shared>(std::move(folder), queue_bytes, std::move(lost), std::move(report))),
      thread_([shared = shared_] { shared->run(); }) {}

ClipWriter::~ClipWriter() {
  bool has_finished = false;
  {
    std::unique_lock lock(shared_->mutex);
    shared_->closing = true;
    shared_->changed.notify_one();
    has_finished = shared_->done.wait_for(lock, drain_time_, [this] { return shared_->finished; });
    if (!has_finished) {
      for (const Command &command : shared_->commands)
        if (std::holds_alternative<EncodedFrame>(command)) ++*shared_->lost;
      shared_->commands.clear();
    }
  }
  if (has_finished) {
    thread_.join();
  } else {
    thread_.detach();
    shared_->tell(ClipReport::Kind::stopped, {});
  }
  const std::lock_guard lock(shared_->report_mutex);
  shared_->report = nullptr;
}

bool ClipWriter::begin(Clip clip) {
  return shared_->push(std::move(clip));
}

void ClipWriter::join(std::string event) {
  shared_->push(Join{std::move(event)});
}

bool ClipWriter::add(const EncodedFrame &frame) {
  if (shared_->push(frame)) return true;
  ++*shared_->lost;
  bool is_first = false;
  {
    const std::lock_guard lock(shared_->mutex);
    is_first = !std::exchange(shared_->too_slow, true);
  }
  if (is_first) shared_->tell(ClipReport::Kind::too_slow, {});
  return false;
}

void ClipWriter::end() {
  shared_->push(End{});
}

}  // namespace uniad
