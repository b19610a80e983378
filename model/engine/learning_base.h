// SPDX-License-Identifier: Apache-2.0
// The model that interrupted learning was learned on top of.
#pragma once

#include <cstdint>
#include <string>

#include "model/base/stored_tensor.h"

namespace uniad {

// The model that was being extended: fingerprints of its network and of its statistics (identity_of()).
struct LearningBase {
  std::uint64_t network = 0;
  std::uint64_t known = 0;
};

// Stores the base and the current time in the file of interrupted learning.
void store_base(const LearningBase &base, TensorFile &stored);

// Throws Error unless `stored` was learned on top of this base less than a week ago. where: the model, for
// errors.
void require_base(const TensorFile &stored, const LearningBase &base, const std::string &where);

}  // namespace uniad
