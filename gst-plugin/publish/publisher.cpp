// SPDX-License-Identifier: Apache-2.0
#include "gst-plugin/publish/publisher.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <iterator>
#include <mutex>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "gst-plugin/publish/result_queue.h"

namespace uniad {

namespace {

constexpr std::size_t batch_size = 64;
constexpr std::chrono::seconds idle_interval(1);
constexpr std::chrono::seconds time_to_stop(1);

}  // namespace

std::chrono::milliseconds BackOff::next() {
  constexpr unsigned most_doublings = 5;
  constexpr int shortest = 125;
  const int longest = shortest << std::min(failures_++, most_doublings);
  return std::chrono::milliseconds(std::uniform_int_distribution(longest / 2, longest)(random_));
}

// Lives until both the owner and the thread have released it.
struct Publisher::Shared {
  Shared(std::unique_ptr<Sink> its_sink, std::size_t queue_size,
         std::shared_ptr<PublisherFigures> its_figures, Reporter reporter)
      : sink(std::move(its_sink)),
        figures(std::move(its_figures)),
        report(std::move(reporter)),
        queue(queue_size) {}

  void run(const std::stop_token &stop);
  bool deliver(const std::stop_token &stop);
  Delivery attempt(std::vector<PublishedResult> &batch, const std::stop_token &stop);
  void settle(std::vector<PublishedResult> batch, const Delivery &delivery);
  void follow_outage(const Delivery &delivery);
  void tell(PublisherReport::Kind kind, Failure failure = {}, std::uint64_t lost = 0);
  void count(std::size_t dropped_now, std::size_t refused = 0);

  // Only the thread uses these.
  std::unique_ptr<Sink> sink;
  BackOff back_off;
  bool refusing = false;
  std::vector<PublishedResult> held;  // by the sink, which goes on delivering them

  std::shared_ptr<PublisherFigures> figures;

  std::mutex report_mutex;  // guards report, which the owner takes away when it abandons the thread
  Reporter report;

  std::mutex mutex;  // guards all of the following; held only for moments
  std::condition_variable_any changed;
  std::condition_variable settled;
  ResultQueue queue;
  bool idle = false;  // the thread waits for results: waking it takes time, and is useless in an outage
  bool must_reopen = false;
  bool at_once = false;  // the next attempt need not wait
  bool drained_in_vain = false;
  bool finished = false;
  bool failing = false;
  bool too_slow = false;
  std::uint64_t dropped = 0;         // results that did not fit into the queue
  std::uint64_t dropped_before = 0;  // those of earlier outages
};

void Publisher::Shared::tell(PublisherReport::Kind kind, Failure failure, std::uint64_t lost) {
  const std::lock_guard lock(report_mutex);
  if (report) report({kind, std::move(failure), lost});
}

// The caller holds the mutex.
void Publisher::Shared::count(std::size_t dropped_now, std::size_t refused) {
  dropped += dropped_now;
  figures->lost += dropped_now + refused;
  figures->queued = queue.size();
}

Delivery Publisher::Shared::attempt(std::vector<PublishedResult> &batch, const std::stop_token &stop) {
  try {
    for (PublishedResult &result : batch)
      if (const auto make_line = std::exchange(result.make_line, nullptr)) result.line = make_line();
    return sink->deliver(batch, stop);
  } catch (const std::exception &error) {
    Delivery delivery;
    delivery.failure = Failure{error.what(), "free some memory"};
    return delivery;
  }
}

void Publisher::Shared::settle(std::vector<PublishedResult> batch, const Delivery &delivery) {
  const auto done = batch.begin() + static_cast<std::ptrdiff_t>(delivery.done);
  const auto rest = done + static_cast<std::ptrdiff_t>(delivery.held);
  held.assign(std::move_iterator(done), std::move_iterator(rest));
  batch.erase(batch.begin(), rest);
  const std::lock_guard lock(mutex);
  count(queue.settle(std::move(batch), held.size()), delivery.refused);
  settled.notify_all();
}

void Publisher::Shared::follow_outage(const Delivery &delivery) {
  using Kind = PublisherReport::Kind;
  bool begins = false;
  std::optional<std::uint64_t> lost_in_outage;
  {
    const std::lock_guard lock(mutex);
    if (delivery.failure) {
      begins = !std::exchange(failing, true);
    } else if (failing || (too_slow && queue.empty())) {
      failing = too_slow = false;
      lost_in_outage = dropped - std::exchange(dropped_before, dropped);
    }
  }
  if (begins) tell(Kind::failing, *delivery.failure);
  if (lost_in_outage) tell(Kind::resumed, {}, *lost_in_outage);
  if (delivery.refused > 0 && !std::exchange(refusing, true))
    tell(Kind::refused, {delivery.refusal, ""}, delivery.refused);
  else if (delivery.done > delivery.refused)
    refusing = false;
}

// Returns whether the next attempt may follow at once.
bool Publisher::Shared::deliver(const std::stop_token &stop) {
  std::vector<PublishedResult> batch = std::exchange(held, {});
  bool reopens = false;
  bool is_slow = false;
  {
    const std::lock_guard lock(mutex);
    auto more = queue.take(batch_size - batch.size());
    batch.insert(batch.end(), std::move_iterator(more.begin()), std::move_iterator(more.end()));
    reopens = std::exchange(must_reopen, false);
    is_slow = !failing && !too_slow && dropped > dropped_before;
    if (is_slow) too_slow = true;
  }
  if (is_slow) tell(PublisherReport::Kind::too_slow);
  if (reopens)
    if (const auto failure = sink->reopen()) tell(PublisherReport::Kind::not_reopened, *failure);
  const Delivery delivery = attempt(batch, stop);
  settle(std::move(batch), delivery);
  if (stop.stop_requested()) return true;
  follow_outage(delivery);
  if (!delivery.failure) {
    back_off.reset();
    return true;
  }
  const auto pause = back_off.next();
  const auto retry_after = delivery.failure->retry_after;
  std::unique_lock lock(mutex);
  // A receiver that wants to be left alone is left alone, also at the end of the stream.
  changed.wait_for(lock, stop, retry_after, [] { return false; });
  changed.wait_for(lock, stop, pause, [this] { return at_once; });
  if (std::exchange(at_once, false)) back_off.reset();
  return false;
}

void Publisher::Shared::run(const std::stop_token &stop) {
  while (!stop.stop_requested()) {
    if (!deliver(stop)) continue;
    std::unique_lock lock(mutex);
    idle = true;
    changed.wait_for(lock, stop, idle_interval, [this] { return queue.has_waiting() || must_reopen; });
    idle = false;
    at_once = false;
  }
  sink->close();
  const std::lock_guard lock(mutex);
  finished = true;
  settled.notify_all();
}

Publisher::Publisher(std::unique_ptr<Sink> sink, std::size_t queue_size,
                     std::shared_ptr<PublisherFigures> figures, Reporter report)
    : shared_(std::make_shared<Shared>(std::move(sink), queue_size, std::move(figures), std::move(report))),
      thread_([shared = shared_](const std::stop_token &stop) { shared->run(stop); }) {}

Publisher::~Publisher() {
  thread_.request_stop();
  std::uint64_t left = 0;
  std::uint64_t lost = 0;
  bool has_finished = false;
  {
    std::unique_lock lock(shared_->mutex);
    has_finished = shared_->settled.wait_for(lock, time_to_stop, [this] { return shared_->finished; });
    left = shared_->queue.size();
    shared_->figures->lost += left;
    shared_->figures->queued = 0;
    lost = left + shared_->dropped - shared_->dropped_before;
  }
  if (has_finished)
    thread_.join();
  else
    thread_.detach();
  if (left > 0) shared_->tell(PublisherReport::Kind::stopped, {}, lost);
  const std::lock_guard lock(shared_->report_mutex);
  shared_->report = nullptr;
}

void Publisher::add(PublishedResult result) {
  bool wakes = false;
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->count(shared_->queue.push(std::move(result)));
    shared_->drained_in_vain = false;
    wakes = shared_->idle;
  }
  if (wakes) shared_->changed.notify_one();
}

void Publisher::drain(std::chrono::nanoseconds time) {
  std::unique_lock lock(shared_->mutex);
  if (shared_->queue.empty() || shared_->drained_in_vain) return;
  shared_->at_once = true;
  shared_->changed.notify_one();
  shared_->drained_in_vain =
      !shared_->settled.wait_for(lock, time, [this] { return shared_->queue.empty(); });
}

void Publisher::reopen() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->must_reopen = true;
    shared_->at_once = true;
  }
  shared_->changed.notify_one();
}

}  // namespace uniad
