// SPDX-License-Identifier: Apache-2.0
#include "model/file/provenance.h"

#include <algorithm>

namespace uniad {

void add_source(Provenance &provenance, const SourceProvenance &source) {
  const auto known = std::find_if(provenance.sources.begin(), provenance.sources.end(),
                                  [&](const auto &other) { return other.name == source.name; });
  if (known == provenance.sources.end()) {
    provenance.sources.push_back(source);
    return;
  }
  known->trained += source.trained;
  known->held_back += source.held_back;
  if (known->aspect_ratio == 0)
    known->aspect_ratio = source.aspect_ratio;
  else if (source.aspect_ratio > 0 && !same_aspect_ratio(known->aspect_ratio, source.aspect_ratio))
    known->aspect_ratio = 0;
  const std::string separator = ", ";
  const std::string all = separator + known->path + separator;
  if (all.find(separator + source.path + separator) == std::string::npos)
    known->path += separator + source.path;
}

}  // namespace uniad
