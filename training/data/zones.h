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

// The zones of each source that has any, by the name of the source.
using SourceZones = std::map<std::string, Zones>;

// specs: each is `[NAME=]FILE` (see read_zones()). Without NAME, the zones apply to every source that has
// none of its own. Throws Error if a file is invalid, if no source is called NAME, or if a source has two
// files.
SourceZones read_source_zones(std::span<const std::string> specs, std::span<const Source> sources,
                              Progress &progress);

// The zones of a source; null if it has none.
const Zones *find_zones(const SourceZones &zones, const std::string &source);

// Prepares the detector for a source: sets its name and its zones, or none if it has none.
void put_in_force(const SourceZones &zones, const Source &source, Detector &detector, Progress &progress);

}  // namespace uniad
