// SPDX-License-Identifier: Apache-2.0
// A folder of files with times in their names, of which the oldest are removed.
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <string>

namespace uniad {

struct FolderLimits {
  std::uint64_t max_bytes = 0;  // 0: no limit, as for the others
  std::uint64_t max_age = 0;    // nanoseconds
  unsigned max_files = 0;
};

// Files whose names are SOURCE-YYYYMMDDTHHMMSSZ-ID.EXTENSION or SOURCE-YYYYMMDDTHHMMSSZ-ID.overlay.EXTENSION.
// Other files in the folder are left alone.
class BoundedFolder {
 public:
  BoundedFolder(std::string path, std::string extension, const FolderLimits &limits);

  // Creates the folder if it does not exist. Throws Error if that is not possible.
  void create() const;

  // A path that does not exist yet. `time` is in nanoseconds since 1970, in UTC; if unknown, it is now.
  std::string new_path(const std::string &source, GstClockTime time, const std::string &id) const;

  // The path of a second file for the same event, which shows the result on the picture.
  std::string overlay_path(const std::string &path) const;

  // Removes the oldest files until the limits leave room for this many files and bytes more. Never removes
  // `kept` and `also_kept`, which are being written.
  void make_room(unsigned files, std::uint64_t bytes, const std::string &kept = {},
                 const std::string &also_kept = {}) const;

 private:
  std::string path_;
  std::string extension_;  // with the dot
  FolderLimits limits_;
};

}  // namespace uniad
