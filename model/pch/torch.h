// SPDX-License-Identifier: Apache-2.0
// Precompiled: torch's headers cost half a minute a file without it.
#include <torch/torch.h>
