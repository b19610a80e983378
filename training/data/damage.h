// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "training/data/pipeline.h"

namespace uniad {

// Marks the frames of a decoding pipeline that are damaged: GST_BUFFER_FLAG_CORRUPTED. Decoders conceal what
// is damaged or lost and hand the frame on as if nothing had happened; only their log tells. As frames refer
// to others, all are marked until the next one that is decoded by itself. Decoders work on several frames at
// a time, so a few before the damage may be marked too.
class DamageWatch {
 public:
  explicit DamageWatch(Pipeline &pipeline);  // which does not run yet

  // To be called when no thread of the pipeline runs any more; without it, this listens to the end.
  void end();

  // What the decoder last complained of; empty: of nothing.
  std::string complaint() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
  void *hearing_;  // what the log function is known by
};

}  // namespace uniad
