// SPDX-License-Identifier: Apache-2.0
// One clip or segment after another, as they are written to a folder.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "gst-plugin/base/bounded_folder.h"
#include "gst-plugin/record/clip.h"
#include "gst-plugin/record/encoded_frame.h"
#include "gst-plugin/record/mp4_file.h"
#include "gst-plugin/record/result_carrier.h"
#include "gst-plugin/record/segment_index.h"

namespace uniad {

// Waits for the disk, so only a writer's thread uses it, but for tell(), mute() and lose().
class Track {
 public:
  using Reporter = std::function<void(const ClipReport &)>;
  using Counter = std::shared_ptr<std::atomic<std::uint64_t>>;

  // embed: results are recorded with the frames. lost: counts frames that were not written.
  Track(BoundedFolder folder, bool embed, Counter lost, Reporter report);

  void begin(Clip clip);
  void join(std::string event);
  void add(const EncodedFrame &frame);
  void end(const std::vector<Event> &events);
  void write_available();  // what has become available since the last frame

  void tell(ClipReport::Kind kind, Clip clip = {}, std::string reason = {});
  void mute();  // nothing is told from now on
  void lose(std::uint64_t frames) { *lost_ += frames; }

 private:
  void attempt(const std::function<void()> &step);
  void note(const std::function<void()> &step);
  void open(const EncodedFrame &first);
  void write(const EncodedFrame &frame);
  void put(const EncodedFrame &frame);
  void finish(const std::vector<Event> &events);
  void close();
  bool may_try_again(const EncodedFrame &frame) const;

  BoundedFolder folder_;
  bool embed_;
  Counter lost_;
  SegmentIndex index_;
  std::optional<Clip> clip_;
  std::unique_ptr<Mp4File> file_;
  std::optional<ResultCarrier> carrier_;    // of the file, if results are recorded
  std::shared_ptr<const Stretch> stretch_;  // of the file
  std::uint64_t looked_at_ = 0;             // size of the file when the folder was looked through
  std::uint64_t frames_at_hand_ = 0;        // taken, not yet in the file
  GstClockTime failed_at_ = GST_CLOCK_TIME_NONE;
  bool given_up_ = false;  // the rest of this clip is not written
  bool has_frames_ = false;
  bool failing_ = false;
  bool index_failing_ = false;

  std::mutex report_mutex_;  // guards report_, which the owner takes away when it abandons the thread
  Reporter report_;
};

}  // namespace uniad
