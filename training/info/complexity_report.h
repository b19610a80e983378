// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "training/info/info.h"

namespace uniad {

// Parameters, MACs and measured time of every stage of a model's network, for one picture on this machine, on
// what `device=auto` chooses. The time of a stage is what the network takes with it, less what it takes
// without; that of the backbone has the neck's in it. Text, or JSON: {"stages": [{"name", "parameters",
// "macs", "milliseconds"}], "parameters", "macs", "description"}.
void tell_complexity(const InfoOptions &options);

}  // namespace uniad
