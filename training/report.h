// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "training/data/visit.h"
#include "training/progress.h"

namespace uniad {

// Names every item of a visit that could not be read (the frames that a video lacks in one line) and counts
// them. Throws Error when there was no other.
void report_unread(std::span<const Item> items, std::span<const Unread> unread, Progress &progress);

}  // namespace uniad
