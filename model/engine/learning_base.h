// SPDX-License-Identifier: Apache-2.0
// What interrupted learning was learned on top of.
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

// Notes it in what is kept of interrupted learning, with the time of day.
void store_base(const LearningBase &base, TensorFile &stored);

// Throws Error unless that was learned on top of this base, less than a week ago. where: the model.
void require_base(const TensorFile &stored, const LearningBase &base, const std::string &where);

}  // namespace uniad
