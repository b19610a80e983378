// SPDX-License-Identifier: Apache-2.0
// Labels of video frames from CSV.
#pragma once

#include <filesystem>
#include <span>

#include "training/data/source.h"

namespace uniad {

// Sets Item::abnormal of video frames from a CSV (RFC 4180) with a header line: `frame0,abnormal`, for one
// video, or `video,frame0,abnormal`, where video is the file's name or the end of its path, with or without
// extension. Frames count from 0, abnormal is 0 or 1, other columns are ignored. Frames without a row remain
// unlabeled; videos without any labeled frame are listed in the first source's warnings. Throws Error if the
// file does not exist, a line is malformed, no frame is labeled, or a row is ambiguous between several
// videos.
void apply_labels(const std::filesystem::path &csv, std::span<Source> sources);

}  // namespace uniad
