// SPDX-License-Identifier: Apache-2.0
// Precompiled header: without it, LibTorch's headers take half a minute per source file.
#include <torch/torch.h>
