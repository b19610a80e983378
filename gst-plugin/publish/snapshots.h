// SPDX-License-Identifier: Apache-2.0
// Pictures of events: the frame with the highest score, as JPEG.
#pragma once

#include <gst/gst.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "gst-plugin/base/bounded_folder.h"
#include "gst-plugin/events/anomaly_json.h"
#include "gst-plugin/events/event.h"
#include "gst-plugin/meta/gstanomalymeta.h"
#include "gst-plugin/publish/settings.h"

namespace uniad {

// Encodes and writes pictures on a thread of its own. While that is busy, only the newest picture of each
// event waits.
class Snapshots {
 public:
  // `report` is called from the thread when pictures cannot be written, once until one is written again.
  // With `overlay`, each picture has another beside it, with the frame's results drawn on it.
  using Reporter = std::function<void(const std::string &problem)>;

  Snapshots(BoundedFolder folder, bool overlay, Reporter report);
  ~Snapshots();  // writes what waits, unless that takes longer than five seconds

  Snapshots(const Snapshots &) = delete;
  Snapshots &operator=(const Snapshots &) = delete;

  // Keeps the frame if its score is the highest of its event so far. `caps` must be raw video in system
  // memory, otherwise it has no picture.
  void take(const GstAnomalyMeta &meta, GstBuffer *buffer, GstCaps *caps);

  // Returns a function that waits until the newest picture of the event is written, for at most two seconds,
  // and returns its paths. It may be called from any thread.
  std::function<SnapshotPaths()> paths_of(const Event &event);

 private:
  struct Picture;
  struct Shared;
  struct Peak {
    double score;
    std::shared_ptr<Picture> picture;
  };

  std::shared_ptr<Shared> shared_;
  std::map<std::string, Peak> peaks_;  // of the events that have not ended
  std::jthread thread_;
};

// For the folder in the settings; null if there is none. Throws Error if it cannot be created.
std::unique_ptr<Snapshots> open_snapshots(const PublishSettings &settings, Snapshots::Reporter report);

}  // namespace uniad
