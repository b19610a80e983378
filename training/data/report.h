// SPDX-License-Identifier: Apache-2.0
// Reports data that could not be read.
#pragma once

#include <span>

#include "model/file/model_file.h"
#include "training/base/progress.h"
#include "training/data/visit.h"

namespace uniad {

// Lists every item of a visit that could not be read (neighboring frames of a video on one line) and their
// number.
void name_unread(std::span<const Item> items, std::span<const Unread> unread, Progress &progress);

// The same; throws Error if no item could be read.
void report_unread(std::span<const Item> items, std::span<const Unread> unread, Progress &progress);

// Warns if the model was not calibrated for the source.
void report_unknown(const Source &source, const Calibration &calibration, const std::filesystem::path &model,
                    Progress &progress);

// Forwards the reports of a visit to `progress`, whose stage counts the items.
VisitListener tell_by(Progress &progress);

}  // namespace uniad
