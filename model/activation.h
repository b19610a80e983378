// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace uniad {

// What follows a convolution or a linear layer, on every device.
enum class Activation { None, Relu, Relu6, Silu };

}  // namespace uniad
