// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "model/file/model_file.h"
#include "training/data/visit.h"
#include "training/progress.h"

namespace uniad {

// Names every item of a visit that could not be read (neighbouring frames of a video in one line) and counts
// them.
void name_unread(std::span<const Item> items, std::span<const Unread> unread, Progress &progress);

// The same; throws Error when there was no other.
void report_unread(std::span<const Item> items, std::span<const Unread> unread, Progress &progress);

// Warns where the source is none that the model was calibrated for.
void report_unknown(const Source &source, const Calibration &calibration, const std::filesystem::path &model,
                    Progress &progress);

// Passes on to the progress, whose stage counts the items, what a visit tells.
VisitListener tell_by(Progress &progress);

}  // namespace uniad
