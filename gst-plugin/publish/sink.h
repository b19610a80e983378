// SPDX-License-Identifier: Apache-2.0
// Where results are published: what each kind of receiver implements.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>

namespace uniad {

// What is published: the result for a frame or a state of an event.
struct PublishedResult {
  std::function<std::string()> make_line;  // makes the line before the first delivery
  bool is_event = false;                   // an event line, not that of a frame
  bool is_event_change = false;  // an event begins, is updated or ends: dropped after all other results
  std::string line = {};         // one line of JSON, without a newline
};

// Why results cannot be delivered, and what to do about it.
struct Failure {
  std::string reason;
  std::string hint;
  std::chrono::milliseconds retry_after{0};  // how long the receiver wants to be left alone
};

struct Delivery {
  std::size_t done = 0;                 // number of results, from the first on, that need not be sent again
  std::size_t refused = 0;              // those among them that the receiver will never accept
  std::string refusal;                  // why it refused the last of them
  std::optional<Failure> failure = {};  // why the other results were not delivered; they will be tried again
  std::size_t held = 0;  // number of results after the done ones on which the sink works on: the next
                         // delivery begins with them
};

// Delivers results to one place. All calls come from the same background thread, and may therefore wait.
class Sink {
 public:
  Sink() = default;
  virtual ~Sink() = default;
  Sink(const Sink &) = delete;
  Sink &operator=(const Sink &) = delete;

  // The place, for messages; without passwords.
  virtual std::string name() const = 0;

  // Whether events have a place of their own there, so that each of their states is published as an event,
  // also among frames.
  virtual bool separates_events() const { return false; }

  // Delivers results in their order, and returns early if `stop` is requested. While there is nothing to
  // deliver, it is called every second without results, to keep a connection alive.
  virtual Delivery deliver(std::span<const PublishedResult> results, const std::stop_token &stop) = 0;

  // Opens the file anew after it has been renamed.
  virtual std::optional<Failure> reopen() { return std::nullopt; }

  // Ends the connection in order. Not called if the sink does not respond in time.
  virtual void close() {}
};

}  // namespace uniad
