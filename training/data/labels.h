// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <span>

#include "training/data/source.h"

namespace uniad {

// Sets Item::abnormal of video frames from a CSV (RFC 4180) with a header line: `frame0,abnormal`, for one
// video, or `video,frame0,abnormal`, where video is the file's name or the end of its path, with or without
// extension. Frames count from 0, abnormal is 0 or 1, other columns are ignored. Frames without a row stay
// unlabelled; videos all of whose frames do are named in the first source's remarks. Throws Error: no such
// file, a malformed line, no frame labelled, a row that may mean several videos.
void apply_labels(const std::filesystem::path &csv, std::span<Source> sources);

}  // namespace uniad
