// SPDX-License-Identifier: Apache-2.0
#include "training/data/zones.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "model/base/error.h"
#include "model/base/json_text.h"
#include "model/scoring/zone_file.h"

namespace uniad {
namespace {

void require_source(const std::string &name, std::span<const Source> sources) {
  if (std::any_of(sources.begin(), sources.end(), [&](const Source &source) { return source.name == name; }))
    return;
  std::string known;
  for (const Source &source : sources) known += (known.empty() ? "" : ", ") + source.name;
  throw Error(ErrorKind::InvalidArgument, "--zones", "the data has no source \"" + name + "\"",
              "use one of: " + known);
}

}  // namespace

SourceZones read_source_zones(std::span<const std::string> specs, std::span<const Source> sources,
                              Progress &progress) {
  SourceZones zones;
  std::optional<Zones> of_others;
  for (const std::string &spec : specs) {
    const auto [name, file] = spec.starts_with('{') ? std::pair(std::string(), spec) : parse_spec(spec);
    ZoneFile read = read_zones(file);
    for (const std::string &warning : read.warnings) progress.say("warning: " + warning);
    const std::string source = valid_utf8(name);
    if (!name.empty()) require_source(source, sources);
    const bool is_new = name.empty() ? !of_others : !zones.contains(source);
    if (!is_new)
      throw Error(ErrorKind::InvalidArgument, "--zones",
                  name.empty() ? "is given twice without NAME=" : "is given twice for " + source,
                  "put all zones of a source into one file");
    if (name.empty())
      of_others = std::move(read.zones);
    else
      zones[source] = std::move(read.zones);
  }
  if (of_others)
    for (const Source &source : sources) zones.emplace(source.name, *of_others);
  return zones;
}

const Zones *find_zones(const SourceZones &zones, const std::string &source) {
  const auto own = zones.find(source);
  return own == zones.end() ? nullptr : &own->second;
}

void put_in_force(const SourceZones &zones, const Source &source, Detector &detector, Progress &progress) {
  const Zones *own = find_zones(zones, source.name);
  detector.set_source(source.name);
  const auto warnings = detector.set_zones(own == nullptr ? Zones() : *own);
  for (const std::string &warning : warnings) progress.say("warning: " + source.name + ": " + warning);
}

}  // namespace uniad
