// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace uniad {

// Tells on standard error how far the work is: a bar that redraws itself on a terminal, else a plain line at
// every tenth of a stage; or for programs one JSON object a line, at most one a second and the last of a
// stage: {"stage", "done", "total", "rate" (a second), "seconds_left", "detail"}, and {"message"}.
class Progress {
 public:
  explicit Progress(bool json = false);  // else looks whether standard error is a terminal
  ~Progress();
  Progress(const Progress &) = delete;
  Progress &operator=(const Progress &) = delete;

  // A stage of `total` steps; the one before it ends.
  void begin(const std::string &stage, std::int64_t total);
  // `done` of them are finished; `detail` is shown behind ("loss 0.1234").
  void update(std::int64_t done, const std::string &detail = {});
  // No more of them are, but work goes on, at `detail`.
  void pass(const std::string &detail);
  void end();

  // A line of its own, without breaking the bar.
  void say(const std::string &line);

  // Nothing but fail() writes from now on: of several processes at one work, one tells of it.
  void be_quiet();

  // Why the work ended before it was done: "uniad: ...", or {"error"}.
  void fail(const std::string &reason);

  // The same from another thread, as the last that the program does.
  void last_words(const std::string &reason) const;

 private:
  bool is_due() const;
  void draw(const std::string &detail);

  const bool json_;
  const bool terminal_;
  bool quiet_ = false;
  std::string stage_;
  std::int64_t total_ = 0;
  std::int64_t done_ = 0;
  std::int64_t next_line_ = 0;
  std::chrono::steady_clock::time_point begun_;
  std::chrono::steady_clock::time_point drawn_;
};

}  // namespace uniad
