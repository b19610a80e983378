// SPDX-License-Identifier: Apache-2.0
// Panels of channels, and the activations of their values. Compiled once for each instruction set
// (kernels.cpp).
#pragma once

#include "model/kernels/kernels.h"
#include "model/kernels/vector.h"

namespace uniad::cpu {
namespace {

constexpr int panel_vectors = panel_width / lanes;

// Vector v of a panel's floats.
constexpr std::ptrdiff_t lane(int v) {
  return std::ptrdiff_t{v} * lanes;
}

constexpr std::ptrdiff_t panels_of(std::ptrdiff_t n) {
  return n * panel_width;
}

template <typename Element, Activation activation>
Floats activate(Floats x) {
  if constexpr (activation == Activation::Relu) return larger(Floats{}, x);
  if constexpr (activation == Activation::Relu6) return smaller(broadcast(6.0F), larger(Floats{}, x));
  if constexpr (activation == Activation::Silu) return silu<Element::accuracy>(x);
  return x;
}

// Calls `use` with the activation as a constant.
template <typename Use>
void with_activation(Activation activation, Use use) {
  switch (activation) {
    case Activation::None:
      return use.template operator()<Activation::None>();
    case Activation::Relu:
      return use.template operator()<Activation::Relu>();
    case Activation::Relu6:
      return use.template operator()<Activation::Relu6>();
    case Activation::Silu:
      return use.template operator()<Activation::Silu>();
  }
}

}  // namespace
}  // namespace uniad::cpu
