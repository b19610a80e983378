// SPDX-License-Identifier: Apache-2.0
// Zones of sources, as given on the command line.
#pragma once

#include <map>
#include <span>
#include <string>

#include "model/engine/detector.h"
#include "model/scoring/zones.h"
#include "training/base/progress.h"
#include "training/data/source.h"

namespace uniad {

// The zones of each source that has some, by its name.
using SourceZones = std::map<std::string, Zones>;

// specs: `[NAME=]FILE` each (read_zones()); without NAME, the zones of every source that has none of its own.
// Throws Error if a file is not valid, a NAME is not that of a source, or there are two for one source.
SourceZones read_source_zones(std::span<const std::string> specs, std::span<const Source> sources,
                              Progress &progress);

// Lets the detector judge by the zones of the source, or by none.
void put_in_force(const SourceZones &zones, const Source &source, Detector &detector, Progress &progress);

}  // namespace uniad
