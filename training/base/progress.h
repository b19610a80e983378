// SPDX-License-Identifier: Apache-2.0
// Reports progress on standard error.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace uniad {

// Reports progress on standard error: as a progress bar on a terminal, otherwise as a line for each tenth of
// a stage. For programs, it writes one JSON object per line, at most once per second and at the end of a
// stage: {"stage", "done", "total", "rate" (per second), "seconds_left", "detail"}, and {"message"}.
class Progress {
 public:
  explicit Progress(bool json = false);  // if false, detects whether standard error is a terminal
  ~Progress();
  Progress(const Progress &) = delete;
  Progress &operator=(const Progress &) = delete;

  // Begins a stage of `total` steps and ends the previous one.
  void begin(const std::string &stage, std::int64_t total);
  // Reports `done` finished steps; `detail` is shown after them ("loss 0.1234").
  void update(std::int64_t done, const std::string &detail = {});
  // Reports that work continues at `detail` without finishing a step.
  void pass(const std::string &detail);
  void end();

  // Prints a separate line without disturbing the progress bar.
  void say(const std::string &line);

  // From now on, only fail() writes. Of several processes that work together, only one reports progress.
  void be_quiet();

  // Reports why the work failed: "uniad: ...", or {"error"}.
  void fail(const std::string &reason);

  // The same from another thread, right before the process ends.
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
