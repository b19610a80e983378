// SPDX-License-Identifier: Apache-2.0
// The activation functions of the networks.
#pragma once

namespace uniad {

// The activation after a convolution or a linear layer, on every device.
enum class Activation { None, Relu, Relu6, Silu };

}  // namespace uniad
