// SPDX-License-Identifier: Apache-2.0
// What uniaddetect is asked for by its properties.
#pragma once

#include <gst/gst.h>

#include <chrono>
#include <string>

#include "gst-plugin/detect/uniaddetect.h"
#include "model/scoring/event_rule.h"

namespace uniad {

inline constexpr double calibrated_threshold = -1;  // the model's own

// What is to be learned from; both where both are given, nothing where neither is.
struct LearnRequest {
  guint frames = 0;
  GstClockTime time = 0;

  explicit operator bool() const { return frames > 0 || time > 0; }
};

struct DetectSettings {
  std::string model;
  std::string source;  // empty: the element's name
  bool source_is_set = false;
  std::string device = "auto";
  std::string precision = "auto";
  guint interval = 1;
  double threshold = calibrated_threshold;
  GstUniadDetectMode mode = GST_UNIAD_DETECT_MODE_AUTO;
  bool post_messages = true;
  guint learn = 0;         // frames
  guint64 learn_time = 0;  // nanoseconds
  bool learn_once = false;
  std::string backbone = "auto";
  double adapt_rate = 0;
  guint64 hold_time = default_hold_time / std::chrono::nanoseconds(1);
  std::string zones;  // JSON or a file; empty: none
  guint batch_size = 8;
  guint64 batch_timeout = 0;

  LearnRequest learn_request() const { return {learn, learn_time}; }
};

}  // namespace uniad
