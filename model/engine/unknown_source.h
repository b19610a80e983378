// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "model/file/model_file.h"

namespace uniad {

// That the calibration does not know a source, and which it does; empty where there is nothing to say. A name
// that is not known is mostly a mistake. One that nobody chose, with a model of one source, is none.
inline std::string unknown_source(const Calibration &calibration, const std::string &source, bool chosen) {
  const auto &sources = calibration.sources;
  if (sources.empty() || sources.contains(source) || (!chosen && sources.size() == 1)) return {};
  std::string known;
  for (const auto &[name, statistics] : sources) known += (known.empty() ? "\"" : ", \"") + name + "\"";
  return "the source \"" + source +
         "\" is not known and judged by the threshold of all sources together; known " +
         (sources.size() == 1 ? "is " : "are ") + known;
}

}  // namespace uniad
