// SPDX-License-Identifier: Apache-2.0
// Reads the encoded frames of a video.
#pragma once

#include <gst/app/gstappsink.h>
#include <gst/gst.h>

#include <filesystem>
#include <memory>
#include <string>

#include "training/data/pipeline.h"

namespace uniad {

// The first video stream of a file, frame by frame in the order of decoding.
class PacketReader {
 public:
  explicit PacketReader(const std::filesystem::path &video);

  // The next frame; null at the end. Throws Error if there is no video stream, if the file cannot be read on,
  // and on interruption.
  Ref<GstSample> next();

 private:
  struct State;

  void check_bus();

  const std::filesystem::path video_;
  std::shared_ptr<State> state_;  // shared, because streaming threads outlive a pipeline that does not stop
  Pipeline pipeline_;
  Ref<GstBus> bus_;
  bool has_ended_ = false;
  std::string error_;  // why it ended early
};

}  // namespace uniad
