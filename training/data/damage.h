// SPDX-License-Identifier: Apache-2.0
// Finds damaged frames from the reports of decoders.
#pragma once

#include <memory>
#include <string>

#include "training/data/pipeline.h"

namespace uniad {

// Marks the damaged frames of a decoding pipeline with GST_BUFFER_FLAG_CORRUPTED. Decoders conceal damage and
// losses and pass such frames on without marking them; only their log shows it. Because frames refer to
// others, all frames up to the next key frame are marked. Decoders process several frames at a time, so a few
// frames before the damage may be marked too.
class DamageWatch {
 public:
  explicit DamageWatch(Pipeline &pipeline);  // must not be running yet

  // Must be called after all threads of the pipeline have ended; otherwise, the log function stays installed.
  void end();

  // The decoder's last warning; empty if there was none.
  std::string complaint() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
  void *hearing_;  // the user data of the log function
};

}  // namespace uniad
