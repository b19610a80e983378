// SPDX-License-Identifier: Apache-2.0
// Prints parameters, multiplications and measured times of a model's stages.
#pragma once

#include "training/info/info.h"

namespace uniad {

// Prints parameters, MACs and measured time of every stage of a model's network, for one picture on the
// device that `device=auto` selects. The time of a stage is the difference between the network with and
// without it; that of the backbone includes the neck. Text, or JSON: {"stages": [{"name", "parameters",
// "macs", "milliseconds"}], "parameters", "macs", "description"}.
void tell_complexity(const InfoOptions &options);

}  // namespace uniad
