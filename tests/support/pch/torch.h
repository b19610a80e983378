// SPDX-License-Identifier: Apache-2.0
// LibTorch, precompiled.
#include <gtest/gtest.h>
#include <torch/torch.h>
