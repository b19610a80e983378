// SPDX-License-Identifier: Apache-2.0
// A folder of files with times in their names, of which the oldest are removed.
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <memory>
#include <string>

namespace uniad {

struct FolderLimits {
  std::uint64_t max_bytes = 0;  // 0: no limit, as for the others
  std::uint64_t max_age = 0;    // nanoseconds
  unsigned max_files = 0;
};

// Files whose names are SOURCE-YYYYMMDDTHHMMSSZ-ID.EXTENSION or SOURCE-YYYYMMDDTHHMMSSZ-ID.overlay.EXTENSION.
// Other files in the folder are left alone. Copies share which files are in use.
class BoundedFolder {
 public:
  // companion: extension of files that belong to one with the same stem, and go with it; empty: none.
  BoundedFolder(std::string path, std::string extension, const FolderLimits &limits,
                std::string companion = {});

  const std::string &path() const { return path_; }

  // Creates the folder if it does not exist. Throws Error if that is not possible.
  void create() const;

  // A path that does not exist yet, and has not been returned for the same second. `time` is in nanoseconds
  // since 1970, in UTC; if unknown, it is now.
  std::string new_path(const std::string &source, GstClockTime time, const std::string &id) const;

  // The path of a second file for the same event, which shows the result on the picture.
  std::string overlay_path(const std::string &path) const;

  // The path of a file's companion.
  std::string companion_of(const std::string &path) const;

  // While a file is in use, it is not removed.
  void use(const std::string &path) const;
  // The file is complete and closed. It counts as newer than all others, even if the clock was set back by up
  // to a day.
  void finish(const std::string &path) const;
  // The file is no longer in use.
  void release(const std::string &path) const;

  // Removes the oldest files until the limits leave room for this many files and bytes more. Never removes
  // `kept` and `also_kept`, which are being written, and whose bytes are among those asked for.
  void make_room(unsigned files, std::uint64_t bytes, const std::string &kept = {},
                 const std::string &also_kept = {}) const;

 private:
  struct InUse;

  std::string path_;
  std::string extension_;  // with the dot, as the next
  std::string companion_;
  FolderLimits limits_;
  std::shared_ptr<InUse> in_use_;
};

}  // namespace uniad
