// SPDX-License-Identifier: Apache-2.0
#include "model/engine/learning.h"

#include <algorithm>

namespace uniad {

double LearningProgress::share() const {
  const auto of = [](double reached, double goal) { return goal > 0 ? std::min(reached / goal, 1.0) : 1.0; };
  return std::min(of(static_cast<double>(frames), static_cast<double>(wanted)),
                  of(static_cast<double>(time.count()), static_cast<double>(wanted_time.count())));
}

std::string LearningProgress::progress_text() const {
  const auto seconds = [](std::chrono::nanoseconds span) {
    return std::to_string(std::chrono::floor<std::chrono::seconds>(span).count());
  };
  std::string text;
  if (wanted > 0) text = std::to_string(frames) + " of " + std::to_string(wanted) + " frames";
  if (wanted_time.count() > 0)
    text += (text.empty() ? "" : ", ") + seconds(time) + " of " + seconds(wanted_time) + " s";
  return text;
}

}  // namespace uniad
