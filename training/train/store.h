// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/file/model_file.h"
#include "model/network.h"

namespace uniad {

// Puts everything of the network but its statistics into the model, by the names of the model file.
void store_network(const Network &network, Model &model);

}  // namespace uniad
