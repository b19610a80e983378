// SPDX-License-Identifier: Apache-2.0
// Stores what was learned about motion in model files and in files of interrupted learning.
#pragma once

#include <string>

#include "model/base/stored_tensor.h"
#include "model/motion/motion_reference.h"

namespace uniad {

// Adds the metadata entry `uniad.motion` and, for each source, the tensor motion.SOURCE.speeds, (rows, bins),
// where SOURCE is a number from 0. Adds nothing if there are no references.
void store_motion(const MotionReferences &references, TensorFile &content);

// Reads the references and removes their tensors from `content`. The result is empty if the file has none, as
// older files. If only the header was read, the histograms are empty. Throws Error with `file` if the content
// is not as written by store_motion().
MotionReferences take_motion(TensorFile &content, const std::string &file);

}  // namespace uniad
