// SPDX-License-Identifier: Apache-2.0
// Hands results to a background thread, which delivers them to a sink.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>

#include "gst-plugin/publish/sink.h"

namespace uniad {

// Figures that can be read at any time.
struct PublisherFigures {
  std::atomic<std::uint64_t> lost{0};    // results that were not and will not be delivered
  std::atomic<std::uint64_t> queued{0};  // results that wait or are being delivered
};

// What the user should know.
struct PublisherReport {
  enum class Kind {
    failing,   // an outage begins: results wait until delivery succeeds again
    too_slow,  // results are being lost because they come faster than the sink takes them
    resumed,   // an outage is over
    refused,   // the receiver refuses results for good
    not_reopened,
    stopped,  // results were left when the publisher was stopped
  };
  Kind kind;
  Failure failure;
  std::uint64_t lost;  // results that were lost in this outage; for `stopped`, also those that were left
};

// The time to wait before the next attempt: twice as long after each failure, up to four seconds, and shorter
// by a random share of up to one half, so that many publishers do not come back at the same moment.
class BackOff {
 public:
  std::chrono::milliseconds next();
  void reset() { failures_ = 0; }

 private:
  unsigned failures_ = 0;
  std::minstd_rand random_{std::random_device{}()};
};

// Delivers results to a sink on a thread of its own. Failed deliveries are repeated until they succeed. Up to
// `queue_size` results wait meanwhile, the newest, and events rather than frames.
class Publisher {
 public:
  using Clock = std::chrono::steady_clock;
  using Reporter = std::function<void(const PublisherReport &)>;

  // `report` is called from the background thread, and from the destructor.
  Publisher(std::unique_ptr<Sink> sink, std::size_t queue_size, std::shared_ptr<PublisherFigures> figures,
            Reporter report);
  // Gives up what has not been delivered, and counts it as lost. A sink that does not return within one
  // second is abandoned with its thread, which ends when the sink returns.
  ~Publisher();

  Publisher(const Publisher &) = delete;
  Publisher &operator=(const Publisher &) = delete;

  // Never waits for the sink.
  void add(PublishedResult result);

  // Waits until everything is delivered, or until the time is over; but not if it was waited for in vain
  // since the last result.
  void drain(std::chrono::nanoseconds time);

  // Asks the sink to reopen its file before the next result.
  void reopen();

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
  std::jthread thread_;
};

}  // namespace uniad
