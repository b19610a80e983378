// SPDX-License-Identifier: Apache-2.0
#include "training/base/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "model/base/json_text.h"

namespace uniad {

using Clock = std::chrono::steady_clock;

namespace {

void print(const nlohmann::ordered_json &line) {
  std::cerr << json_text(line) << std::endl;
}

}  // namespace

Progress::Progress(bool json) : json_(json), terminal_(!json && isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  end();
}

void Progress::begin(const std::string &stage, std::int64_t total) {
  if (quiet_) return;
  end();
  stage_ = stage;
  total_ = std::max<std::int64_t>(total, 1);
  done_ = 0;
  next_line_ = (total_ + 9) / 10;
  begun_ = Clock::now();
  drawn_ = {};
  if (!terminal_ && !json_) std::cerr << stage_ << '\n';
}

void Progress::update(std::int64_t done, const std::string &detail) {
  if (quiet_) return;
  done_ = done;
  if (terminal_ || json_) {
    if (is_due() || done_ >= total_) draw(detail);
  } else if (done_ >= next_line_ && done_ > 0) {
    draw(detail);
    next_line_ = ((done_ * 10 / total_ + 1) * total_ + 9) / 10;
  }
}

void Progress::pass(const std::string &detail) {
  if (!quiet_ && !stage_.empty() && (terminal_ || json_) && is_due()) draw(detail);
}

bool Progress::is_due() const {
  return Clock::now() - drawn_ >= (json_ ? std::chrono::seconds(1) : std::chrono::milliseconds(100));
}

void Progress::end() {
  if (terminal_ && !stage_.empty()) std::cerr << '\n';
  stage_.clear();
}

void Progress::be_quiet() {
  end();
  quiet_ = true;
}

void Progress::say(const std::string &line) {
  if (quiet_) return;
  if (json_) {
    print({{"message", line}});
    return;
  }
  if (terminal_ && !stage_.empty()) std::cerr << "\r\033[K";
  std::cerr << line << '\n';
}

void Progress::fail(const std::string &reason) {
  end();
  last_words(reason);
}

void Progress::last_words(const std::string &reason) const {
  if (json_)
    print({{"error", reason}});
  else
    std::cerr << "uniad: " << reason << '\n';
}

void Progress::draw(const std::string &detail) {
  drawn_ = Clock::now();
  const std::chrono::duration<double> spent = drawn_ - begun_;
  const auto left =
      done_ > 0 ? spent.count() * static_cast<double>(total_ - done_) / static_cast<double>(done_) : 0.0;
  const double rate = spent.count() > 0 ? static_cast<double>(done_) / spent.count() : 0.0;
  if (json_) {
    print({{"stage", stage_},
           {"done", done_},
           {"total", total_},
           {"rate", rate},
           {"seconds_left", left},
           {"detail", detail}});
    return;
  }
  std::ostringstream line;
  line.precision(3);
  if (terminal_) line << "\r\033[K";
  line << stage_ << ' ';
  if (terminal_) {
    constexpr std::int64_t width = 30;
    const auto filled = static_cast<std::size_t>(std::clamp<std::int64_t>(done_ * width / total_, 0, width));
    line << '[' << std::string(filled, '#') << std::string(width - filled, '.') << "] ";
  }
  line << done_ << '/' << total_ << ", " << rate << "/s";
  if (!detail.empty()) line << ", " << detail;
  if (done_ < total_)
    line << ", " << std::lround(left) << " s left";
  else
    line << ", " << std::lround(spent.count()) << " s";
  std::cerr << line.str() << (terminal_ ? "" : "\n") << std::flush;
}

}  // namespace uniad
