// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "training/progress.h"

namespace uniad {

// Whether this is a stream that runs now (rtsp://, rtspt://, http://, v4l2:// and whatever else GStreamer
// takes), no file.
bool is_live(const std::string &path);

// A source's name where none was given: the last part of the URI's path, "cam0" of rtsp://host/cam0?x=1, or
// its host.
std::string name_of_stream(const std::string &uri);

// Records `seconds` of every stream, all at the same time, into files NUMBER.mkv of `folder`, and returns
// them in that order. Encoded video is kept as it comes, raw video is encoded without loss (FFV1); sound is
// left out. A file holds at most `most_bytes`. Throws Error, which tells no password: a stream cannot be
// opened or ends in an error, none of its video comes for ten seconds, it outgrows its file, ctrl-C.
std::vector<std::filesystem::path> record(std::span<const std::string> uris, double seconds,
                                          const std::filesystem::path &folder, Progress &progress,
                                          std::uintmax_t most_bytes = std::uintmax_t{8} << 30U);

}  // namespace uniad
