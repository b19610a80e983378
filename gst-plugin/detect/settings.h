// SPDX-License-Identifier: Apache-2.0
// The values of the properties of uniaddetect.
#pragma once

#include <gst/gst.h>

#include <chrono>
#include <string>

#include "gst-plugin/detect/uniaddetect.h"
#include "model/health/monitor.h"
#include "model/scoring/event_rule.h"

namespace uniad {

inline constexpr double calibrated_threshold = -1;  // use the threshold of the model
inline constexpr gint64 automatic_hold = -1;

// The amount of footage to learn from. If both members are set, both must be reached; if neither is set,
// nothing is learned.
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
  double max_rate = 0;  // judged frames per second of running time; 0: no limit
  double threshold = calibrated_threshold;
  GstUniadDetectMode mode = GST_UNIAD_DETECT_MODE_AUTO;
  bool post_messages = true;
  guint learn = 0;         // frames
  guint64 learn_time = 0;  // nanoseconds
  bool learn_once = false;
  std::string backbone = "auto";
  double adapt_rate = 0;
  std::string event_confirm = "auto";
  gint64 event_hold = automatic_hold;
  double event_release = EventRules{}.release;
  guint64 event_cooldown = default_time(EventRules{}.cooldown);
  guint64 event_min_duration = default_time(EventRules{}.min_duration);
  GstUniadDetectMotion motion = GST_UNIAD_DETECT_MOTION_AUTO;
  double motion_threshold = calibrated_threshold;
  bool stopped = false;
  std::string zones;           // JSON or a file; empty: none
  std::string health = "all";  // kinds of camera health
  guint64 freeze_time = default_time(HealthSettings{}.freeze_time);
  guint64 settle_time = default_time(HealthSettings{}.settle_time);
  guint batch_size = 8;
  guint64 batch_timeout = 0;

  LearnRequest learn_request() const { return {learn, learn_time}; }
  // Throws Error if a property has a value that is invalid although it is within the property's range.
  void check() const {
    event_rules(false, false);
    health_settings();
  }

  // has_time: whether frames have timestamps or a frame rate, unlike separate pictures. Throws Error if
  // event_confirm is invalid.
  EventRules event_rules(bool live, bool has_time) const;
  HealthSettings health_settings() const;  // throws Error if `health` contains an unknown kind

 private:
  static guint64 default_time(std::chrono::nanoseconds time) { return static_cast<guint64>(time.count()); }
};

}  // namespace uniad
