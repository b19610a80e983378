// SPDX-License-Identifier: Apache-2.0
// Records streams to learn from.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "training/base/progress.h"

namespace uniad {

// Whether this is a live stream (rtsp://, rtspt://, http://, v4l2:// and other schemes that GStreamer
// supports) and not a file.
bool is_live(const std::string &path);

// The default name of a source: the last part of the URI's path ("cam0" for rtsp://host/cam0?x=1) or its
// host.
std::string name_of_stream(const std::string &uri);

// Records `seconds` of each stream, all at the same time, to files NUMBER.mkv in `folder`, and returns them
// in that order. Encoded video is stored unchanged, raw video is encoded losslessly (FFV1), and sound is
// dropped. A file has at most `most_bytes`. Throws Error, without passwords, if a stream cannot be opened or
// fails, delivers no video for ten seconds, or exceeds the maximum size, and on Ctrl-C.
std::vector<std::filesystem::path> record(std::span<const std::string> uris, double seconds,
                                          const std::filesystem::path &folder, Progress &progress,
                                          std::uintmax_t most_bytes = std::uintmax_t{8} << 30U);

}  // namespace uniad
