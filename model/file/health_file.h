// SPDX-License-Identifier: Apache-2.0
// Stores health references in model files and in files of interrupted learning.
#pragma once

#include <string>

#include "model/base/stored_tensor.h"
#include "model/health/reference.h"

namespace uniad {

// Adds the metadata entry `uniad.health` and the tensors health.SOURCE.LOOK.mean and .deviation, where SOURCE
// and LOOK are numbers from 0. Adds nothing if there are no references.
void store_health(const HealthReferences &references, TensorFile &content);

// Reads the references and removes their tensors from `content`. The result is empty if the file has none, as
// older files. If only the header was read, the tensors have no data, and the pictures are empty. Throws
// Error with `file` if the content is not as written by store_health().
HealthReferences take_health(TensorFile &content, const std::string &file);

}  // namespace uniad
