// SPDX-License-Identifier: Apache-2.0
// What is known of cameras, in a model file and in that of interrupted learning.
#pragma once

#include <string>

#include "model/base/stored_tensor.h"
#include "model/health/reference.h"

namespace uniad {

// Adds the metadata entry `uniad.health` and the tensors health.SOURCE.LOOK.mean and .deviation, both numbers
// from 0; nothing where nothing is known.
void store_health(const HealthReferences &references, TensorFile &content);

// Reads them and takes the tensors out; empty where the file has none, as older ones. Of a header, whose
// tensors have no data, pictures are empty. Throws Error, naming `file`, where they are not what
// store_health() writes.
HealthReferences take_health(TensorFile &content, const std::string &file);

}  // namespace uniad
