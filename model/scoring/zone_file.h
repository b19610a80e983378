// SPDX-License-Identifier: Apache-2.0
// Reads zones from JSON.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "model/scoring/zones.h"

namespace uniad {

struct ZoneFile {
  Zones zones;
  std::vector<std::string> warnings;  // unknown keys, parts that have no effect: "FILE:LINE: ..."
};

// Limits of one file.
inline constexpr std::size_t most_zones = 256;
inline constexpr std::size_t most_zone_points = 100'000;  // of all zones together

// {"zones": [{"name": "door", "kind": "watch", "polygon": [[0.1, 0.2], [0.4, 0.2], [0.4, 0.9]]}],
//  "mask": "FILE.png"}
// Both keys are optional, so {} means no zones. A watch zone needs a unique name, and may have a "threshold"
// or a "sensitivity". A polygon has at least three points, in 0..1 of the frame; parts beyond the frame have
// no effect, and coordinates below -1 or above 2 are an error. name: the name of the text in messages.
// folder: the base of a relative path of the mask. Throws Error with the line, the zone and the key.
ZoneFile parse_zones(std::string_view text, const std::string &name, const std::filesystem::path &folder);

// Reads zones from JSON if the text begins with {, otherwise from the JSON file at this path. An empty text
// means no zones. The path of a mask in a file is relative to the file's folder. Throws Error.
ZoneFile read_zones(const std::string &text_or_path);

}  // namespace uniad
