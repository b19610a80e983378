// SPDX-License-Identifier: Apache-2.0
// Writes encoded frames to a fragmented MP4 file.
#pragma once

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "gst-plugin/base/ref.h"
#include "gst-plugin/record/encoded_frame.h"

namespace uniad {

// Frames are written as they are, in fragments of half a second. All fragments that have been written can be
// played, whatever happens then.
class Mp4File {
 public:
  // The elements that it needs. Throws Error if one is missing.
  static void check_elements();

  // Creates the file, which must not exist. `first` is the first frame that will be added. Throws Error if
  // the file cannot be created.
  Mp4File(std::string path, const EncodedFrame &first);
  // Ends the file after the last whole fragment, and removes it if there is none.
  ~Mp4File();

  Mp4File(const Mp4File &) = delete;
  Mp4File &operator=(const Mp4File &) = delete;

  // Throws Error if the file cannot be written.
  void add(const EncodedFrame &frame);

  // Writes what has become available since the last frame. Throws Error if the file cannot be written.
  void write_available();

  // Writes everything to the disk. Throws Error if that fails or if the file has been removed.
  void finish();

  const std::string &path() const { return path_; }
  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t frames() const { return frames_; }
  std::uint64_t frames_not_written() const { return frames_ - written_frames_; }
  GstClockTime duration() const { return end_ - base_; }

 private:
  void build(const EncodedFrame &first);
  bool write_next(GstClockTime patience);
  void write(const GstMapInfo &data);
  void write_pending();
  bool is_removed() const;
  void check_errors();
  [[noreturn]] void fail(int error);

  std::string path_;
  int fd_ = -1;
  Ref<GstElement> pipeline_;
  GstAppSrc *source_ = nullptr;  // of the pipeline, as the next
  GstAppSink *sink_ = nullptr;
  GstClockTime base_ = 0;
  GstClockTime end_ = 0;
  std::string pending_;            // of the fragment that is not complete yet
  std::size_t fragment_size_ = 0;  // 0: not known yet
  std::uint64_t pending_frames_ = 0;
  std::uint64_t bytes_ = 0;  // written, as are these frames
  std::uint64_t written_frames_ = 0;
  std::uint64_t frames_ = 0;
};

}  // namespace uniad
