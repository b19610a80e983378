// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <span>

#include "training/data/source.h"

namespace uniad {

// Sets Item::abnormal of video frames from a CSV with a header line: `frame0,abnormal`, for one video, or
// `video,frame0,abnormal`, where video is the file's name without extension. Frames count from 0, abnormal is
// 0 or 1, other columns are ignored. Frames without a row stay unlabelled. Throws Error: no such file, a
// malformed line, no frame labelled, rows without a video name for several videos.
void apply_labels(const std::filesystem::path &csv, std::span<Source> sources);

}  // namespace uniad
